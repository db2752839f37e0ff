"""UF2: an image as blocks that a board's USB boot loader writes to flash, 256 bytes each."""

from __future__ import annotations

import struct

_MAGIC = (0x0A324655, 0x9E5D5157)
_MAGIC_END = 0x0AB16F30
_HAS_FAMILY = 0x2000
PAYLOAD = 256
BLOCK = 512


def pack(image: bytes, address: int, family: int) -> bytes:
    """The UF2 file of an image that lies at `address` in flash, for the boot loader of that family id."""
    count = -(-len(image) // PAYLOAD)
    blocks = []
    for i in range(count):
        data = image[i * PAYLOAD : (i + 1) * PAYLOAD].ljust(PAYLOAD, b"\0")
        header = struct.pack("<8I", *_MAGIC, _HAS_FAMILY, address + i * PAYLOAD, PAYLOAD, i, count, family)
        blocks.append(header + data.ljust(BLOCK - 36, b"\0") + struct.pack("<I", _MAGIC_END))
    return b"".join(blocks)
