"""The chips of the boards: their GPIOs, and those that serve their flash, their USB or their start.

Sources: the chips' datasheets (RP2040, RP2350; ESP32, ESP32-PICO-D4, ESP32-S2, -S3 and -C3: "Pin Definitions" and
"Strapping Pins"), and those of Microchip and Nordic for the port numbers. On a SAMD51 and an nRF52840 a GPIO's
number is 32 times its port and its bit: PB16 and P1_14 are 48 and 46.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Chip:
    """One chip. native: the architecture of the native module for its MicroPython, "" if there is none.

    last_gpio: the highest GPIO; flash: GPIOs of the flash inside its package or module; usb: those of its USB;
    strapping: those whose level decides how it starts; inputs: those that cannot be outputs.
    """

    native: str
    last_gpio: int
    flash: tuple[int, ...] = ()
    usb: tuple[int, ...] = ()
    strapping: tuple[int, ...] = ()
    inputs: tuple[int, ...] = ()

    def taken(self) -> frozenset[int]:
        """Return the GPIOs that are best left alone."""
        return frozenset(self.flash + self.usb + self.strapping)


CHIPS = {
    "RP2040": Chip("armv6m", 29),
    "RP2350": Chip("armv7m", 29),  # RP2350A; a Cortex-M33 loads what is made for ARMv7-M
    "ESP32": Chip("xtensawin", 39, tuple(range(6, 12)), (), (0, 2, 5, 12, 15), tuple(range(34, 40))),
    "ESP32-PICO-D4": Chip("xtensawin", 39, (6, 7, 8, 11, 16, 17), (), (0, 2, 5, 12, 15), tuple(range(34, 40))),
    "ESP32-S2": Chip("xtensawin", 46, tuple(range(26, 33)), (19, 20), (0, 45, 46), (46,)),
    "ESP32-S3": Chip("xtensawin", 48, tuple(range(26, 33)), (19, 20), (0, 3, 45, 46)),
    "ESP32-C3": Chip("rv32imc", 21, tuple(range(12, 18)), (18, 19), (2, 8, 9)),
    "SAMD51": Chip("", 63, (), (24, 25)),
    "nRF52840": Chip("", 47),
}

_ESP32 = re.compile(r"ESP32-?(?:(?P<line>[SCHP]\d)|(?P<pico>PICO-D4))?", re.IGNORECASE)


def chip_named(text: str) -> str:
    """Return the name in CHIPS of a chip as an image names it, such as ESP32-S2FN4R2 or RP2350-RISCV; "" if none.

    A chip of the ESP32 family that is not in CHIPS (an ESP32-C6) is none, and no ESP32 either.
    """
    upper = text.strip().upper()
    for name in ("RP2040", "RP2350", "SAMD51", "nRF52840"):
        if upper.startswith(name.upper()):
            return name
    found = _ESP32.match(upper)
    if found is None:
        return ""
    line = found["line"] or found["pico"]
    name = f"ESP32-{line}" if line else "ESP32"
    return name if name in CHIPS else ""
