"""A littlefs made on this computer, as MicroPython on a board mounts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from soundsdk.errors import CheckError
from soundsdk.install.packages import need
from soundsdk.stock import fits
from soundsdk.stock.image.stock_image import BLOCK_BYTES
from soundsdk.stock.payload import folders_of

# What MicroPython mounts it with: extmod/vfs_lfs.c (32 bytes each by default) and, for the rp2 port, modules/_boot.py.
_READ_BYTES = 32
_LOOKAHEAD_BYTES = 32
_PROG_BYTES = {"rp2": 256, "esp32": 32}  # by port
_CACHES = 4  # extmod/vfs_lfsx.c: the cache in units of the larger of the two. Files that are smaller lie in a folder.
# The oldest version of littlefs 2 on disk: every MicroPython mounts it, and newer ones update it when they first write.
_DISK_VERSION = 0x00020000
_NAME_BYTES = 255
_ROOT_BLOCKS = 2
_ERASED = 0xFF
_NO_SPACE = -28  # LFS_ERR_NOSPC


@dataclass(frozen=True)
class FileSystem:
    """A file system. data: all of it; used: its blocks that hold anything, by number; free_blocks: the others."""

    data: bytes
    used: tuple[int, ...]

    @property
    def free_blocks(self) -> int:
        """The number of blocks that hold nothing."""
        return len(self.data) // BLOCK_BYTES - len(self.used)

    def parts(self) -> list[tuple[int, bytes]]:
        """Return (offset, bytes) of what has to be written; neighbours are joined.

        That are all blocks that a board reads, among them blank ones: what is there now might be a folder of the file
        system before, and count as newer.
        """
        runs: list[tuple[int, int]] = []
        for block in self.used:
            if runs and runs[-1][1] == block:
                runs[-1] = (runs[-1][0], block + 1)
            else:
                runs.append((block, block + 1))
        return [(a * BLOCK_BYTES, self.data[a * BLOCK_BYTES : b * BLOCK_BYTES]) for a, b in runs]


class _Disk:
    """A flash in memory, called by littlefs-python as its UserContext. read_blocks: the blocks that were read."""

    def __init__(self, blocks: int) -> None:
        self.data = bytearray([_ERASED]) * (blocks * BLOCK_BYTES)
        self.read_blocks: set[int] = set()

    def read(self, cfg: object, block: int, off: int, size: int) -> bytearray:
        self.read_blocks.add(block)
        at = block * BLOCK_BYTES + off
        return self.data[at : at + size]

    def prog(self, cfg: object, block: int, off: int, data: bytes) -> int:
        at = block * BLOCK_BYTES + off
        self.data[at : at + len(data)] = data
        return 0

    def erase(self, cfg: object, block: int) -> int:
        self.data[block * BLOCK_BYTES : (block + 1) * BLOCK_BYTES] = bytes([_ERASED]) * BLOCK_BYTES
        return 0

    def sync(self, cfg: object) -> int:
        return 0


def need_littlefs() -> None:
    """Raise MissingPackageError, with the command that installs it, if littlefs-python is missing."""
    need("soundsdk flash --stock", "stock")


def make(files: Mapping[str, bytes], size_bytes: int, port: str) -> FileSystem:
    """Return the file system of a size with files in it, contents by path. port: of MicroPython.

    CheckError, with both sizes, if the files do not fit; MissingPackageError without littlefs-python.
    """
    need_littlefs()
    from littlefs import LittleFS, LittleFSError

    count = size_bytes // BLOCK_BYTES
    folders = folders_of(files)
    sizes = {path: len(data) for path, data in files.items()}
    least = fits.blocks(sizes, BLOCK_BYTES, len(folders)) + _ROOT_BLOCKS
    full = CheckError(
        f"the image's file system is too small: it has {size_bytes} bytes, and the {len(files)} files take "
        f"{least * BLOCK_BYTES} ({least} blocks of {BLOCK_BYTES}).",
        "Take a smaller detector, or an image with more room for files.",
    )
    if least > count:
        raise full
    prog = _PROG_BYTES[port]
    options: dict[str, Any] = {
        "block_size": BLOCK_BYTES, "block_count": count, "read_size": _READ_BYTES, "prog_size": prog,
        "cache_size": _CACHES * max(_READ_BYTES, prog), "lookahead_size": _LOOKAHEAD_BYTES, "name_max": _NAME_BYTES,
        "disk_version": _DISK_VERSION,
    }  # fmt: skip
    disk = _Disk(count)
    options["context"] = disk
    writer = LittleFS(mount=False, **options)
    try:
        writer.format()
        writer.mount()
        for folder in folders:
            writer.mkdir(folder)
        for path, data in files.items():
            with writer.open(path, "wb") as file:
                file.write(data)
    except LittleFSError as error:
        if error.code == _NO_SPACE:
            raise full from error
        raise CheckError(f"the file system cannot be made: {error}.", "Report this, with the command.") from error
    writer.unmount()
    disk.read_blocks.clear()
    reader = LittleFS(mount=False, **options)
    reader.mount()
    for path, data in files.items():
        with reader.open(path, "rb") as file:
            if file.read() != data:
                raise CheckError(f"{path} in the file system is not what was written.", "Report this.")
    for folder in ("/", *folders):
        reader.listdir(folder)
    return FileSystem(bytes(disk.data), tuple(sorted(disk.read_blocks)))
