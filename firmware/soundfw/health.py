"""What the board knows about itself."""


def heap_free():
    """Free bytes of the heap, 0 where Python does not tell."""
    import gc

    return gc.mem_free() if hasattr(gc, "mem_free") else 0


class Stopwatch:
    """The longest time between start() and stop() since the last read(), in microseconds; 0 without a clock.

    ticks: a function like time.ticks_us, whose values differ by ticks_diff. Time measures the board, it never
    decides anything.
    """

    def __init__(self, ticks=None, ticks_diff=None):
        self._ticks = ticks
        self._diff = ticks_diff
        self._begin = 0
        self._longest = 0

    def start(self):
        if self._ticks:
            self._begin = self._ticks()

    def stop(self):
        if self._ticks:
            self._longest = max(self._longest, self._diff(self._ticks(), self._begin))

    def read(self):
        longest, self._longest = self._longest, 0
        return longest


def stopwatch():
    """A Stopwatch with MicroPython's clock; without one where there is none."""
    try:
        import time
    except ImportError:  # QEMU's port
        return Stopwatch()
    return Stopwatch(getattr(time, "ticks_us", None), getattr(time, "ticks_diff", None))
