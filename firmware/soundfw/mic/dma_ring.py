"""Sound by DMA into a ring buffer on the RP2 chips: the CPU does nothing, and every loss is counted."""

import time

import rp2
import uctypes

from .. import FirmwareError
from ..platform import const

_DMA = const(0x50000000)
_COUNT_TRIG = const(0x1C)  # of a channel: a store there starts it with that count


class DmaRing:
    """A source for Mic. read: address of the FIFO that DREQ `treq` paces; width: bytes of a transfer, 2 or 4.

    converter: I2sUnpacker or Pdm; unit: bytes that make a sample; bits: the ring holds 2**bits bytes, at most 2**15.
    """

    ROUND = 1 << 27  # transfers until the count restarts: a multiple of every ring; the RP2350 counts in 28 bits

    def __init__(self, read, treq, width, converter, unit, bits, rate_hz):
        size = 1 << bits
        # The chip's rings lie at multiples of their size.
        self._memory = bytearray(2 * size)
        skip = -uctypes.addressof(self._memory) & (size - 1)
        self._ring = memoryview(self._memory)[skip : skip + size]
        self._size = size
        self._width = width
        self._convert = converter.convert
        self._unit = unit
        self._rate_hz = rate_hz
        self._views = ()
        self._samples = 0  # of a block
        self._at = 0  # next block
        self._ready = 0  # bytes not read yet
        self._left = self.ROUND  # the channel's count when it was last looked at
        self.lost = 0
        try:
            self._data = rp2.DMA()
            self._again = rp2.DMA()
        except OSError:
            raise FirmwareError("mic.open", "no DMA channel is free")
        self._count = bytearray(self.ROUND.to_bytes(4, "little"))
        again = self._again.channel
        # After a round the second channel restarts the first one, which goes on at its place in the ring.
        self._again.config(
            read=self._count,
            write=_DMA + 0x40 * self._data.channel + _COUNT_TRIG,
            count=1,
            ctrl=self._again.pack_ctrl(inc_read=False, inc_write=False, chain_to=again),
        )
        self._data.config(
            read=read,
            write=self._ring,
            count=self.ROUND,
            ctrl=self._data.pack_ctrl(
                size=width >> 1, inc_read=False, ring_sel=True, ring_size=bits, treq_sel=treq, chain_to=again
            ),
            trigger=True,
        )

    def fitting(self, samples):
        """Return the largest block size, at most `samples`, that divides the ring into several equal parts."""
        most = self._size // (2 * self._unit)
        while most > samples:
            most >>= 1
        return most

    def _prepare(self, samples):
        if samples != self.fitting(samples):
            raise FirmwareError("mic.block", "a block must have %d samples here" % self.fitting(samples))
        size = samples * self._unit
        self._samples = samples
        self._block = size
        self._views = [self._ring[i : i + size] for i in range(0, self._size, size)]

    def _there(self):
        """Return the bytes that have come in and are not read yet."""
        left = self._data.count
        ready = self._ready = self._ready + (self._left - left) % self.ROUND * self._width
        self._left = left
        return ready

    def behind(self):
        """Return True if a whole block is there."""
        return self._samples > 0 and self._there() >= self._block

    def readinto(self, buf):
        """Fill buf (int16) and return the bytes; None if a sleep until the block should be whole was too short."""
        if len(buf) != self._samples:
            self._prepare(len(buf))
        block = self._block
        ready = self._there()
        if ready < block:
            time.sleep_ms((block - ready) // self._unit * 1000 // self._rate_hz + 1)
            ready = self._there()
            if ready < block:
                return None
        views = self._views
        at = self._at
        # DMA writes to the next block while this one is read.
        over = ready + block - self._size
        if over > 0:
            skip = (over + block - 1) // block
            at = (at + skip) % len(views)
            ready -= skip * block
            self.lost += skip * self._samples
        self._convert(views[at], buf)
        self._at = (at + 1) % len(views)
        self._ready = ready - block
        return 2 * len(buf)

    def close(self):
        """Stop the transfers."""
        for channel in (self._data, self._again):
            # Unchain them first: stopping one would start the other.
            channel.config(ctrl=0)
            channel.active(0)
            channel.close()
