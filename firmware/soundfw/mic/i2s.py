"""I2S microphones on machine.I2S, for the esp32 port; the RP2 chips use i2s_pio.

The driver silently drops the oldest sound when its buffer is full. `lost` counts it (see backlog), each time exact
up to the 256 samples that the driver drops at once. Whatever is asked for, DMA takes both slots in 32 bits
(MicroPython's ports/esp32/machine_i2s.c), and of its pieces one is always being filled (ESP-IDF's i2s_common.c).
"""

import time

import machine
import soundcore

from .. import FirmwareError
from ..platform import const
from .backlog import Backlog

_BUFFER_MS = const(250)  # the longest that a step of the model may take
_UNIT = const(256)
_DMA_FRAME = const(8)  # bytes


class I2s:
    """A source for Mic. Reads wait until the buffer is full; they allocate nothing after the first of one size."""

    def __init__(self, mic, rate_hz):
        from ..mic_settings import microphone  # which goes once the board has started

        m = microphone("i2s", mic)
        right = m["channel"] == "right"
        bits = 16 if m["bits"] == 16 else 32
        capacity = max(2, rate_hz * _BUFFER_MS // 1000 // _UNIT) * _UNIT
        self.lost = 0
        self._rate_hz = rate_hz
        self._frame = bits // 8 * (2 if right else 1)
        self._raw = b""
        self._backlog = Backlog(rate_hz, capacity, _UNIT)
        try:
            # The driver can extract the left slot, but not the right one.
            self._unpacker = soundcore.I2sUnpacker(
                bits=bits, shift=m["shift"], channel=int(right), channels=1 + right, dc_shift=m["dc_shift"]
            )
            self._i2s = machine.I2S(
                m["id"],
                sck=machine.Pin(m["sck"]),
                ws=machine.Pin(m["ws"]),
                sd=machine.Pin(m["sd"]),
                mode=machine.I2S.RX,
                bits=bits,
                format=machine.I2S.STEREO if right else machine.I2S.MONO,
                rate=rate_hz,
                ibuf=(capacity + _UNIT) * _DMA_FRAME,
            )
        except soundcore.Error as e:
            raise FirmwareError("mic.value", e.args[1])
        except (OSError, ValueError, TypeError) as e:
            raise FirmwareError("mic.open", str(e))
        self._then = time.ticks_us()

    def fitting(self, samples):
        """Return the largest block of at most `samples` that fits pieces of DMA, which overwrites one half read."""
        if samples >= _UNIT:
            return samples - samples % _UNIT
        fits = _UNIT
        while fits > samples:
            fits >>= 1
        return fits

    def _prepare(self, samples):
        self._raw = bytearray(samples * self._frame)
        self._patience = samples * 500000 // self._rate_hz  # us: a read that takes longer has waited

    def readinto(self, buf):
        """Fill buf (int16) and return the bytes."""
        samples = len(buf)
        if len(self._raw) != samples * self._frame:
            self._prepare(samples)
        begin = time.ticks_us()
        self.lost += self._backlog.advance(time.ticks_diff(begin, self._then))
        self._i2s.readinto(self._raw)
        self._backlog.read(samples)
        self._then = begin
        end = time.ticks_us()
        if time.ticks_diff(end, begin) > self._patience:
            # The buffer is empty. What the clock misses has not come: interrupts wait while flash is written, and then
            # the driver takes the newest piece only (i2s_dma_rx_callback).
            self.lost += self._backlog.advance(time.ticks_diff(end, begin))
            missing = self._backlog.behind
            if missing >= _UNIT:
                self.lost += missing - missing % _UNIT
            self._backlog.reset()
            self._then = end
        return 2 * self._unpacker.convert(self._raw, buf)

    def close(self):
        """Stop the clock."""
        self._i2s.deinit()
