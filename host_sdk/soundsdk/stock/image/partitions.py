"""The partition table in an image for an ESP32, and where MicroPython keeps its files by it.

Format: ESP-IDF programming guide, "Partition Tables".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from soundsdk.labels import printable

_ENTRY = struct.Struct("<2sBBII16sI")  # mark, type, subtype, offset, size, label, flags
_MARK = b"\xaa\x50"
_TABLE_BYTES = 0xC00
_DATA = 1
MOST_FLASH_BYTES = 128 << 20  # the largest that esptool can write into an image's header
# ports/esp32/modules/flashbdev.py: littlefs in "vfs", else FAT in "ffat".
_LITTLEFS, _FAT = "vfs", "ffat"


@dataclass(frozen=True)
class Partition:
    """A partition: its label, its offset and size in flash. kind: 0 for an application, 1 for data."""

    label: str
    kind: int
    offset: int
    size_bytes: int


def read(data: bytes, at: int) -> list[Partition]:
    """Return the partitions of the table at an offset of an image; none if there is no table."""
    found = []
    for start in range(at, min(at + _TABLE_BYTES, len(data) - _ENTRY.size + 1), _ENTRY.size):
        mark, kind, _, offset, size, label, _ = _ENTRY.unpack_from(data, start)
        if mark != _MARK:
            break
        found.append(Partition(label.rstrip(b"\0").decode("ascii", "replace"), kind, offset, size))
    return found


def problem(table: list[Partition]) -> str | None:
    """Return what no table of a board can be: a partition without bytes, past all flash, or within another; else None.

    An ESP32 that has such a table does not start.
    """
    end, before = 0, ""
    for one in sorted(table, key=lambda one: one.offset):
        name = printable(one.label)
        if not one.size_bytes:
            return f"its partition {name} has no bytes"
        if one.offset + one.size_bytes > MOST_FLASH_BYTES:
            return f"its partition {name} ends at {one.offset + one.size_bytes:#x}, past the largest flash"
        if one.offset < end:
            return f"its partitions {before} and {name} overlap"
        end, before = one.offset + one.size_bytes, name
    return None


def file_system(table: list[Partition]) -> Partition | None:
    """Return the partition that MicroPython mounts with littlefs; None if it uses FAT.

    Its size is 0 if the table names none: newer MicroPython then takes all that is behind the last partition,
    up to the end of the flash as it is (ports/esp32/main.c, boardctrl_startup).
    """
    for label in (_LITTLEFS, _FAT):
        for one in table:
            if one.kind == _DATA and one.label == label:
                return one if label == _LITTLEFS else None
    return Partition(_LITTLEFS, _DATA, max((one.offset + one.size_bytes for one in table), default=0), 0)
