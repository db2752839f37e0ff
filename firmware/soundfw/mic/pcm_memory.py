"""Sound that an emulator has put in memory, for ports without a microphone and without files."""

import uctypes

from .. import FirmwareError


class Memory:
    """A source for Mic. settings: {"kind": "memory", "address", "samples"}.

    int16 in native order, at an even address, at the model's rate.
    """

    def __init__(self, settings, rate_hz):
        try:
            self._at = settings["address"]
            self._end = self._at + 2 * settings["samples"]
        except KeyError as e:
            raise FirmwareError("mic.memory", "the sound's settings lack " + str(e))

    def readinto(self, buf):
        """Copy the next samples to buf and return the bytes; 0 at the end."""
        n = min(2 * len(buf), self._end - self._at)
        # By address on both sides: a memoryview over more than 16 MB of bytes cannot be sliced on 32 bits.
        uctypes.bytearray_at(uctypes.addressof(buf), n)[:] = uctypes.bytearray_at(self._at, n)
        self._at += n
        return n
