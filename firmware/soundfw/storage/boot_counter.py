"""Counts the starts that never came to an end, in a file: a board that resets again and again should stop that."""

import os

_MOST = 3


class BootCounter:
    """begin() and done() around a start. What leaves Python in between (a reset, a crash, no power) is remembered."""

    def __init__(self, path="starts.txt"):
        self._path = path

    def begin(self):
        """False if the last three starts failed; then they are forgotten, so that the next one is tried."""
        failed = 0
        try:
            with open(self._path) as f:
                failed = int(f.read())
        except (OSError, ValueError):
            pass
        if failed >= _MOST:
            self.done()
            return False
        try:
            with open(self._path, "w") as f:
                f.write(str(failed + 1))
        except OSError:
            # Without a file system nothing is counted, and nothing is lost.
            pass
        return True

    def done(self):
        """The start came to its end, with or without an error."""
        try:
            os.remove(self._path)
        except OSError:
            pass
