"""A NOR flash: erased to ones by the sector, written by clearing bits."""

from __future__ import annotations

import hashlib

import numpy as np

SECTOR_BYTES = 4096


class Flash:
    """A flash of size_bytes, a power of two. takes: set it False, and what is erased and written is lost."""

    def __init__(self, size_bytes: int = 4 * 1024 * 1024) -> None:
        self._data = np.full(size_bytes, 0xFF, np.uint8)
        self.takes = True
        self.erased_bytes = 0
        self.written_bytes = 0

    def __len__(self) -> int:
        return len(self._data)

    @property
    def jedec_id(self) -> int:
        """The answer to the command 0x9F: manufacturer (Winbond), type, log2 of the size."""
        return 0xEF | 0x40 << 8 | (len(self._data).bit_length() - 1) << 16

    def fits(self, at: int, size: int) -> bool:
        return 0 <= at <= at + size <= len(self._data)

    def erase(self, at: int, size: int) -> None:
        """Erase all sectors that the range touches. IndexError outside of the flash."""
        start = at // SECTOR_BYTES * SECTOR_BYTES
        end = -(-(at + size) // SECTOR_BYTES) * SECTOR_BYTES
        if not self.fits(start, end - start):
            raise IndexError
        self.erased_bytes += end - start
        if self.takes:
            self._data[start:end] = 0xFF

    def write(self, at: int, data: bytes) -> None:
        """Clear the bits that are 0 in data. IndexError outside of the flash."""
        if not self.fits(at, len(data)):
            raise IndexError
        self.written_bytes += len(data)
        if self.takes:
            self._data[at : at + len(data)] &= np.frombuffer(data, np.uint8)

    def read(self, at: int, size: int) -> bytes:
        """Read bytes. IndexError outside of the flash."""
        if not self.fits(at, size):
            raise IndexError
        return self._data[at : at + size].tobytes()

    def md5(self, at: int, size: int) -> bytes:
        """Return the MD5 of a range, 16 bytes. IndexError outside of the flash."""
        return hashlib.md5(self.read(at, size)).digest()
