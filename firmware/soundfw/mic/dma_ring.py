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
        self._target = []  # the buffer to fill
        self._rounds = None
        self._block = 0  # bytes of a block
        self._seen = [0, self.ROUND]  # bytes not read yet; the channel's count when it was last looked at
        self.lost = 0
        # Of what nobody else counts.
        self.captured = 0
        self.position = [0]
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

    def reader(self, buf, counts=None):
        """Return an iterator each round of which fills buf (int16) and gives it; see microphone.Mic for `counts`.

        It gives None if a sleep until the block should be whole was too short.
        """
        samples = len(buf)
        if samples != self.fitting(samples):
            raise FirmwareError("mic.block", "a block must have %d samples here" % self.fitting(samples))
        self._target = [buf]
        self._block = samples * self._unit
        self._rounds = self._fill(self._target, samples, self._block, counts or self)
        return self._rounds

    def _fill(self, target, samples, block, counts):
        # A generator: its names are places in its frame, where attributes would be looked up for every block.
        data = self._data
        convert = self._convert
        sleep_ms = time.sleep_ms
        mask = self.ROUND - 1
        width = self._width
        bytes_s = self._unit * self._rate_hz
        ring = self._ring
        views = [ring[i : i + block] for i in range(0, self._size, block)]
        count = len(views)
        most = self._size - block
        position = counts.position
        skipped = self.lost
        captured = 0
        at = 0
        seen = self._seen
        ready, left = seen
        while True:
            now = data.count
            ready += (left - now & mask) * width
            left = now
            if ready < block:
                # The clock's divider may make the sound 0.2 % slow: a sleep that is too short costs a turn.
                sleep_ms((block - ready) * 1002 // bytes_s + 1)
                now = data.count
                ready += (left - now & mask) * width
                left = now
            filled = None
            if ready >= block:
                # DMA writes to the next block while this one is read.
                if ready > most:
                    skip = (ready - most + block - 1) // block
                    at = (at + skip) % count
                    ready -= skip * block
                    skipped += skip * samples
                    self.lost = counts.lost = skipped
                filled = target[0]
                convert(views[at], filled)
                position[0] = captured + skipped
                captured += samples
                counts.captured = captured
                at += 1
                if at == count:
                    at = 0
                ready -= block
            # A place in a list takes an eighth of the time of an attribute.
            seen[0] = ready
            seen[1] = left
            yield filled

    def behind(self):
        """Return True if a whole block is there."""
        ready, left = self._seen
        ready += (left - self._data.count & self.ROUND - 1) * self._width
        return self._block > 0 and ready >= self._block

    def readinto(self, buf):
        """Fill buf (int16) and return the bytes; None if a sleep until the block should be whole was too short."""
        if self._block != len(buf) * self._unit:
            self.reader(buf)
        self._target[0] = buf
        return 2 * len(buf) if next(self._rounds) is not None else None

    def close(self):
        """Stop the transfers."""
        for channel in (self._data, self._again):
            # Unchain them first: stopping one would start the other.
            channel.config(ctrl=0)
            channel.active(0)
            channel.close()
