"""What a driver with a buffer drops without telling, found from the time that passes between reads.

A driver's buffer holds `capacity` samples. Whoever reads late finds it full, and the time says how much came in vain.
"""

_SECOND = 1000000  # us


def _gcd(a, b):
    while b:
        a, b = b, a % b
    return a


class Backlog:
    """rate_hz: of the sound, by the clock that counts the time. unit: samples that the driver drops at once.

    Each loss is exact up to a unit. A read that had to wait has emptied the driver's buffer, and reset() says so:
    thus clocks that differ a little do no harm. All numbers stay small integers.
    """

    def __init__(self, rate_hz, capacity, unit):
        divisor = _gcd(rate_hz, _SECOND)
        self._rate_hz = rate_hz
        self._up = rate_hz // divisor
        self._down = _SECOND // divisor
        self._capacity = capacity
        self._unit = unit
        self._rest = 0
        self.behind = 0  # samples that have come and were not read

    def advance(self, us):
        """Time has gone by since the last call; returns the samples lost, a multiple of the unit."""
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
        """So many have been read."""
        self.behind -= samples

    def reset(self):
        """A read that had to wait has just returned."""
        self.behind = 0
        self._rest = 0
