"""A named pipe that gives far more than any file of the project may hold."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

_MOST = 256 << 20


@contextlib.contextmanager
def endless_pipe(path: Path) -> Iterator[list[int]]:
    """Make a pipe at a path; yields a list that holds, at the end, the bytes that its reader took, at most 256 MiB."""
    os.mkfifo(path)
    taken: list[int] = []

    def write() -> None:
        count, block = 0, bytes(1 << 16)
        with contextlib.suppress(BrokenPipeError), path.open("wb", buffering=0) as pipe:
            while count < _MOST:
                count += pipe.write(block) or 0
        taken.append(count)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    yield taken
    thread.join(timeout=60)
    assert not thread.is_alive()
