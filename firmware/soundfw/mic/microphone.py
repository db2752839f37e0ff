"""Sound in: a ring of blocks that any source with `readinto` fills.

A source has readinto(buf) -> bytes read (whole samples of int16, native order), None for nothing yet, 0 for the
end; and optionally `lost`, samples it knows to have lost since its start, `approximate`, which is True if it only knows
about how many, fitting(samples), the largest block of at most so many that it can fill, behind(), whether the next
block is there already, and close().
"""

from array import array

from .. import FirmwareError, platform

KINDS = ("adc", "file", "i2s", "memory", "pdm")


class Mic:
    """A ring of `blocks` blocks of `block_samples` samples, or fewer if the source wants so; `lost` counts the losses.

    fill() is for the producer, next_block() for the consumer. `start` is the position of the newest block that
    next_block() returned, in samples since the start. Lost samples count: positions stay true to the time of the sound.
    """

    def __init__(self, source, block_samples, blocks=4):
        self._source = source
        fitting = getattr(source, "fitting", None)
        if fitting:
            block_samples = fitting(block_samples)
        self.block_samples = block_samples
        # One more than the ring holds: when the ring is full, sound goes there and is lost.
        self._buffers = [array("h", bytes(2 * block_samples)) for _ in range(blocks + 1)]
        self._views = [memoryview(b) for b in self._buffers]
        self._starts = [0] * (blocks + 1)
        self._newest = 0
        self._oldest = 0
        self._in_use = False
        self._have = 0  # samples in the newest block
        self._source_lost = 0
        self.captured = 0
        self.lost = 0
        self.start = 0
        self.ended = False

    def fill(self):
        """Read once from the source; return False when it has ended."""
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

    def behind(self):
        """Return True if the source has another block already, as far as it knows."""
        behind = getattr(self._source, "behind", None)
        return behind is not None and behind()

    @property
    def approximate(self):
        """True if the source only knows about how much it has lost."""
        return getattr(self._source, "approximate", False)

    def close(self):
        """Release the source's hardware."""
        close = getattr(self._source, "close", None)
        if close:
            close()

    def next_block(self):
        """Return the oldest block (array of int16), valid until the next call; None if there is none.

        After the end of the source the last block may be a shorter view.
        """
        if self._in_use:
            self._in_use = False
            self._oldest = (self._oldest + 1) % len(self._buffers)
        i = self._oldest
        if i != self._newest:
            self._in_use = True
            self.start = self._starts[i]
            return self._buffers[i]
        if self.ended and self._have:
            n, self._have = self._have, 0
            self.captured += n
            self.start = self._starts[i]
            return self._views[i][:n]
        return None


def open_source(mic, rate_hz, sources=None, ready=None):
    """Open the source that the settings (dict with `kind`) name. The module of a kind is loaded on use.

    sources: the table of them, platform.SOURCES or PLAIN_SOURCES (default: the first).
    ready(): called once the module is loaded, before the source takes memory for its sound.
    """
    sources = platform.SOURCES if sources is None else sources
    kind = mic.get("kind")
    if kind not in KINDS:
        raise FirmwareError("mic.kind", "mic.kind must be one of " + ", ".join(KINDS))
    try:
        for known, module, name in sources:
            if known == kind:
                source = getattr(__import__("soundfw.mic." + module, None, None, (name,)), name)
                if ready is not None:
                    ready()
                return source(mic, rate_hz)
    except ImportError:
        pass
    raise FirmwareError("mic.kind", "this board cannot listen to a microphone of kind " + kind)
