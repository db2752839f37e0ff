"""The sound level of the status line, from one sample in 64 or so."""

from ..platform import const
from .fixed import log2

_MOST = const(1 << 14)  # squares in a sum, which so stays below 2**30; then all are halved

SILENCE = const(-1200)  # tenths of a dB: what digital silence shows


class Level:
    """The RMS in dB relative to a full-scale sine (0 dBFS).

    A loop over all samples would be slow in Python, so it uses few. The gaps are irregular: with a fixed stride a tone
    near a multiple of rate / stride would seem constant.
    """

    def __init__(self):
        self._high = 0
        self._low = 0
        self._count = 0
        self._next = 0
        self._random = 1

    def add(self, pcm):
        """Add a block (int16 array or view) that follows the last one."""
        i = self._next
        n = len(pcm)
        high = self._high
        low = self._low
        count = self._count
        random = self._random
        while i < n:
            x = pcm[i]
            square = x * x if x > -32768 else 32767 * 32767
            high += square >> 15
            low += square & 32767
            count += 1
            if count == _MOST:
                high >>= 1
                low >>= 1
                count >>= 1
            # Full period over 4096 states; the products stay small integers.
            random = (random * 1229 + 1) & 4095
            i += 1 + (random >> 5)
        self._next = i - n
        self._high = high
        self._low = low
        self._count = count
        self._random = random

    def read(self):
        """Return tenths of dBFS since the last read; over a long time the recent sound counts for more."""
        total = (self._high << 15) + self._low
        count = self._count
        self._high = self._low = self._count = 0
        if not total:
            return SILENCE
        # Mean square in Q16 against that of a full-scale sine, 2**29: 10 dB per decade is 3.0103 dB per octave.
        octaves = log2((total << 16) // count or 1) - (45 << 16)
        return max(SILENCE, (octaves * 30103 + 32768000) // 65536000)
