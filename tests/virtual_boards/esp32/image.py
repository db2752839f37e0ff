"""Images as the chips' boot loaders read them: checked on the way to a boot, and made for tests.

Formats: esptool documentation, "Firmware Image Format"; ESP-IDF programming guide, "Partition Tables".
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from virtual_boards.esp32.chips import EspChip
from virtual_boards.esp32.flash import Flash

_MAGIC = 0xE9
_HEADER = struct.Struct("<4BI")
_CHIP_ID_AT, _HASHED_AT, _SEGMENTS_AT = 12, 23, 24
_CHECKSUM_SEED = 0xEF
_SEGMENTS_MOST = 16
PARTITIONS = 0x8000
APP = 0x10000
_ENTRY = struct.Struct("<2sBBII16sI")
_ENTRY_MAGIC = b"\xaa\x50"
_TABLE_BYTES = 0xC00
_TYPE_APP = 0


class BadImage(Exception):
    """A boot loader does not start an image; the message says why."""


def make(chip: EspChip, segments: list[tuple[int, bytes]]) -> bytes:
    """Make an image of (load address, bytes), with its checksum and hash. Sizes are padded to words."""
    out = bytearray(_HEADER.pack(_MAGIC, len(segments), 2, 0x20, 0x40080400))
    out += struct.pack("<B3xHBHH4xB", 0xEE, chip.chip_id, 0, 0, 0xFFFF, 1)
    checksum = _CHECKSUM_SEED
    for address, data in segments:
        data += bytes(-len(data) % 4)
        out += struct.pack("<II", address, len(data)) + data
        checksum ^= _xor(data)
    out += bytes(15 - len(out) % 16) + bytes([checksum])
    return bytes(out) + hashlib.sha256(out).digest()


@dataclass(frozen=True)
class Row:
    """A row of a partition table. kind: 0 for an application, 1 for data."""

    name: str
    kind: int
    subtype: int
    offset: int
    size: int


def make_partitions(rows: Sequence[Row]) -> bytes:
    """Make a partition table, and its hash."""
    table = b"".join(
        _ENTRY.pack(_ENTRY_MAGIC, row.kind, row.subtype, row.offset, row.size, row.name.encode(), 0) for row in rows
    )
    table += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table).digest()
    return table.ljust(_TABLE_BYTES, b"\xff")


_ONE_APP = (Row("factory", _TYPE_APP, 0, APP, 0x200000),)


def make_flash_image(chip: EspChip, contents: bytes, rows: Sequence[Row] = _ONE_APP) -> bytes:
    """Make what is written at chip.boot: boot loader, partition table, an application with `contents` in its data."""
    loader = make(chip, [(0x3FFF0000, b"second stage boot loader"), (0x40078000, bytes(64))])
    app = make(chip, [(0x3F400020, contents), (0x400D0020, b"code" * 16)])
    start = loader.ljust(PARTITIONS - chip.boot, b"\xff") + make_partitions(rows)
    return start.ljust(APP - chip.boot, b"\xff") + app


def _xor(data: bytes) -> int:
    total = 0
    for byte in struct.unpack(f"<{len(data) // 4}I", data):
        total ^= byte
    return (total ^ total >> 8 ^ total >> 16 ^ total >> 24) & 0xFF


@dataclass(frozen=True)
class Booted:
    """The application that a chip starts: its bytes in flash."""

    app: bytes


def boot(flash: Flash, chip: EspChip) -> Booted:
    """Do what the ROM and the second stage do after reset; BadImage says where they give up."""
    try:
        _check(flash, chip.boot, chip)
        at, size = _find_app(flash)
        length = _check(flash, at, chip)
        if length > size:
            raise BadImage("the application is larger than its partition")
        return Booted(flash.read(at, length))
    except IndexError:
        raise BadImage("the image ends outside of the flash") from None


def _check(flash: Flash, at: int, chip: EspChip) -> int:
    """Check the image that begins there; return its size."""
    header = flash.read(at, _SEGMENTS_AT)
    if header[0] != _MAGIC:
        raise BadImage(f"invalid header: 0x{header[3::-1].hex()}")
    if struct.unpack_from("<H", header, _CHIP_ID_AT)[0] != chip.chip_id:
        raise BadImage("the image is for another chip")
    if not 0 < header[1] <= _SEGMENTS_MOST:
        raise BadImage("the image has no segments")
    end = at + _SEGMENTS_AT
    checksum = _CHECKSUM_SEED
    for _ in range(header[1]):
        size = struct.unpack("<4xI", flash.read(end, 8))[0]
        if size % 4:
            raise BadImage("a segment is not whole")
        checksum ^= _xor(flash.read(end + 8, size))
        end += 8 + size
    end += 16 - (end - at) % 16
    if flash.read(end - 1, 1)[0] != checksum:
        raise BadImage("the checksum of the image is wrong")
    if header[_HASHED_AT]:
        if hashlib.sha256(flash.read(at, end - at)).digest() != flash.read(end, 32):
            raise BadImage("the hash of the image is wrong")
        end += 32
    return end - at


def _find_app(flash: Flash) -> tuple[int, int]:
    """Return offset and size of the first application in the partition table."""
    for at in range(PARTITIONS, PARTITIONS + _TABLE_BYTES, _ENTRY.size):
        magic, kind, _, offset, size, _, _ = _ENTRY.unpack(flash.read(at, _ENTRY.size))
        if magic != _ENTRY_MAGIC:
            break
        if kind == _TYPE_APP:
            return offset, size
    raise BadImage("there is no application in the partition table")
