"""Sound in: any source with `readinto`, behind a ring of blocks.

A source has readinto(buf) -> bytes read (whole samples of int16, native order), None for nothing yet, 0 for the
end; and optionally `lost`, samples it knows to have lost since its start.
"""

from array import array

from .compat import FirmwareError


class Mic:
    """Ring of `blocks` blocks of `block_samples`; what finds no room is counted in `lost`.

    fill() is for the producer, take() for the consumer; `start` is the position of the block taken last, in samples
    since the start, lost ones included: positions stay true to the time of the sound.
    """

    def __init__(self, source, block_samples, blocks=4):
        self._source = source
        self.block_samples = block_samples
        # One more than the ring holds: when the ring is full, sound goes there and is lost.
        self._buffers = [array("h", bytes(2 * block_samples)) for _ in range(blocks + 1)]
        self._views = [memoryview(b) for b in self._buffers]
        self._starts = [0] * (blocks + 1)
        self._newest = 0
        self._oldest = 0
        self._taken = False
        self._have = 0  # samples in the newest block
        self._source_lost = 0
        self.captured = 0
        self.lost = 0
        self.start = 0
        self.ended = False

    def fill(self):
        """Reads once from the source; False when that has ended."""
        i = self._newest
        n = self._source.readinto(self._views[i][self._have :] if self._have else self._views[i])
        if n is None:
            return True
        if n == 0:
            self.ended = True
            return False
        if self._have == 0:
            known = getattr(self._source, "lost", 0)
            self.lost += known - self._source_lost
            self._source_lost = known
            self._starts[i] = self.captured + self.lost
        self._have += n >> 1
        if self._have == self.block_samples:
            self._have = 0
            after = (i + 1) % len(self._buffers)
            if after == self._oldest:
                self.lost += self.block_samples
            else:
                self.captured += self.block_samples
                self._newest = after
        return True

    def take(self):
        """The oldest block (array of int16), valid until the next call; None if there is none.

        After the end of the source the last block may be a shorter view.
        """
        if self._taken:
            self._taken = False
            self._oldest = (self._oldest + 1) % len(self._buffers)
        i = self._oldest
        if i != self._newest:
            self._taken = True
            self.start = self._starts[i]
            return self._buffers[i]
        if self.ended and self._have:
            n, self._have = self._have, 0
            self.captured += n
            self.start = self._starts[i]
            return self._views[i][:n]
        return None


def open_source(pins, rate_hz):
    """The microphone of a board. pins: {"kind": "i2s", "id", "sck", "ws", "sd"}."""
    if pins.get("kind") == "file":
        from .pcm_file import File

        return File(pins, rate_hz)
    if pins.get("kind") == "memory":
        from .pcm_memory import Memory

        return Memory(pins, rate_hz)
    if pins.get("kind") != "i2s":
        raise FirmwareError("mic.kind", "this build knows I2S microphones only")
    import machine

    try:
        # 16-bit slots; the driver's own buffer holds half a second while a model runs.
        return machine.I2S(
            pins["id"],
            sck=machine.Pin(pins["sck"]),
            ws=machine.Pin(pins["ws"]),
            sd=machine.Pin(pins["sd"]),
            mode=machine.I2S.RX,
            bits=16,
            format=machine.I2S.MONO,
            rate=rate_hz,
            ibuf=rate_hz,
        )
    except KeyError as e:
        raise FirmwareError("mic.pins", "the microphone's settings lack " + str(e))
    except (OSError, ValueError, TypeError) as e:
        raise FirmwareError("mic.open", str(e))
