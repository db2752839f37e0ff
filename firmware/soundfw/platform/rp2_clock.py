"""The clock of the RP2 chips, within what their maker allows."""

import os
import time

import machine

_VREG = 0x40064000  # of the RP2040: its core's voltage in bits 4 to 7, 1.10 V after power-on


def set_clock(mhz):
    """Run the chip at that clock; ValueError below the 48 MHz that USB needs, and above the chip's limit."""
    is_rp2040 = "RP2040" in os.uname().machine
    if not 48 <= mhz <= (200 if is_rp2040 else 150):
        raise ValueError("clock")
    if is_rp2040 and mhz > 133:
        # 200 MHz want 1.15 V (pico-sdk 2.1.1).
        machine.mem32[_VREG] = machine.mem32[_VREG] & ~0xF0 | 0xC0
        time.sleep_ms(1)
    machine.freq(mhz * 1000000)
