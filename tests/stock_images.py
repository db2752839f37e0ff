"""Images of stock MicroPython, made without a compiler, with all that tools read in them; and what runs their files.

What stands in for MicroPython is its unix program: it mounts the file system that was flashed, as the port of the chip
does, and runs its main.py. soundcore.mpy is for the chip, and is exchanged for one that this computer runs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.boards import find_board
from soundsdk.build import native, uf2
from stock_micropython import stock_unix
from virtual_boards.esp32 import image as esp_image
from virtual_boards.esp32.chips import CHIPS as ESP_CHIPS
from virtual_boards.esp32.flash import Flash
from virtual_boards.esp32.image import Row
from virtual_boards.pico import boot_rom
from virtual_boards.stock_board import StockBoard, StockFlash

PICO = "Raspberry Pi Pico with RP2040"
# MicroPython's ports/rp2/boards/RPI_PICO/mpconfigboard.h: the last 1408 KiB of 2 MiB.
PICO_FILES = (640 << 10, 1408 << 10)
_BINARY_INFO_AT = 0x200
_CODE = bytes(range(256)) * 16
# MicroPython's ports/esp32/partitions-4MiB.csv (v1.25), and partitions-4MiBplus.csv (newer), which names no vfs.
_COMMON = (Row("nvs", 1, 2, 0x9000, 0x6000), Row("phy_init", 1, 1, 0xF000, 0x1000))
TABLE_4MB = (*_COMMON, Row("factory", 0, 0, 0x10000, 0x1F0000), Row("vfs", 1, 0x81, 0x200000, 0x200000))
TABLE_OPEN = (*_COMMON, Row("factory", 0, 0, 0x10000, 0x210000))
ESP32_FILES = (0x200000, 0x200000)


def greeting(version: str, machine: str, name: str = "MicroPython") -> bytes:
    """Return what the REPL greets with, as the linker leaves it."""
    tag = version if name != "MicroPython" else f"v{version}"
    return f"\0{name} {tag} on 2025-04-15\0; {machine}\0".encode()


def pico(
    folder: Path,
    version: str = "1.25.0",
    machine: str = PICO,
    board: str = "rpi_pico",
    files: tuple[int, int] | None = PICO_FILES,
    e10: bool = False,
    name: str = "MicroPython",
) -> Path:
    """Write a UF2 file. files: where it says it keeps them (offset, size), None if it does not.

    e10: with the block that official files for an RP2350 begin with.
    """
    facts = find_board(board).uf2
    assert facts is not None
    start = facts.address
    data = bytearray(boot_rom.make_image(boot_rom.CHIPS[facts.family], _CODE + greeting(version, machine, name)))
    data += bytes(-len(data) % 4)
    entries = [struct.pack("<HHII", 6, int.from_bytes(b"RP", "little"), 0x02031C86, start)]
    if files is not None:
        tag = int.from_bytes(b"MP", "little")
        entries.append(struct.pack("<HHIIIIH2x", 7, tag, 0, start + files[0], files[1], 0, 3))
    pointers = []
    for entry in entries:
        pointers.append(start + len(data))
        data += entry
    begin = start + len(data)
    data += struct.pack(f"<{len(pointers)}I", *pointers)
    head = struct.pack("<5I", 0x7188EBF2, begin, start + len(data), 0, 0xE71AA390)
    data[_BINARY_INFO_AT : _BINARY_INFO_AT + len(head)] = head
    packed = uf2.pack(bytes(data), start, facts.family)
    if e10:
        packed = uf2.pack(b"\xef" * 256, 0x10FFFF00, 0xE48BFF57).replace(
            struct.pack("<3I", 256, 0, 1), struct.pack("<3I", 256, 0, 2)
        ) + packed  # fmt: skip
    path = folder / f"{board}-{version}.uf2"
    path.write_bytes(packed)
    return path


def esp32(
    folder: Path,
    version: str = "1.25.0",
    machine: str = "Generic ESP32 module with ESP32",
    board: str = "esp32_devkit",
    table: Sequence[Row] = TABLE_4MB,
) -> Path:
    """Write a .bin file: boot loader, partition table and application, with its descriptor."""
    facts = find_board(board).esptool
    assert facts is not None
    descriptor = struct.pack("<4I32s32s16s16s32s", 0xABCD5432, 0, 0, 0, f"v{version}".encode(), b"micropython",
                             b"12:00:00", b"Apr 15 2025", b"v5.4.1").ljust(256, b"\0")  # fmt: skip
    data = esp_image.make_flash_image(ESP_CHIPS[facts.chip], descriptor + _CODE + greeting(version, machine), table)
    path = folder / f"{board}-{version}.bin"
    path.write_bytes(data)
    return path


@cache
def _micropython() -> tuple[Path, bytes]:
    """Return MicroPython's unix program and soundcore.mpy for it, compiled before a board has to wait for them."""
    return stock_unix(), native.native_module("x64", print).data


@dataclass
class FlashedFiles:
    """Starts MicroPython with the files in a flash, from `at` on; stored: the contents by path, as it read them.

    prog, read: as the chip's port mounts them. heap: of MicroPython, in bytes.
    """

    folder: Path
    at: int
    size: int
    prog: int
    read: int
    sound: NDArray[np.int16] | None = None
    heap: int = 2 << 20
    stored: dict[str, bytes | None] | None = None

    def __post_init__(self) -> None:
        self._program, self._module = _micropython()

    def __call__(self, flash: Flash) -> StockBoard:
        path = self.folder / "files.bin"
        path.write_bytes(flash.read(self.at, self.size))
        sound = self.folder / "sound.raw"
        sound.write_bytes(b"" if self.sound is None else self.sound.tobytes())
        files = StockFlash(path, blocks=self.size // 4096, prog=self.prog, read=self.read, sound=str(sound))
        try:
            self.stored = files.files(self._program)
        except AssertionError:
            self.stored = {}  # half a file system, after a fault
        if "lib/soundcore.mpy" in self.stored:
            files.store(self._program, {"lib/soundcore.mpy": self._module})
        return StockBoard(self._program, files, self.heap)


def pico_files(folder: Path, sound: NDArray[np.int16] | None = None) -> FlashedFiles:
    """Return what runs on a Pico with stock MicroPython (ports/rp2/modules/_boot.py)."""
    return FlashedFiles(folder, *PICO_FILES, prog=256, read=32, sound=sound)


def esp32_files(
    folder: Path, sound: NDArray[np.int16] | None = None, files: tuple[int, int] = ESP32_FILES
) -> FlashedFiles:
    """Return what runs on an ESP32 with stock MicroPython (ports/esp32/modules/_boot.py)."""
    return FlashedFiles(folder, *files, prog=32, read=32, sound=sound)
