"""A user's own function on the board: `def on_event(label, edge, time_s, score)` in on_event.py.

It is called after the event's lines have gone out and its pins have been switched. What it raises is counted and
reported, and so is its time; the sound that finds no room meanwhile is counted as lost, as always. A call that does not
end is ended, where the port can do that, and so is a file that does not come to its end when it is loaded.
"""

from .. import FirmwareError
from ..platform import const, error_text, time_limit
from ..storage import files

FILE = "on_event.py"
_LIMIT_MS = const(20000)


def _contained(limit, limit_ms, function, *arguments):
    """Call a function within a limit of its time; return None, or what it raised, as a text.

    Only a KeyboardInterrupt that is not the limit's goes on: Ctrl-C leaves to the REPL.
    """
    if limit is not None:
        limit.start()
    try:
        try:
            function(*arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as e:  # SystemExit and asyncio's CancelledError are no Exceptions
            return error_text(e, FILE)
        finally:
            if limit is not None:
                limit.stop()
    except KeyboardInterrupt:
        if limit is None or not limit.fired:
            raise
        return "it was ended after %d ms" % limit_ms
    return None


def _never_runs(function):
    """Return True for a generator or an async function: a call makes an object, and runs nothing of it."""

    def generator():
        yield

    if type(generator) is not type(_never_runs):  # MicroPython
        return type(function) is type(generator)
    # CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR
    return type(function) is type(_never_runs) and bool(function.__code__.co_flags & 0x2A0)


def load(folder, limit_ms=_LIMIT_MS):
    """Return the function of on_event.py in a folder, or None without the file; FirmwareError if it cannot be used."""
    path = files.join(folder, FILE)
    if files.size(path) < 0:
        return None
    scope = {"__name__": "on_event"}

    def run():
        exec(compile(files.read(path).decode(), FILE, "exec"), scope)

    error = _contained(time_limit(limit_ms), limit_ms, run)
    if error is not None:
        raise FirmwareError("on_event.load", "%s: %s" % (FILE, error))
    function = scope.get("on_event")
    if not callable(function):
        raise FirmwareError("on_event.load", FILE + " has no function on_event(label, edge, time_s, score)")
    if _never_runs(function):
        raise FirmwareError("on_event.load", FILE + ": on_event must be a plain function, without yield or async")
    return function


class UserHook:
    """Calls a user's function and contains it.

    stopwatch: Stopwatch. slow_us: a call that takes longer is slow; limit_ms: one that takes longer is ended.
    """

    def __init__(self, function, stopwatch, slow_us, limit_ms=_LIMIT_MS):
        self._function = function
        self._limit_ms = limit_ms
        self._limit = time_limit(limit_ms)
        self._stopwatch = stopwatch
        self._slow_us = slow_us
        self._longest_us = 0
        self.calls = 0
        self.errors = 0
        self.slow = 0

    def call(self, label, edge, time_s, score):
        """Call the function; return None, or what it raised, as a text."""
        self.calls += 1
        self._stopwatch.start()
        error = _contained(self._limit, self._limit_ms, self._run, label, edge, time_s, score)
        if error is not None:
            self.errors += 1
        self._stopwatch.stop()
        took_us = self._stopwatch.read()
        self._longest_us = max(self._longest_us, took_us)
        if took_us > self._slow_us:
            self.slow += 1
        return error

    def _run(self, *event):
        result = self._function(*event)
        # Of a generator or a coroutine nothing has run.
        if hasattr(result, "throw") or hasattr(result, "athrow"):
            if hasattr(result, "close"):
                result.close()
            raise TypeError("on_event must be a plain function, without yield or async")

    def read_longest_us(self):
        """Return the longest call since the last time this was read, in microseconds."""
        longest, self._longest_us = self._longest_us, 0
        return longest
