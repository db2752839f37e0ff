"""A count of unfinished starts, in a file: a board that resets again and again should stop doing so."""

import os

_MOST = 3


class BootCounter:
    """begin() and done() around a start. An end of Python in between (a reset, a crash, a power cut) is counted."""

    def __init__(self, path="starts.txt"):
        self._path = path

    def begin(self):
        """Count a start. Return False after three failed ones, and forget them, so that the next start is tried."""
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
        """Mark the start as finished, with or without an error."""
        try:
            os.remove(self._path)
        except OSError:
            pass


def start_is_over():
    """Mark the start of this board as finished."""
    BootCounter().done()
