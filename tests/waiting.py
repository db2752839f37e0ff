"""Waiting in tests: for conditions, with a bound that only a failure reaches, on a machine that is busy or slow."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

PATIENCE_S = 60.0
_STEP_S = 0.01


def wait_until(condition: Callable[[], Any], what: str = "", timeout_s: float = PATIENCE_S) -> Any:
    """Wait until a condition is true, and return its value; AssertionError after timeout_s."""
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {timeout_s:g} s for {what or condition}"
        time.sleep(_STEP_S)
    return value


def mostly_within(waits_s: list[float], limit_s: float) -> bool:
    """Return whether nine of ten waits were short: a slow product is slow every time, a busy computer now and then."""
    return sum(wait_s < limit_s for wait_s in waits_s) >= 0.9 * len(waits_s)


@contextmanager
def ended_by(work: Callable[[], None]) -> Iterator[None]:
    """Run `work` in a thread beside a command of this process that goes on until SIGTERM, and send it that at the end.

    What `work` raises is raised here. A SIGTERM that the command does not handle ends the test, not all tests.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(1)  # the command does not handle it, or no longer

    before = signal.signal(signal.SIGTERM, end)
    thread = threading.Thread(target=run)
    try:
        thread.start()
        yield
    finally:
        thread.join()
        signal.signal(signal.SIGTERM, before)
    if raised:
        raise raised[0]


def shown_and_logged(shown: str, log: Path) -> bool:
    """Return whether a command showed what it logged. SIGTERM may come between the two, of the last line."""
    logged = log.read_text()
    return shown in (logged, "".join(logged.splitlines(keepends=True)[:-1]))


def lines_with(path: Path, *parts: str, after: int = 0) -> list[str]:
    """Return the whole lines of a file from byte `after` on that hold all parts; none if there is no file yet."""
    data = path.read_bytes()[after:] if path.is_file() else b""
    lines = data.decode(errors="replace").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n") and all(part in line for part in parts)]
