"""The cache folder: sources, builds, images and emulators, made once and shared by all of soundsdk's processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from soundsdk.errors import SoundsdkError

WAIT_S = 900.0  # two builds from nothing, on a slow computer
_POLL_S = 0.1


class BusyError(SoundsdkError):
    """Another process works in a folder of the cache, and did not end in time."""


class CacheError(SoundsdkError):
    """The cache folder cannot be used."""


def cache_dir() -> Path:
    """Return the cache folder: SOUNDSDK_CACHE, else `soundsdk` below the user's cache folder."""
    named = os.environ.get("SOUNDSDK_CACHE")
    if named:
        return Path(named).resolve()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soundsdk"


def content_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal, by which soundsdk knows a file wherever it lies."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files_sha256(paths: list[Path]) -> str:
    """Return one SHA-256 over the contents of files, and over the names and contents of all files below folders."""
    digest = hashlib.sha256()
    for top in paths:
        for path in sorted(top.rglob("*") if top.is_dir() else [top]):
            if path.is_file() and path.suffix != ".pyc":
                name = path.relative_to(top).as_posix()
                digest.update(f"{name} {content_sha256(path)}\n".encode())
    return digest.hexdigest()


@contextlib.contextmanager
def locked(folder: Path, say: Callable[[str], None], timeout_s: float = WAIT_S) -> Iterator[None]:
    """Hold the lock of a folder while the block runs, so that one process at a time works there.

    Says so if it must wait; BusyError after timeout_s. The lock ends with its process, so none is left behind. Where
    the system has no such locks (Windows) there is none.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder = folder.resolve()  # one lock, by whatever name the folder is known
    _make(folder.parent)
    file = os.open(folder.parent / f"{folder.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        deadline = time.monotonic() + timeout_s
        waits = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                pass
            if not waits:
                say(f"waiting for another soundsdk that works in {folder}")
                waits = True
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"another soundsdk has worked in {folder} for more than {timeout_s:.0f} s.",
                    "Wait for it, or end it, and try again.",
                )
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(file)


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Make a folder whole or not at all: fill the one that this yields; it is renamed when the block succeeds.

    If another process has made the folder meanwhile, that one stays.
    """
    _make(folder.parent)
    work = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    work.chmod(0o755)
    try:
        yield work
        try:
            work.rename(folder)
        except OSError:
            # Another process was faster, and its folder is as good.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CacheError(
            f"the cache folder {folder} cannot be made: {error.strerror}.", "Set SOUNDSDK_CACHE to a folder of yours."
        ) from error
