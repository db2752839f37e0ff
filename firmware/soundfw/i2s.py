"""I2S microphones: machine.I2S of the rp2 and esp32 ports.

Both ports drop sound without a word when their buffer is full. `lost` counts it, see backlog: each time exact up to 16
samples on rp2 and 256 on esp32, which is what their drivers drop at once.
"""

import sys
import time
from array import array

import machine
import soundcore

from .backlog import Backlog
from .compat import FirmwareError
from .settings import checked

_BUFFER_MS = 250  # how long a step of the model may take

_KEYS = {
    "kind": ("i2s", ("i2s",)),
    "id": (0, 0, 1),
    "sck": (None, 0, 48),
    "ws": (None, 0, 48),
    "sd": (None, 0, 48),
    "bits": (32, (16, 24, 32)),
    "channel": ("left", ("left", "right")),
    "shift": (0, 0, 8),
    "dc_shift": (0, 0, 11),
}


class I2s:
    """A source for Mic. Reads wait until the buffer is full; they allocate nothing after the first of one size."""

    def __init__(self, mic, rate_hz):
        m = checked(mic, _KEYS, "mic.")
        right = m["channel"] == "right"
        bits = 16 if m["bits"] == 16 else 32
        frame = 8  # bytes in the driver: two slots of 32 bits
        self._rp2 = sys.platform == "rp2"
        if self._rp2:
            unit = 16
            late = 2
            ibuf = rate_hz * _BUFFER_MS // 1000 * frame
            # One byte always stays free.
            capacity = (ibuf - 1) // (unit * frame) * unit
        else:
            unit = 256
            late = 0
            frame = 2 * bits // 8
            capacity = max(2, rate_hz * _BUFFER_MS // 1000 // unit) * unit
            ibuf = capacity * frame
        self.lost = 0
        self._capacity = capacity
        self._rate_hz = rate_hz
        self._frame = bits // 8 * (2 if right else 1)
        self._raw = b""
        self._backlog = Backlog(rate_hz, capacity, unit, late)
        try:
            # The drivers give the left slot alone, but not the right one.
            self._slots = soundcore.Slots(
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
                ibuf=ibuf,
            )
        except soundcore.Error as e:
            raise FirmwareError("mic.value", e.args[1])
        except (OSError, ValueError, TypeError) as e:
            raise FirmwareError("mic.open", str(e))
        self._then = time.ticks_us()

    def _prepare(self, samples):
        self._raw = bytearray(samples * self._frame)
        self._patience = samples * 500000 // self._rate_hz  # us: a read that takes longer has waited
        # rp2 drops the newest: the gap comes after what its buffer holds, so many reads from now.
        reads = self._capacity // samples + 1 if self._rp2 else 0
        self._gaps = array("i", [0] * (reads + 1))
        self._at = 0

    def readinto(self, buf):
        """Fills buf (int16); returns the bytes."""
        samples = len(buf)
        if len(self._raw) != samples * self._frame:
            self._prepare(samples)
        gaps = self._gaps
        begin = time.ticks_us()
        gaps[self._at - 1] = self._backlog.passed(time.ticks_diff(begin, self._then))
        self.lost += gaps[self._at]
        self._at = (self._at + 1) % len(gaps)
        self._i2s.readinto(self._raw)
        self._backlog.took(samples)
        self._then = begin
        end = time.ticks_us()
        if time.ticks_diff(end, begin) > self._patience:
            self._backlog.caught_up()
            self._then = end
        return 2 * self._slots.convert(self._raw, buf)

    def close(self):
        """Stops the clock."""
        self._i2s.deinit()
