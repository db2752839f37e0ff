"""Sound in: blocks from any source with `readinto`.

A source has readinto(buf) -> bytes read (whole samples of int16, native order), None for nothing yet, 0 for the
end; and optionally `lost`, samples it knows to have lost since its start, `approximate`, which is True if it only knows
about how many, fitting(samples), the largest block of at most so many that it can fill, behind(), whether the next
block is there already, and close(). What comes in while nobody reads is the source's to keep: drivers have rings.
One that sleeps until a block is whole may have reader(buf, mic): an iterator each round of which fills buf, all of it,
counts in the position, `captured` and `lost` of the Mic, and gives buf, or None where the sleep was too short.
"""

from array import array

from .. import FirmwareError, platform

KINDS = ("adc", "file", "i2s", "memory", "pdm")


class Mic:
    """Blocks of `block_samples` samples, or fewer if the source wants so, one at a time.

    `start` is the position of the newest block that read() returned, in samples since the start; `captured` and `lost`
    count. Lost samples count in positions: these stay true to the time of the sound. `ended`: the source has no more.
    `sleeps`: the source sleeps until a block is whole. `blocks`: an iterator over what read() returns.
    """

    def __init__(self, source, block_samples):
        self._source = source
        fitting = getattr(source, "fitting", None)
        if fitting:
            block_samples = fitting(block_samples)
        self.block_samples = block_samples
        self._block = array("h", bytes(2 * block_samples))
        self._view = memoryview(self._block)
        self._have = 0  # samples in the block
        self._counts = hasattr(source, "lost")
        self.captured = 0
        self.lost = 0
        self.position = [0]  # what `start` returns, for the loop: a list is quicker than an attribute
        self.ended = False
        reader = getattr(source, "reader", None)
        self.sleeps = reader is not None
        self.blocks = reader(self._block, self) if reader is not None else self._reads()

    def _reads(self):
        while True:
            yield self.read()

    def read(self):
        """Read once; return the block (array of int16) if that has filled it, valid until the next call, else None.

        At the end of the source the last block may be a shorter view.
        """
        have = self._have
        n = self._source.readinto(self._view[have:] if have else self._view)
        if not n:
            if n is None:
                return None
            self.ended = True
            self._have = 0
            self.captured += have
            return self._view[:have] if have else None
        if have == 0:
            if self._counts:
                self.lost = self._source.lost
            self.position[0] = self.captured + self.lost
        have += n >> 1
        if have < self.block_samples:
            self._have = have
            return None
        self._have = 0
        self.captured += have
        return self._block

    def behind(self):
        """Return True if the source has another block already, as far as it knows."""
        behind = getattr(self._source, "behind", None)
        return behind is not None and behind()

    @property
    def start(self):
        """The position of the newest block."""
        return self.position[0]

    @property
    def approximate(self):
        """True if the source only knows about how much it has lost."""
        return getattr(self._source, "approximate", False)

    def close(self):
        """Release the source's hardware."""
        close = getattr(self._source, "close", None)
        if close:
            close()


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
