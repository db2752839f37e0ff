"""One process at a time in a folder of the cache. A lock ends with its process, so none is ever left behind."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from soundsdk.errors import SoundsdkError

WAIT_S = 900.0  # two builds from nothing, on a slow computer
_LOOK_S = 0.1


class BusyError(SoundsdkError):
    """Another process works in the folder, and did not end in time."""


@contextlib.contextmanager
def only_one(folder: Path, say: Callable[[str], None], timeout_s: float = WAIT_S) -> Iterator[None]:
    """Holds `folder`.lock while the block runs; says so if it must wait. BusyError after timeout_s.

    Where the system has no such locks (Windows) there is none.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder = folder.resolve()  # by whatever name it is known
    folder.parent.mkdir(parents=True, exist_ok=True)
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
            time.sleep(_LOOK_S)
        yield
    finally:
        os.close(file)
