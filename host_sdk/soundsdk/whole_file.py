"""Files that are written whole or not at all; every verb that replaces a file does it here.

A symbolic link stays, and its target is replaced. What is no regular file (a device, a pipe) is written to and never
replaced. Whatever goes wrong, the file that was there before stays as it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from soundsdk.errors import OutputError

_ELSEWHERE = "Name another place."
_NEXT = {
    errno.ENOSPC: "Free space there, or name another place.",
    errno.EDQUOT: "Free space there, or name another place.",
    errno.ENOENT: "The folder is not there: make it, or name another place.",
}


def write_whole(
    path: str | Path, data: bytes, hint: str | None = None, *, parents: bool = False, mode: int | None = None
) -> None:
    """Write a file whole or not at all.

    parents: make the folders that are missing above it. mode: its permissions; by default those of the file that it
    replaces, or the usual ones. Raises OutputError; hint: what to do next (default: by the reason).
    """
    try:
        target = _target(Path(path))
        if _is_special(target):
            with open(target, "wb", buffering=0) as stream:
                _write_all(stream.fileno(), data)
            return
        if parents:
            target.parent.mkdir(parents=True, exist_ok=True)
        part = _part(target.parent)
        try:
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
            try:
                _write_all(handle, data)
                if mode is None and target.exists():
                    mode = stat.S_IMODE(target.stat().st_mode)
                if mode is not None:
                    os.chmod(part, mode)
            finally:
                os.close(handle)
            os.replace(part, target)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
    except OSError as error:
        raise _refused(path, error, hint) from error


def write_results(files: Mapping[Path, bytes], hint: str | None = None) -> None:
    """Write the files of one result, whole and all; what cannot be written where it belongs is kept elsewhere.

    Where one cannot be written (the disk is full, the folder has gone), those that were new are removed, and all are
    written into a folder of their own: here, at home, or among temporary files. Raises OutputError that says where.
    """
    new: list[Path] = []
    try:
        for path, data in files.items():
            there = path.exists()
            write_whole(path, data, hint, parents=True)
            if not there:
                new.append(path)
    except OutputError as error:
        for path in new:
            with contextlib.suppress(OSError):
                path.unlink()
        raise _kept_elsewhere(files, error) from error


def _kept_elsewhere(files: Mapping[Path, bytes], error: OutputError) -> OutputError:
    """Write the files where there is room, and return the error that says where; error: why they are not in place."""
    top = Path(os.path.commonpath([_absolute(path).parent for path in files]))
    for place in (Path.cwd, Path.home, lambda: Path(tempfile.gettempdir())):
        folder = None
        try:
            folder = Path(tempfile.mkdtemp(prefix="soundsdk-kept-", dir=place()))
            for path, data in files.items():
                write_whole(folder / _absolute(path).relative_to(top), data, parents=True)
        except (OSError, RuntimeError, OutputError):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            continue
        many = "both" if len(files) == 2 else f"all {len(files)}"
        what, them = ("it was", "it") if len(files) == 1 else (f"{many} files were", "them")
        return OutputError(f"{error.message[:-1]}; {what} written into {folder} instead.", f"Move {them} from there.")
    return OutputError(f"{error.message[:-1]}, nor anywhere else.", error.hint)


def _absolute(path: Path) -> Path:
    """Return an absolute path, of the root if the working folder is gone: only what follows it counts then."""
    try:
        return path.absolute()
    except OSError:
        return Path(os.sep, path)


def check_writable(path: str | Path, hint: str | None = None, *, parents: bool = False) -> None:
    """Raise OutputError if write_whole() could not write a file: to know it before hours of work.

    Another file is made where it would be, and removed. With parents, the nearest folder above it that is there is
    tried; none is made.
    """
    try:
        target = _target(Path(path))
        if _is_special(target):
            if not os.access(target, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        _try_in(_nearest(target.parent) if parents else target.parent)
    except OSError as error:
        raise _refused(path, error, hint) from error


def check_folder(path: str | Path, hint: str | None = None) -> None:
    """Raise OutputError if no files could be written below a folder, which need not be there yet."""
    try:
        _try_in(_nearest(_target(Path(path))))
    except OSError as error:
        raise _refused(path, error, hint) from error


def _target(path: Path) -> Path:
    """Return what a path leads to by its symbolic links, whether it is there or not."""
    return path if _is_special(path) else Path(os.path.realpath(path))


def _is_special(path: Path) -> bool:
    """Return whether there is something at a path that is neither a file nor a folder."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _nearest(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _try_in(folder: Path) -> None:
    """Make a file in a folder, and remove it."""
    part = _part(folder)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    part.unlink()


def _part(folder: Path) -> Path:
    # A name of its own, which no other process takes and whose length does not depend on the file's.
    return folder / f".{secrets.token_hex(8)}.part"


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _refused(path: str | Path, error: OSError, hint: str | None) -> OutputError:
    return OutputError(f"{path} cannot be written: {error.strerror or error}.", hint or _hint(error))


def _hint(error: OSError) -> str:
    """Return what to do next about a file that cannot be written."""
    return _NEXT.get(error.errno or 0, _ELSEWHERE)
