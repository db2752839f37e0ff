"""The ROM of an RP2040 or RP2350: which UF2 blocks it flashes, which images it starts, and images that pass.

RP2040 datasheet, 2.8; RP2350 datasheet, 5.9.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass

from soundsdk.build import uf2
from virtual_boards.esp32.flash import SECTOR_BYTES, Flash

FLASH_AT = 0x10000000
_BOOT2_BYTES = 256
# RP2350: the first word of the block that describes an image.
_BLOCK_BEGINS = struct.pack("<I", 0xFFFFDED3)
_BLOCK_WITHIN = 4096


@dataclass(frozen=True)
class PicoChip:
    """One kind of chip. board_id: in INFO_UF2.TXT, and the drive's name; families: UF2 family ids the ROM accepts."""

    board_id: str
    model: str
    families: tuple[int, ...]


RP2040 = PicoChip("RPI-RP2", "Raspberry Pi RP2", (0xE48BFF56,))
RP2350 = PicoChip("RP2350", "Raspberry Pi RP2350", (0xE48BFF57, 0xE48BFF59, 0xE48BFF5A))
CHIPS = {0xE48BFF56: RP2040, 0xE48BFF59: RP2350}


def crc32_boot2(data: bytes) -> int:
    """Compute CRC-32/MPEG-2, most significant bit first, from zlib's by reversing the bits on the way in and out."""
    turned = bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)
    value = binascii.crc32(turned) ^ 0xFFFFFFFF
    return int(f"{value:032b}"[::-1], 2)


def make_image(chip: PicoChip, contents: bytes) -> bytes:
    """Make an image that the ROM starts, with `contents` in it."""
    if chip is RP2040:
        boot2 = b"second stage".ljust(_BOOT2_BYTES - 4, b"\0")
        start = boot2 + struct.pack("<I", crc32_boot2(boot2))
    else:
        start = bytes(64) + _BLOCK_BEGINS
    return start.ljust(SECTOR_BYTES, b"\0") + contents


def starts(chip: PicoChip, flash: Flash) -> bool:
    """Return True if the ROM starts what is in flash; else it stays in its boot loader."""
    if chip is RP2040:
        boot2 = flash.read(0, _BOOT2_BYTES)
        return struct.pack("<I", crc32_boot2(boot2[:-4])) == boot2[-4:]
    return _BLOCK_BEGINS in flash.read(0, _BLOCK_WITHIN)


class Uf2Writer:
    """The ROM's writer: is fed a file in pieces and writes its blocks to flash; complete: all have come.

    Like the ROM, it skips blocks of other families and those that are not for flash.
    """

    def __init__(self, chip: PicoChip, flash: Flash) -> None:
        self._chip = chip
        self._flash = flash
        self._rest = b""
        self._erased: set[int] = set()
        self._seen: set[int] = set()
        self.complete = False

    def feed(self, data: bytes) -> None:
        data = self._rest + data
        whole = len(data) // uf2.BLOCK * uf2.BLOCK
        self._rest = data[whole:]
        for at in range(0, whole, uf2.BLOCK):
            block = uf2.read_block(data[at : at + uf2.BLOCK])
            if block is not None and block.flash and block.family in self._chip.families:
                self._write(block)

    def _write(self, block: uf2.Block) -> None:
        at = block.address - FLASH_AT
        if block.address % uf2.PAYLOAD or not self._flash.fits(at, len(block.data)):
            return
        sector = at // SECTOR_BYTES
        if sector not in self._erased:
            self._erased.add(sector)
            self._flash.erase(sector * SECTOR_BYTES, SECTOR_BYTES)
        self._flash.write(at, block.data)
        self._seen.add(block.number)
        self.complete = self.complete or len(self._seen) == block.count
