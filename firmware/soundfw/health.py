"""Measurements of the board itself: free heap, time per step."""


def heap_free():
    """Return the free bytes of the heap, 0 where Python has no such count."""
    import gc

    return gc.mem_free() if hasattr(gc, "mem_free") else 0


class Stopwatch:
    """The longest time between start() and stop().

    ticks, ticks_diff: functions like time.ticks_us and time.ticks_diff. Without them every time is 0. Times are only
    reported: nothing is decided by them.
    """

    def __init__(self, ticks=None, ticks_diff=None):
        self._ticks = ticks
        self._diff = ticks_diff
        self._begin = 0
        self._longest = 0

    def start(self):
        """Begin a measurement."""
        if self._ticks:
            self._begin = self._ticks()

    def stop(self):
        """End a measurement."""
        if self._ticks:
            self._longest = max(self._longest, self._diff(self._ticks(), self._begin))

    def read(self):
        """Return the longest time since the last call, in microseconds."""
        longest, self._longest = self._longest, 0
        return longest


def stopwatch():
    """Make a Stopwatch with MicroPython's clock, or without one where there is none."""
    try:
        import time
    except ImportError:  # QEMU's port
        return Stopwatch()
    return Stopwatch(getattr(time, "ticks_us", None), getattr(time, "ticks_diff", None))
