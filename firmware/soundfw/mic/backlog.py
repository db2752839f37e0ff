"""The loss in a driver that drops sound silently, computed from the time between reads.

The driver's buffer holds `capacity` samples. After a late read it has been full, and the time shows how much was lost.
"""

_SECOND = 1000000  # us


def _gcd(a, b):
    while b:
        a, b = b, a % b
    return a


class Backlog:
    """The samples in a driver's buffer. rate_hz: of the sound; unit: samples that the driver drops at once.

    Each loss is exact up to a unit. A read that had to wait has emptied the buffer: reset() then keeps clocks that
    differ a little from adding up. All numbers stay small integers.
    """

    def __init__(self, rate_hz, capacity, unit):
        divisor = _gcd(rate_hz, _SECOND)
        self._rate_hz = rate_hz
        self._up = rate_hz // divisor
        self._down = _SECOND // divisor
        self._capacity = capacity
        self._unit = unit
        self._rest = 0
        self.behind = 0  # samples in the buffer

    def advance(self, us):
        """Add the time since the last call; return the samples lost in it, a multiple of the unit."""
        while us >= _SECOND:
            us -= _SECOND
            self.behind += self._rate_hz
        total = us * self._up + self._rest
        self.behind += total // self._down
        self._rest = total % self._down
        over = self.behind - self._capacity
        if over < self._unit:
            return 0
        over -= over % self._unit
        self.behind -= over
        return over

    def read(self, samples):
        """Remove samples that have been read."""
        self.behind -= samples

    def reset(self):
        """Mark the buffer as empty: a read that had to wait has just returned."""
        self.behind = 0
        self._rest = 0
