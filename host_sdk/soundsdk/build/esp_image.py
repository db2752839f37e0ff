"""Images of the ESP32 chips: the checksum and the hash that their boot loaders check, made right after a change.

The format is esptool's (its documentation, "Firmware Image Format"): a header of 24 bytes, segments of a load address,
a size and data, zeros up to a multiple of 16 whose last byte is the checksum, and a SHA-256 of all that, if the
header's last byte says so.
"""

from __future__ import annotations

import hashlib
import struct

MAGIC = 0xE9
CHIP_ID_AT = 12
CHIP_IDS = {"esp32": 0, "esp32s2": 2, "esp32c3": 5, "esp32s3": 9, "esp32c6": 13}
HEADER_BYTES = 24
_FLASH_SIZE_AT = 3  # the upper half of that byte: the logarithm of the size in MB
_HASHED_AT = 23
_SEGMENT = struct.Struct("<II")
_CHECKSUM_SEED = 0xEF


def flash_bytes(data: bytes) -> int:
    """Return the size of the flash that an image is made for, by its header."""
    return 1 << 20 << (data[_FLASH_SIZE_AT] >> 4)


def with_sums(data: bytes, at: int) -> bytes:
    """Return a flash image in which the application at `at` has the right checksum and hash; ValueError if it is none.

    Its size does not change.
    """
    header = data[at : at + HEADER_BYTES]
    if len(header) < HEADER_BYTES or header[0] != MAGIC:
        raise ValueError(f"there is no application at {at:#x}")
    end = at + HEADER_BYTES
    checksum = _CHECKSUM_SEED
    for _ in range(header[1]):
        if end + _SEGMENT.size > len(data):
            raise ValueError("the application ends within a segment")
        size = _SEGMENT.unpack_from(data, end)[1]
        end += _SEGMENT.size + size
        checksum ^= _xor(data[end - size : end])
    end += 16 - (end - at) % 16
    hash_bytes = hashlib.sha256().digest_size if header[_HASHED_AT] else 0
    if end + hash_bytes > len(data):
        raise ValueError("the application ends before its checksum")
    body = data[at : end - 1] + bytes([checksum])
    sums = hashlib.sha256(body).digest() if hash_bytes else b""
    return data[:at] + body + sums + data[end + hash_bytes :]


def _xor(data: bytes) -> int:
    """Return the exclusive or of all bytes."""
    whole = int.from_bytes(data, "little")
    size = len(data)
    # Fold the upper half onto the lower one: a dozen long operations in place of one for each byte.
    while size > 1:
        half = (size + 1) // 2
        whole = (whole >> 8 * half) ^ (whole & ((1 << 8 * half) - 1))
        size = half
    return whole
