"""I2S microphones on CircuitPython (10.3 and later): audioi2sin.I2SIn.

The driver keeps two halves of 40 ms, of which it overwrites the older one when nobody reads. It says that it has, and
not how often: the clock shows how much sound is missing (see backlog), about as exact as a half.
"""

import array

import audioi2sin
from micropython import const

from .. import FirmwareError, settings
from ..platform.circuit_pins import gpio
from ..platform.circuitpython import TICK_US, ticks, ticks_diff
from .backlog import Backlog

_HALF_MS = const(40)


class PlainI2s:
    """A source for Mic that needs no soundcore: int16 as the driver gives it, without gain and without a filter.

    approximate: `lost` is derived from the clock. Reads wait until the buffer is full.
    """

    approximate = True

    def __init__(self, mic: dict[str, object], rate_hz: int) -> None:
        self._open(mic, rate_hz, 16)

    def _open(self, mic: dict[str, object], rate_hz: int, output_bits: int) -> None:
        m = settings.microphone("i2s", mic)
        self._channels = 2 if m["channel"] == "right" else 1  # the driver's one channel is the left one
        self._half = rate_hz * _HALF_MS // 1000
        self._rate_hz = rate_hz
        self._backlog = Backlog(rate_hz, 2 * self._half, self._half)
        self._code = "h" if output_bits == 16 else "i"
        self._raw = array.array(self._code)
        self.lost = 0
        try:
            self._mic = audioi2sin.I2SIn(
                gpio(m["sck"]),
                gpio(m["ws"]),
                gpio(m["sd"]),
                sample_rate=rate_hz,
                bit_depth=16 if m["bits"] == 16 else 32,
                output_bit_depth=output_bits,
                mono=self._channels == 1,
            )
        except (ValueError, RuntimeError, NotImplementedError) as e:
            raise FirmwareError("mic.open", str(e))
        self._then = ticks()

    def readinto(self, buf: memoryview) -> int:
        """Fill buf (int16) and return the bytes."""
        samples = len(buf)
        if len(self._raw) != samples * self._channels:
            self._raw = array.array(self._code, [0] * (samples * self._channels))
            self._bytes = memoryview(self._raw).cast("B")
            self._patience = samples * 500 // self._rate_hz + 1  # ms: a read that takes longer has waited
        begin = ticks()
        missing = self._backlog.advance(ticks_diff(begin, self._then) * TICK_US)
        got = self._mic.record(self._raw, len(self._raw)) // self._channels
        if self._mic.overflow and not missing:
            # The clock is coarser than the driver: it knows of one half at least.
            missing = self._half
            self._backlog.read(missing)
        self.lost += missing
        self._backlog.read(got)
        self._then = begin
        end = ticks()
        if ticks_diff(end, begin) > self._patience:
            self._backlog.reset()
            self._then = end
        return 2 * self._convert(buf, got)

    def _convert(self, buf: memoryview, got: int) -> int:
        """Put the samples of `got` frames into buf; return how many."""
        raw = self._raw
        if self._channels == 1:
            buf[:got] = memoryview(raw)[:got]
        else:
            for i in range(got):
                buf[i] = raw[2 * i + 1]
        return got

    def close(self) -> None:
        """Stop the clock."""
        self._mic.deinit()


class CircuitI2s(PlainI2s):
    """A source for Mic: soundcore converts the samples as on every other board, gain and filter included."""

    def __init__(self, mic: dict[str, object], rate_hz: int) -> None:
        import soundcore

        m = settings.microphone("i2s", mic)
        bits = 16 if m["bits"] == 16 else 32
        right = m["channel"] == "right"
        try:
            self._unpacker = soundcore.I2sUnpacker(
                bits=bits, shift=m["shift"], channel=int(right), channels=1 + right, dc_shift=m["dc_shift"]
            )
        except soundcore.Error as e:
            raise FirmwareError("mic.value", e.args[1])
        self._open(mic, rate_hz, bits)

    def _convert(self, buf: memoryview, got: int) -> int:
        raw = self._bytes
        if got < len(buf):
            raw, buf = raw[: len(raw) // len(buf) * got], buf[:got]
        return self._unpacker.convert(raw, buf)
