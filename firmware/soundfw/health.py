"""Measurements of the board itself, by its clock."""

from . import platform


def _stopped(now=0, begin=0):
    return 0


class Stopwatch:
    """The longest time between start() and stop().

    ticks, ticks_diff: functions like time.ticks_us and time.ticks_diff; tick_us: microseconds of a tick. Without them
    every time is 0. Times are only reported: nothing is decided by them.
    """

    def __init__(self, ticks=None, ticks_diff=None, tick_us=1):
        self.ticks = ticks or _stopped
        self._diff = ticks_diff if ticks else _stopped
        self._tick_us = tick_us
        self._begin = 0
        self._longest = 0

    def start(self):
        """Begin a measurement."""
        self._begin = self.ticks()

    def stop(self, begin=None):
        """End a measurement. begin: what ticks() was at its beginning, of one that start() has not begun."""
        took = self._diff(self.ticks(), self._begin if begin is None else begin)
        if took > self._longest:
            self._longest = took

    def read(self):
        """Return the longest time since the last call, in microseconds."""
        longest, self._longest = self._longest, 0
        return longest * self._tick_us


def stopwatch():
    """Make a Stopwatch with the board's clock, or without one where there is none."""
    return Stopwatch(platform.ticks, platform.ticks_diff, platform.TICK_US)


def clock_ms():
    """Return a function that gives the milliseconds since its last call; always 0 where there is no clock."""
    ticks, diff = platform.ticks, platform.ticks_diff
    if ticks is None:
        return lambda: 0
    last = [ticks()]
    rest = [0]

    def elapsed():
        now = ticks()
        # After a pause of half the clock's round it looks as if time had gone back.
        us = max(0, diff(now, last[0])) * platform.TICK_US + rest[0]
        last[0] = now
        rest[0] = us % 1000
        return us // 1000

    return elapsed
