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


class RunningClock:
    """A clock that stands still while the computer does not run this process, so that its waits are the product's.

    A thread beside the test sleeps for 10 ms at a time; what it oversleeps by more than 20 ms is not counted. Use it as
    a context.
    """

    _BEAT_S = 0.01
    _LATE_S = 0.03

    def __init__(self) -> None:
        self._stalled_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> RunningClock:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def now(self) -> float:
        """Return seconds since some moment, without those in which this process did not run."""
        return time.monotonic() - self._stalled_s

    def _beat(self) -> None:
        while not self._over.is_set():
            before = time.monotonic()
            time.sleep(self._BEAT_S)
            took_s = time.monotonic() - before
            if took_s > self._LATE_S:
                self._stalled_s += took_s - self._BEAT_S


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
