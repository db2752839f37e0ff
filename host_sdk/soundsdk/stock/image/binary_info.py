"""The binary info of a program for an RP2: what its maker put into it for tools, such as where its files lie.

Formats: pico-sdk, pico_binary_info/structure.h, and pico_standard_link/crt0.S (the head with its two marks).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_HEAD = struct.Struct("<5I")  # mark, begin and end of a list of pointers to entries, a table of copies to RAM, mark
_BEGINS, _ENDS = 0x7188EBF2, 0xE71AA390
_HEAD_WITHIN = 4096  # it lies behind the vector table
_WORD = struct.Struct("<I")
_ENTRIES_MOST = 4096
_ENTRY = struct.Struct("<HH")  # type, tag
_BLOCK_DEVICE = struct.Struct("<HHIIIIH")  # type, tag, name, address, size, extra, flags
_TYPE_BLOCK_DEVICE = 7
_TAG_MICROPYTHON = int.from_bytes(b"MP", "little")


@dataclass(frozen=True)
class BlockDevice:
    """A part of flash that a program uses for files: its address, and its size in bytes."""

    address: int
    size_bytes: int


def micropython_drive(data: bytes, address: int) -> BlockDevice | None:
    """Return where MicroPython keeps its files (ports/rp2/rp2_flash.c says so in the binary info); None if it does not.

    data: the program as it lies from `address` on.
    """
    for entry in _entries(data, address):
        if len(data) - entry < _BLOCK_DEVICE.size:
            continue
        kind, tag, _, start, size, _, _ = _BLOCK_DEVICE.unpack_from(data, entry)
        if (kind, tag) == (_TYPE_BLOCK_DEVICE, _TAG_MICROPYTHON):
            return BlockDevice(start, size)
    return None


def _entries(data: bytes, address: int) -> list[int]:
    """Return the places of all entries that lie in the image."""
    for at in range(0, min(len(data), _HEAD_WITHIN) - _HEAD.size + 1, _WORD.size):
        first, begin, end, _, last = _HEAD.unpack_from(data, at)
        if (first, last) == (_BEGINS, _ENDS):
            break
    else:
        return []
    begin, end = begin - address, min(end - address, len(data))
    if not 0 <= begin <= end or end - begin > _ENTRIES_MOST * _WORD.size:
        return []
    pointers = [pointer - address for (pointer,) in _WORD.iter_unpack(data[begin : end - (end - begin) % _WORD.size])]
    return [pointer for pointer in pointers if 0 <= pointer <= len(data) - _ENTRY.size]
