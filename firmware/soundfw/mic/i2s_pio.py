# ruff: noqa: F821 (the names of PIO's instructions)
"""I2S microphones on the RP2 chips: PIO clocks them and samples one channel's slots, DMA carries these.

Philips format: 64 clocks to a frame, WS low for the left slot, most significant bit one clock after the edge of WS.
machine.I2S would cost an interrupt for every 16 samples and the CPU for every byte.
"""

import machine
import rp2
import soundcore

from .. import FirmwareError
from ..mic_settings import microphone
from .dma_ring import DmaRing

_RX_FIFO = 0x50200020  # of a PIO block's first state machine
_RX_TREQ = 4
_BLOCK, _BLOCK_TREQ, _BLOCK_MACHINES = 0x100000, 8, 4  # from one block to the next


def _program(channel):
    """Make the PIO program for one channel.

    A bit has two instructions: SCK low, SCK high. Side-set is SCK + 2 * WS; frames begin with the left slot.
    """
    own = 2 * channel

    @rp2.asm_pio(
        sideset_init=(rp2.PIO.OUT_LOW, rp2.PIO.OUT_LOW),
        in_shiftdir=rp2.PIO.SHIFT_LEFT,
        autopush=True,
        push_thresh=32,
        fifo_join=rp2.PIO.JOIN_RX,
    )
    def program():
        set(x, 30 if own else 29).side(0)
        wrap_target()
        for ws in (0, 2):
            # WS changes with the last bit.
            after = ws ^ 2
            if ws == own:
                # The loop is entered behind the low half of its first bit.
                nop().side(ws)
                label("bit")
                in_(pins, 1).side(ws | 1)
                jmp(x_dec, "bit").side(ws)
                in_(pins, 1).side(ws | 1)
                set(x, 30).side(after)
                in_(pins, 1).side(after | 1)
            else:
                label("other")
                nop().side(ws)
                jmp(x_dec, "other").side(ws | 1)
                set(x, 29).side(after)
                nop().side(after | 1)

    return program


class I2s(DmaRing):
    """A source for Mic (see DmaRing). The ring holds 256 ms at 16 kHz."""

    def __init__(self, mic, rate_hz):
        m = microphone("i2s", mic)
        if m["ws"] != m["sck"] + 1:
            raise FirmwareError("mic.open", "ws must be the pin after sck")
        shift, dc_shift = m["shift"], m["dc_shift"]
        try:
            # Of a microphone with 16 bits the upper half of a slot.
            if m["bits"] == 16:
                converter = soundcore.I2sUnpacker(bits=16, shift=shift, channel=1, channels=2, dc_shift=dc_shift)
            else:
                converter = soundcore.I2sUnpacker(bits=m["bits"], shift=shift, dc_shift=dc_shift)
        except soundcore.Error as e:
            raise FirmwareError("mic.value", e.args[1])
        block = m["id"]
        try:
            self._machine = rp2.StateMachine(
                block * _BLOCK_MACHINES,
                _program(1 if m["channel"] == "right" else 0),
                freq=2 * 64 * rate_hz,
                sideset_base=machine.Pin(m["sck"]),
                in_base=machine.Pin(m["sd"], machine.Pin.IN),
            )
        except (OSError, ValueError, TypeError) as e:
            raise FirmwareError("mic.open", str(e))
        DmaRing.__init__(self, _RX_FIFO + block * _BLOCK, _RX_TREQ + block * _BLOCK_TREQ, 4, converter, 4, 14, rate_hz)
        self._machine.active(1)

    def close(self):
        """Stop the clock and the transfers."""
        self._machine.active(0)
        DmaRing.close(self)
