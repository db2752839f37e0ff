"""UF2 files: an image as blocks of 256 bytes that a board's USB boot loader writes to flash.

The format is Microsoft's (github.com/microsoft/uf2, README): 512 bytes a block, eight words before the payload.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable
from dataclasses import dataclass

_MAGIC = (0x0A324655, 0x9E5D5157)
_MAGIC_END = 0x0AB16F30
_NOT_FLASH = 0x1
_HAS_FAMILY = 0x2000
PAYLOAD = 256
BLOCK = 512
_PAYLOAD_MOST = 476
_ERASED = b"\xff"
MAX_FLASH_BYTES = 16 * 1024 * 1024
# What files for an RP2350 begin with because of its erratum E10: a block for the last page of the largest flash, in the
# family of files for absolute addresses, which says that another follows (RP2350 datasheet, E10; picotool's elf2uf2).
_ABSOLUTE = 0xE48BFF57
_E10 = (b"\xef" * PAYLOAD, 0, 2, _ABSOLUTE)
_NUMBERS = struct.Struct("<2I")
_NUMBERS_AT = 20


def pack(image: bytes, address: int, family: int) -> bytes:
    """Return the UF2 file of an image that lies at `address` in flash, for the boot loader of a family id."""
    return _packed([(address, image)], family, 0, -(-len(image) // PAYLOAD))


def _packed(parts: Iterable[tuple[int, bytes]], family: int, number: int, count: int) -> bytes:
    """Return the blocks of (address, bytes), numbered from `number` on."""
    blocks = []
    for address, data in parts:
        for at in range(0, len(data), PAYLOAD):
            header = struct.pack("<8I", *_MAGIC, _HAS_FAMILY, address + at, PAYLOAD, number, count, family)
            page = data[at : at + PAYLOAD].ljust(BLOCK - 36, b"\0")
            blocks.append(header + page + struct.pack("<I", _MAGIC_END))
            number += 1
    return b"".join(blocks)


def with_parts(file: bytes, parts: Iterable[tuple[int, bytes]], family: int) -> bytes:
    """Return a UF2 file that writes further parts of flash, (address, bytes), with the image of a family in it.

    The image's blocks are counted anew, as the boot loader restarts the board after the last one; blocks of other
    families stay as they are. ValueError if the file is none.
    """
    parts = list(parts)
    unpack(file, family)
    out = bytearray(file)
    ours = []
    for at in range(0, len(file), BLOCK):
        block = read_block(file[at : at + BLOCK])
        if block is not None and block.flash and block.family == family:
            ours.append((at, block.number))
    count = len(ours) + sum(-(-len(data) // PAYLOAD) for _, data in parts)
    for at, number in ours:
        _NUMBERS.pack_into(out, at + _NUMBERS_AT, number, count)
    return bytes(out) + _packed(parts, family, len(ours), count)


@dataclass(frozen=True)
class Block:
    """One block. family: 0 if it names none; flash: False if it is not meant for flash."""

    address: int
    data: bytes
    number: int
    count: int
    family: int
    flash: bool


def read_block(raw: bytes) -> Block | None:
    """Parse the block in 512 bytes; None if it is not one."""
    if len(raw) != BLOCK:
        return None
    first, second, flags, address, size, number, count, family = struct.unpack_from("<8I", raw)
    if (first, second, *struct.unpack_from("<I", raw, BLOCK - 4)) != (*_MAGIC, _MAGIC_END) or size > _PAYLOAD_MOST:
        return None
    return Block(
        address, raw[32 : 32 + size], number, count, family if flags & _HAS_FAMILY else 0, not flags & _NOT_FLASH
    )


def is_uf2(data: bytes) -> bool:
    """Return True if a file begins as a UF2 file does."""
    return data[:8] == struct.pack("<2I", *_MAGIC)


def _is_e10(block: Block) -> bool:
    return (block.data, block.number, block.count, block.family) == _E10


@dataclass(frozen=True)
class Unpacked:
    """The image in a UF2 file: `data` as it lies from `address` on in flash, 0xff where the file has no block."""

    families: frozenset[int]
    address: int
    data: bytes


def unpack(file: bytes, only: int | None = None) -> Unpacked:
    """Read a whole UF2 file, or the blocks of one family in it; ValueError says what is wrong with it."""
    if not file or len(file) % BLOCK:
        raise ValueError(f"its size, {len(file)} bytes, is not a number of blocks of {BLOCK}")
    blocks = [read_block(file[i : i + BLOCK]) for i in range(0, len(file), BLOCK)]
    used: list[Block] = []
    for i, block in enumerate(blocks):
        if block is None:
            raise ValueError(f"block {i} is not one")
        if block.flash and only in (None, block.family) and not _is_e10(block):
            used.append(block)
    # Numbers count per family: a file may hold the images of two chips.
    by_family: dict[int, list[Block]] = {}
    for block in used:
        by_family.setdefault(block.family, []).append(block)
    for ours in by_family.values():
        if sorted(block.number for block in ours) != list(range(ours[0].count)):
            raise ValueError(f"blocks are missing, {len(ours)} of {ours[0].count} are there")
        places = sorted((block.address, len(block.data)) for block in ours)
        for (address, size), (following, _) in itertools.pairwise(places):
            if address + size > following:
                raise ValueError(f"two of its blocks are for the same place, {following:#x}")
    if not used:
        raise ValueError("it holds nothing for flash")
    start = min(block.address for block in used)
    end = max(block.address + len(block.data) for block in used)
    if end - start > MAX_FLASH_BYTES:
        raise ValueError("its blocks lie further apart than a flash is large")
    data = bytearray(_ERASED * (end - start))
    for block in used:
        data[block.address - start : block.address - start + len(block.data)] = block.data
    return Unpacked(frozenset(by_family), start, bytes(data))
