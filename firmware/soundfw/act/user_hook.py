"""A user's own function on the board: `def on_event(label, edge, time_s, score)` in on_event.py.

It is called after the event's lines have gone out and its pins have been switched. What it raises is counted and
reported, and so is its time; the sound that finds no room meanwhile is counted as lost, as always.
"""

from .. import FirmwareError
from ..platform import error_text
from ..storage import files

FILE = "on_event.py"


def load(folder):
    """Return the function of on_event.py in a folder, or None without the file; FirmwareError if it cannot be used."""
    path = files.join(folder, FILE)
    if files.size(path) < 0:
        return None
    scope = {"__name__": "on_event"}
    try:
        source = files.read(path).decode()
        exec(compile(source, FILE, "exec"), scope)
    except (Exception, SystemExit) as e:
        raise FirmwareError("on_event.load", "%s: %s" % (FILE, error_text(e, FILE)))
    function = scope.get("on_event")
    if not callable(function):
        raise FirmwareError("on_event.load", FILE + " has no function on_event(label, edge, time_s, score)")
    return function


class UserHook:
    """Calls a user's function and contains it. stopwatch: Stopwatch; slow_us: a call that takes longer is slow."""

    def __init__(self, function, stopwatch, slow_us):
        self._function = function
        self._stopwatch = stopwatch
        self._slow_us = slow_us
        self._longest_us = 0
        self.calls = 0
        self.errors = 0
        self.slow = 0

    def call(self, label, edge, time_s, score):
        """Call the function; return None, or what it raised, as a text."""
        error = None
        self.calls += 1
        self._stopwatch.start()
        try:
            self._function(label, edge, time_s, score)
        except (Exception, SystemExit) as e:
            self.errors += 1
            error = error_text(e, FILE)
        self._stopwatch.stop()
        took_us = self._stopwatch.read()
        self._longest_us = max(self._longest_us, took_us)
        if took_us > self._slow_us:
            self.slow += 1
        return error

    def read_longest_us(self):
        """Return the longest call since the last time this was read, in microseconds."""
        longest, self._longest_us = self._longest_us, 0
        return longest
