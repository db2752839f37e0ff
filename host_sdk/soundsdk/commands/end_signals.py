"""Signals that end a verb in order: Ctrl-C, SIGTERM (kill, a shutdown) and SIGHUP (the terminal closes)."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Protocol

from soundsdk.errors import EXIT_HANGUP, EXIT_INTERRUPTED, EXIT_TERMINATED

# name: (exit code, sentence)
_ENDS = {
    "SIGINT": (EXIT_INTERRUPTED, "interrupted."),
    "SIGTERM": (EXIT_TERMINATED, "terminated."),
    "SIGHUP": (EXIT_HANGUP, "ended, as the terminal was closed."),
}


class EndSignals:
    """A context in which these signals raise KeyboardInterrupt, but never while something is written.

    number: of the signal that came, None so far. A signal that was ignored before stays ignored, as under nohup, and
    so does what another language than Python handles.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._shielded = False
        self._waiting = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> EndSignals:
        for name in _ENDS:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            # None: a handler that was not set from Python, and cannot be set again from here.
            if number is None or signal.getsignal(number) in (signal.SIG_IGN, None):
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
        self._before.clear()

    @property
    def end(self) -> tuple[int, str]:
        """The exit code and the sentence of what ended the verb; those of Ctrl-C if no signal came."""
        name = "SIGINT" if self.number is None else signal.Signals(self.number).name
        return _ENDS[name]

    def _handle(self, number: int, _: FrameType | None) -> None:
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
            waiting, self._waiting = self._waiting, False
        if waiting:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def let_through(self) -> Iterator[None]:
        """Let a signal raise KeyboardInterrupt within held_back() after all: one that comes now, or has come."""
        shielded, self._shielded = self._shielded, False
        try:
            waiting, self._waiting = self._waiting, False
            if waiting:
                raise KeyboardInterrupt
            yield
        finally:
            self._shielded = shielded


class Readable(Protocol):
    """The reading end of a pipe."""

    def read1(self, size: int, /) -> bytes:
        """Return what is there, waiting for at least one byte; b"" at the end."""


class EndedBySignals:
    """A stream that ends where a signal comes, so that what was read of it is dealt with to its end.

    with signals.held_back():
        work_with(EndedBySignals(stream, signals))
    """

    def __init__(self, stream: Readable, signals: EndSignals) -> None:
        self._stream = stream
        self._signals = signals
        self.ended = False  # by a signal

    def read1(self, size: int, /) -> bytes:
        """Return what is there, waiting for at least one byte; b"" at the end, and after a signal."""
        try:
            with self._signals.let_through():
                return b"" if self.ended else self._stream.read1(size)
        except KeyboardInterrupt:
            self.ended = True
            return b""
