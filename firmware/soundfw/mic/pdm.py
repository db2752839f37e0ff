# ruff: noqa: F821 (the names of PIO's instructions)
"""PDM microphones on the RP2 chips: PIO clocks and samples them, DMA carries the bits; MicroPython has no driver.

The clock is 64 times the sample rate, 1.024 MHz at 16 kHz. A microphone whose L/R pin is low is `left`: its bit is on
the line while the clock is low.
"""

import machine
import rp2
import soundcore

from .. import FirmwareError
from ..mic_settings import microphone
from .dma_ring import DmaRing

_RX_FIFO = 0x50200020  # of the first state machine, and its DREQ
_RX_TREQ = 4


def _assembled(program):
    return rp2.asm_pio(
        sideset_init=rp2.PIO.OUT_LOW,
        in_shiftdir=rp2.PIO.SHIFT_LEFT,
        autopush=True,
        push_thresh=32,
        fifo_join=rp2.PIO.JOIN_RX,
    )(program)


@_assembled
def _left():
    in_(pins, 1).side(1)  # the pin is read as it was before the edge
    nop().side(0)


@_assembled
def _right():
    nop().side(1)
    in_(pins, 1).side(0)


class Pdm(DmaRing):
    """A source for Mic (see DmaRing). The ring holds 128 ms."""

    def __init__(self, mic, rate_hz):
        m = microphone("pdm", mic)
        try:
            converter = soundcore.Pdm(shift=m["shift"], dc_shift=m["dc_shift"])
        except soundcore.Error as e:
            raise FirmwareError("mic.value", e.args[1])
        try:
            self._machine = rp2.StateMachine(
                0,
                _right if m["channel"] == "right" else _left,
                freq=2 * 64 * rate_hz,
                sideset_base=machine.Pin(m["clk"]),
                in_base=machine.Pin(m["data"], machine.Pin.IN),
            )
        except (OSError, ValueError, TypeError) as e:
            raise FirmwareError("mic.open", str(e))
        DmaRing.__init__(self, _RX_FIFO, _RX_TREQ, 4, converter, 8, 14, rate_hz)
        self._machine.active(1)

    def close(self):
        """Stop the clock and the transfers."""
        self._machine.active(0)
        DmaRing.close(self)
