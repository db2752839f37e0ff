"""Facts that esptool reads from a chip before it writes: registers, and the address of the flash's SPI port.

The numbers are from the chips' technical reference manuals (eFuse, SPI and UART chapters) and from what esptool reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAC = bytes.fromhex("24 0a c4 12 34 56")


@dataclass(frozen=True)
class Spi:
    """Addresses of the registers that send the flash a command of the user's choice."""

    cmd: int
    usr2: int  # the command, in its low 16 bits
    w0: int  # the answer


@dataclass(frozen=True)
class EspChip:
    """One kind of chip. name: esptool's; chip_id: in image headers; boot: offset of the image in flash.

    tells_id: True if the ROM has a command that returns chip_id; the others are known by a word of their ROM.
    """

    name: str
    chip_id: int
    boot: int
    tells_id: bool
    spi: Spi
    uart_divider: int  # register
    registers: Mapping[int, int] = field(default_factory=dict)


_MAC_HIGH = int.from_bytes(MAC[:2], "big")
_MAC_LOW = int.from_bytes(MAC[2:], "big")
_ROM_WORD = 0x40001000

CHIPS = {
    chip.name: chip
    for chip in (
        EspChip(
            "esp32", 0, 0x1000, False, Spi(0x3FF42000, 0x3FF42024, 0x3FF42080), 0x3FF40014,
            {
                _ROM_WORD: 0x00F01D83,
                # eFuse words 1 and 2: the MAC. Word 3: a revision 1 chip. Word 4: the 8 MHz oscillator, as 128.
                0x3FF5A004: _MAC_LOW, 0x3FF5A008: _MAC_HIGH, 0x3FF5A00C: 1 << 15, 0x3FF5A010: 128,
                # How the ROM measured its crystal against that oscillator: 800 * 15625 * 128 / 40 = 40 MHz.
                0x3FF5F06C: 800 << 7,
            },
        ),
        EspChip(
            "esp32c3", 5, 0x0, True, Spi(0x60002000, 0x60002020, 0x60002058), 0x60000014,
            # MAC; revision 0.4.
            {_ROM_WORD: 0x1B31506F, 0x60008844: _MAC_LOW, 0x60008848: _MAC_HIGH, 0x60008850: 4 << 18},
        ),
        EspChip(
            "esp32s3", 9, 0x0, True, Spi(0x60002000, 0x60002020, 0x60002058), 0x60000014,
            {_ROM_WORD: 0x9, 0x60007044: _MAC_LOW, 0x60007048: _MAC_HIGH, 0x60007050: 2 << 18},
        ),
    )
}  # fmt: skip
