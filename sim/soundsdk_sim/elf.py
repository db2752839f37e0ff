"""Symbols and memory of a firmware image, read from its ELF file (32 bit, little-endian)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from soundsdk.errors import DeviceError

_WRITE, _ALLOC = 1, 2
_SYMTAB = 2
_FUNCTION = 2  # a symbol's type


@dataclass(frozen=True)
class _Section:
    name: str
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int


class Elf:
    """An ELF file, read once. Raises DeviceError if it is not one of a 32-bit chip."""

    def __init__(self, path: Path) -> None:
        try:
            self._data = path.read_bytes()
            if self._data[:6] != b"\x7fELF\x01\x01":
                raise ValueError
            self._sections = self._read_sections()
            self._symbols = list(self._read_symbols())
        except (OSError, ValueError, struct.error, IndexError) as e:
            raise DeviceError(f"{path} is not an ELF file of a 32-bit chip.", "Build the image again.") from e

    def _read_sections(self) -> list[_Section]:
        (at,) = struct.unpack_from("<I", self._data, 32)
        size, count, names = struct.unpack_from("<3H", self._data, 46)
        rows = [struct.unpack_from("<10I", self._data, at + i * size) for i in range(count)]
        base = rows[names][4]
        return [_Section(self._text(base + r[0]), r[1], r[2], r[3], r[4], r[5], r[6]) for r in rows]

    def _text(self, at: int) -> str:
        return self._data[at : self._data.index(0, at)].decode("utf-8", "replace")

    def _read_symbols(self) -> Iterable[tuple[str, int, int, int]]:
        """Yield (name, value, size, type) for each symbol."""
        for table in (s for s in self._sections if s.kind == _SYMTAB):
            names = self._sections[table.link].offset
            for at in range(table.offset, table.offset + table.size, 16):
                name, value, size, info = struct.unpack_from("<3IB", self._data, at)
                yield self._text(names + name), value, size, info & 15

    def functions(self, names: Iterable[str]) -> dict[str, int]:
        """Return the addresses of those functions that are in the image; a name may hold the wildcard *."""
        wanted = tuple(names)
        return {
            name: value & ~1
            for name, value, _, kind in self._symbols
            if kind == _FUNCTION and any(fnmatchcase(name, pattern) for pattern in wanted)
        }

    def object_bytes(self, name: str) -> int:
        """Return the size of a variable; 0 if there is none of that name."""
        return next((size for found, _, size, _ in self._symbols if found == name), 0)

    def static_bytes(self, ram: int) -> int:
        """Return the bytes that are in RAM (address `ram` and above) from the start: variables, tables, copied code."""
        return sum(s.size for s in self._sections if s.flags & (_ALLOC | _WRITE) and s.address >= ram and s.size)
