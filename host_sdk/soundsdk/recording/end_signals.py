"""Signals that end a recording: Ctrl-C, SIGTERM (kill, a shutdown) and SIGHUP (the terminal closes)."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class EndSignals:
    """A context in which these signals raise KeyboardInterrupt, but never while something is written.

    number: of the signal that came, None so far. A signal that was ignored before stays ignored, as under nohup.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._shielded = False
        self._waiting = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> EndSignals:
        for name in _NAMES:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is None or signal.getsignal(number) is signal.SIG_IGN:
                continue
            try:
                self._before[number] = signal.signal(number, self._handle)
            except ValueError:  # not the main thread
                return self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        if self._shielded:
            self._waiting = True
            return
        raise KeyboardInterrupt

    @contextlib.contextmanager
    def held_back(self) -> Iterator[None]:
        """Let a signal that comes meanwhile wait for the end of this context."""
        self._shielded = True
        try:
            yield
        finally:
            self._shielded = False
        if self._waiting:
            raise KeyboardInterrupt
