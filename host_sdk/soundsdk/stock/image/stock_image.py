"""MicroPython's official image for a board: read, refused if it is none or not for the board, its file system found."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from soundsdk.boards import Board, all_boards
from soundsdk.build import esp_image, uf2
from soundsdk.build.native_archs import OLDEST_MICROPYTHON
from soundsdk.errors import CheckError
from soundsdk.flash import firmware_file
from soundsdk.flash.firmware_file import Firmware
from soundsdk.stock.image import binary_info, partitions

BLOCK_BYTES = 4096  # of the file system, on both ports: a sector of flash
# What the REPL greets with (py/mpconfig.h: MICROPY_BANNER_NAME_AND_VERSION), which is in sys.version as well.
_VERSION = re.compile(rb"MicroPython v(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?([^ \0]{0,60}) on \d{4}-\d\d-\d\d")
_CIRCUITPYTHON = re.compile(rb"Adafruit CircuitPython (\d[^ \0]{0,30}) on ")


@dataclass(frozen=True)
class StockImage:
    """An image of stock MicroPython. firmware: its file; address: of its first byte in flash; version: in numbers.

    machines: of the machine strings that board files know, those in the image. fs_at, fs_bytes: where in flash it keeps
    its files, counted from the start of the flash; fs_bytes is 0 where that is up to the end of the flash.
    """

    firmware: Firmware
    address: int
    version: tuple[int, ...]
    version_text: str
    machines: tuple[str, ...]
    fs_at: int
    fs_bytes: int

    def sentence(self) -> str:
        """Return what it is, in one line."""
        of = f" for {' or '.join(self.machines)}" if self.machines else ""
        room = f"{self.fs_bytes} bytes" if self.fs_bytes else "the rest of the flash"
        return f"Image: {self.firmware.path}, MicroPython {self.version_text}{of}; its files: {room} at {self.fs_at:#x}"

    def in_flash_of(self, flash_bytes: int) -> StockImage:
        """Return the image with the size of its file system in a flash of that size; CheckError if it has no room."""
        end = self.fs_at + self.fs_bytes
        if self.fs_bytes and end <= flash_bytes:
            return self
        if self.fs_bytes or flash_bytes - self.fs_at < 2 * BLOCK_BYTES:
            raise CheckError(
                f"{self.firmware.path} is for a larger flash: its files end at {max(end, self.fs_at + 2 * BLOCK_BYTES)}"
                f", and the board's flash has {flash_bytes} bytes.",
                "Take the image for this board's flash.",
            )
        return replace(self, fs_bytes=(flash_bytes - self.fs_at) // BLOCK_BYTES * BLOCK_BYTES)


def machines_in(firmware: Firmware) -> tuple[str, ...]:
    """Return which of the machine strings of the board files are in an image, such as its greeting has."""
    data = _contents(firmware)
    known = {machine for board in all_boards() if board.stock for machine in board.stock.machine}
    return tuple(sorted(machine for machine in known if machine.encode() + b"\0" in data))


def stock_image(firmware: Firmware, board: Board) -> StockImage:
    """Check a firmware file as an image of stock MicroPython for a board; CheckError with the reason if it is not."""
    path = firmware.path
    if firmware.identity is not None:
        raise CheckError(
            f"{path} is soundsdk's own image for {firmware.identity.board}, and not stock MicroPython.",
            f"Flash it with soundsdk flash {firmware.identity.board} --firmware {path}",
        )
    firmware_file.check(firmware, board, hint(board))
    data = _contents(firmware, board)
    version, text = _version(data, firmware, board)
    if board.uf2 is not None:
        start = uf2.unpack(firmware.data, board.uf2.family).address
        drive = binary_info.micropython_drive(data, start)
        if drive is None:
            raise CheckError(f"{path} does not say where it keeps its files.", hint(board))
        if not drive.size_bytes:
            raise CheckError(f"{path} is damaged: it has no room for files.", "Fetch it again.")
        address = start - board.uf2.address
        at, size = drive.address - board.uf2.address, drive.size_bytes
    else:
        assert board.esptool is not None
        address = board.esptool.bootloader
        if (flash := esp_image.flash_bytes(data)) > partitions.MOST_FLASH_BYTES:
            raise CheckError(f"{path} is damaged: its header names a flash of {flash} bytes.", "Fetch it again.")
        table = partitions.read(data, board.esptool.partitions - address)
        if not table:
            raise CheckError(f"{path} has no partition table: it is a part of an image only.",
                             f"{hint(board)} Not the .app-bin.")  # fmt: skip
        found = partitions.file_system(table)
        if found is None:
            raise CheckError(f"{path} keeps its files in FAT, and soundsdk makes littlefs.",
                             "Flash it as its maker says, then run: soundsdk install")  # fmt: skip
        at, size = found.offset, found.size_bytes
        if (problem := partitions.problem(table)) is not None:
            raise CheckError(f"{path} is damaged: {problem}.", "Fetch it again.")
    if at < address + len(data) or at % BLOCK_BYTES or size % BLOCK_BYTES:
        raise CheckError(
            f"{path} is damaged: it ends at {address + len(data):#x} in flash, and its files are at {at:#x}.",
            "Fetch it again.",
        )
    image = StockImage(firmware, address, version, text, machines_in(firmware), at, size)
    return image.in_flash_of(board.flash_bytes) if board.flash_bytes and size else image


def hint(board: Board) -> str:
    """Say where MicroPython's image for a board is from."""
    assert board.stock is not None
    page, _, variant = board.stock.board.partition("-")
    of = f", variant {variant}" if variant else ""
    return f"Take the image from micropython.org/download/{page}{of}."


def _contents(firmware: Firmware, board: Board | None = None) -> bytes:
    """Return an image as it lies in flash."""
    if not uf2.is_uf2(firmware.data):
        return firmware.data
    return uf2.unpack(firmware.data, board.uf2.family if board is not None and board.uf2 is not None else None).data


def _version(data: bytes, firmware: Firmware, board: Board) -> tuple[tuple[int, ...], str]:
    """Return MicroPython's version in numbers and in words; CheckError if it is too old, or another program."""
    oldest = ".".join(map(str, OLDEST_MICROPYTHON))
    found = _VERSION.search(data)
    if found is None:
        other = _CIRCUITPYTHON.search(data)
        what = f"CircuitPython {other[1].decode('ascii', 'replace')}" if other else "no version of MicroPython"
        raise CheckError(f"{firmware.path} is not an image of MicroPython: {what} is in it.", hint(board))
    numbers = tuple(int(part or 0) for part in found.groups()[:3])
    text = ".".join(map(str, numbers)) + found[4].decode("ascii", "replace")
    if numbers[:2] < OLDEST_MICROPYTHON:
        raise CheckError(f"{firmware.path} is MicroPython {text}, and soundsdk needs {oldest} or newer.", hint(board))
    return numbers, text
