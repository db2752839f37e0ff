"""A board's file system in memory, whose power can be cut before any of its operations.

lazy: what was written since the last flush is lost in a cut, as in littlefs. Without it every write lands at once, and
half of the one that is cut. Renaming and removing happen whole or not at all. Nothing works after the cut until
power_on().
"""

from __future__ import annotations

import io
from collections.abc import Callable
from types import ModuleType
from typing import Any


class PowerCut(BaseException):
    """A power cut. It is no Exception: firmware that swallowed it would go on without power."""


class FakeFlash:
    def __init__(self, lazy: bool, free_bytes: int = 1 << 20) -> None:
        self.files: dict[str, bytes] = {}
        self.lazy = lazy
        self.free_bytes = free_bytes
        self.operations = 0
        self.cut_at = -1
        self._off = False

    def install(self, patch: Callable[[ModuleType, str, Any], None]) -> None:
        """Replace `open` and `os` in soundfw's modules by this, with patch(module, name, value)."""
        from soundfw import settings
        from soundfw.storage import files, push

        patch(files, "os", self)
        for module in (files, push, settings):
            patch(module, "open", self.open)

    def power_on(self) -> None:
        self._off = False
        self.cut_at = -1

    def operation(self) -> None:
        if self._off or self.operations == self.cut_at:
            self._off = True
            raise PowerCut
        self.operations += 1

    # ---- os

    def stat(self, path: str) -> tuple[int, ...]:
        if path not in self.files:
            raise FileNotFoundError(2, "ENOENT", path)
        return (0, 0, 0, 0, 0, 0, len(self.files[path]))

    def statvfs(self, path: str) -> tuple[int, ...]:
        used = sum(len(content) for content in self.files.values())
        return (1, 1, self.free_bytes, self.free_bytes - used)

    def remove(self, path: str) -> None:
        if path not in self.files:
            raise FileNotFoundError(2, "ENOENT", path)
        self.operation()
        del self.files[path]

    def rename(self, old: str, new: str) -> None:
        self.operation()
        self.files[new] = self.files.pop(old)

    # ---- open

    def open(self, path: str, mode: str = "r") -> Any:
        if "r" in mode:
            if path not in self.files:
                raise FileNotFoundError(2, "ENOENT", path)
            data = self.files[path]
            return io.BytesIO(data) if "b" in mode else io.StringIO(data.decode())
        self.operation()
        if "w" in mode or path not in self.files:
            self.files[path] = b""
        return _Written(self, path)


class _Written:
    def __init__(self, flash: FakeFlash, path: str) -> None:
        self._flash = flash
        self._path = path
        self._pending = b""

    def write(self, data: str | bytes) -> int:
        raw = data.encode() if isinstance(data, str) else bytes(data)
        flash = self._flash
        used = sum(len(content) for content in flash.files.values()) + len(self._pending)
        if used + len(raw) > flash.free_bytes:
            raise OSError(28, "ENOSPC")
        try:
            flash.operation()
        except PowerCut:
            if not flash.lazy:
                flash.files[self._path] += raw[: len(raw) // 2]
            raise
        if flash.lazy:
            self._pending += raw
        else:
            flash.files[self._path] += raw
        return len(data)

    def flush(self) -> None:
        self._flash.operation()
        self._flash.files[self._path] += self._pending
        self._pending = b""

    def close(self) -> None:
        self.flush()

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
