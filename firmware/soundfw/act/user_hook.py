"""A user's own function on the board: `def on_event(label, edge, time_s, score)` in on_event.py.

It is called after the event's lines have gone out and its pins have been switched. What it raises is counted and
reported, and so is its time; the sound that finds no room meanwhile is counted as lost, as always. A call that does not
end is ended, where the port can do that.
"""

from .. import FirmwareError
from ..platform import const, error_text
from ..storage import files

FILE = "on_event.py"
_LIMIT_MS = const(20000)


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
    """Calls a user's function and contains it.

    stopwatch: Stopwatch. slow_us: a call that takes longer is slow; limit_ms: one that takes longer is ended.
    """

    def __init__(self, function, stopwatch, slow_us, limit_ms=_LIMIT_MS):
        self._function = function
        self._limit_ms = limit_ms
        try:
            from .time_limit import TimeLimit

            self._limit = TimeLimit(limit_ms)
        except (ImportError, NotImplementedError, AttributeError, TypeError, ValueError, OSError):
            self._limit = None
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
            self._run(label, edge, time_s, score)
        except (Exception, SystemExit) as e:
            self.errors += 1
            error = error_text(e, FILE)
        except KeyboardInterrupt:
            if self._limit is None or not self._limit.fired:
                raise
            self.errors += 1
            error = "it was ended after %d ms" % self._limit_ms
        self._stopwatch.stop()
        took_us = self._stopwatch.read()
        self._longest_us = max(self._longest_us, took_us)
        if took_us > self._slow_us:
            self.slow += 1
        return error

    def _run(self, *event):
        if self._limit is None:
            self._function(*event)
            return
        self._limit.start()
        try:
            self._function(*event)
        finally:
            self._limit.stop()

    def read_longest_us(self):
        """Return the longest call since the last time this was read, in microseconds."""
        longest, self._longest_us = self._longest_us, 0
        return longest
