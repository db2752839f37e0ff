"""PDM microphones on CircuitPython: audiobusio.PDMIn.

It hears while record() runs and at no other time, so what sounds between two calls is lost: a few milliseconds of each
block, which the clock shows. An I2S microphone loses nothing as long as the board keeps pace.
"""

import array

import audiobusio

from .. import FirmwareError, settings
from ..platform.circuit_pins import gpio
from ..platform.circuitpython import TICK_US, ticks, ticks_diff
from .backlog import Backlog


class PlainPdm:
    """A source for Mic that needs no soundcore: int16, without gain and without a filter.

    approximate: `lost` is derived from the clock. `channel` does nothing: which edge is heard is the driver's choice.
    """

    approximate = True

    def __init__(self, mic: dict[str, object], rate_hz: int) -> None:
        self._open(mic, rate_hz)

    def _open(self, mic: dict[str, object], rate_hz: int) -> None:
        m = settings.microphone("pdm", mic)
        self._backlog = Backlog(rate_hz, 0, 1)
        self._raw = array.array("H")
        self._offset = 0
        self._begun = False
        self._then = 0
        self.lost = 0
        try:
            self._mic = audiobusio.PDMIn(gpio(m["clk"]), gpio(m["data"]), sample_rate=rate_hz, bit_depth=16)
        except (ValueError, RuntimeError, NotImplementedError) as e:
            raise FirmwareError("mic.open", str(e))

    def readinto(self, buf: memoryview) -> int:
        """Fill buf (int16) and return the bytes."""
        samples = len(buf)
        if len(self._raw) != samples:
            self._raw = array.array("H", [0] * samples)
            self._offset = int.from_bytes(b"\0\x80" * samples, "little")
        if self._begun:
            self.lost += self._backlog.advance(ticks_diff(ticks(), self._then) * TICK_US)
        got = self._mic.record(self._raw, samples)
        self._then = ticks()
        self._begun = True
        return 2 * self._convert(self._signed(), buf, got)

    def _signed(self) -> bytes:
        """Return the samples as int16: the driver's are unsigned, and a loop over them would take too long."""
        flipped = int.from_bytes(bytes(self._raw), "little") ^ self._offset
        return flipped.to_bytes(2 * len(self._raw), "little")

    def _convert(self, pcm: bytes, buf: memoryview, got: int) -> int:
        """Put the first `got` samples of pcm into buf; return how many."""
        buf[:got] = memoryview(array.array("h", pcm))[:got]
        return got

    def close(self) -> None:
        """Stop the clock."""
        self._mic.deinit()


class CircuitPdm(PlainPdm):
    """A source for Mic: with the gain and the filter of soundcore."""

    def __init__(self, mic: dict[str, object], rate_hz: int) -> None:
        import soundcore

        m = settings.microphone("pdm", mic)
        try:
            self._unpacker = soundcore.I2sUnpacker(bits=16, shift=m["shift"], dc_shift=m["dc_shift"])
        except soundcore.Error as e:
            raise FirmwareError("mic.value", e.args[1])
        self._open(mic, rate_hz)

    def _convert(self, pcm: bytes, buf: memoryview, got: int) -> int:
        if got < len(buf):
            return self._unpacker.convert(memoryview(pcm)[: 2 * got], buf[:got])
        return self._unpacker.convert(pcm, buf)
