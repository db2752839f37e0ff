"""An analogue microphone (amplifier with its output at half of the supply) on the ADC of the RP2 chips.

The ADC samples by itself at the rate of the sound, and DMA carries its results. It has 12 bits and no filter before
it other than the one on the board, so it is a fallback.
"""

import os

import machine
import soundcore

from .. import FirmwareError
from ..mic_settings import microphone
from ..platform import const
from .dma_ring import DmaRing

_CLOCK_HZ = const(48000000)
_CS, _FCS, _FIFO, _DIV = const(0), const(8), const(12), const(16)
_EN_START_MANY = const(1 | 8)
_FIFO_DREQ_1 = const(1 << 24 | 8 | 1)  # FIFO on, a request as soon as it holds one result


class Adc(DmaRing):
    """A source for Mic (see DmaRing). The ring holds 256 ms at 16 kHz."""

    def __init__(self, mic, rate_hz):
        m = microphone("adc", mic)
        try:
            machine.ADC(machine.Pin(m["pin"]))
        except (OSError, ValueError, TypeError) as e:
            raise FirmwareError("mic.open", str(e))
        # The datasheets' addresses and requests.
        base, treq = (0x400A0000, 48) if "RP2350" in os.uname().machine else (0x4004C000, 36)
        registers = machine.mem32
        registers[base + _CS] = 1 | (m["pin"] - 26) << 12
        while registers[base + _FCS] >> 16 & 15:
            registers[base + _FIFO]
        registers[base + _FCS] = _FIFO_DREQ_1
        registers[base + _DIV] = (_CLOCK_HZ // rate_hz - 1) << 8
        self._base = base
        converter = soundcore.I2sUnpacker(bits=12, shift=m["shift"], dc_shift=m["dc_shift"])
        DmaRing.__init__(self, base + _FIFO, treq, 2, converter, 2, 13, rate_hz)
        registers[base + _CS] |= _EN_START_MANY

    def close(self):
        """Stop the ADC and the transfers."""
        machine.mem32[self._base + _CS] = 1
        DmaRing.close(self)
        machine.mem32[self._base + _FCS] = 0
