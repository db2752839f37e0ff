"""Signals that end a verb in order: Ctrl-C, SIGTERM (kill, a shutdown) and SIGHUP (the terminal closes)."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Protocol

from soundsdk.errors import EXIT_HANGUP, EXIT_INTERRUPTED, EXIT_TERMINATED

# name: (exit code, sentence)
ENDS = {
    "SIGINT": (EXIT_INTERRUPTED, "interrupted."),
    "SIGTERM": (EXIT_TERMINATED, "terminated."),
    "SIGHUP": (EXIT_HANGUP, "ended, as the terminal was closed."),
}


_AGAIN_S = 0.05  # after which a KeyboardInterrupt that was lost is raised again
_HASTE = 3  # the Ctrl-C that ends the process at once


class EndSignals:
    """A context in which these signals raise KeyboardInterrupt, but never while something is written.

    The first one decides how the verb ends; later ones change nothing, but the third Ctrl-C ends the process at once,
    with the exit code of the first signal, should tidying up hang. Nothing ends within held_back().

    number: of the first signal that came, None so far. at_once: a sentence that goes to standard error as soon as
    Ctrl-C comes, for a verb that takes its time to end; "" for none. last: the process ends after this context; once a
    signal has come, it stays in force until then. A signal that was ignored before stays ignored, as under nohup, and
    so does what another language than Python handles.
    """

    def __init__(self, last: bool = False) -> None:
        self.number: int | None = None
        self.at_once = ""
        self._last = last
        self._shielded = False
        self._waiting = False
        self._settled = False
        self._again = False
        self._ctrl_c = 0
        self._before: dict[int, Any] = {}
        self._hook: Any = None

    def __enter__(self) -> EndSignals:
        for name in ENDS:
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            # None: a handler that was not set from Python, and cannot be set again from here.
            if number is None or signal.getsignal(number) in (signal.SIG_IGN, None):
                continue
            try:
                self._before[number] = signal.signal(number, self._handle)
            except ValueError:  # not the main thread
                return self
        self._hook, sys.unraisablehook = sys.unraisablehook, self._lost
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle()
        if self._hook is not None:
            sys.unraisablehook, self._hook = self._hook, None
        if self._last and self.number is not None:
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def settle(self) -> None:
        """Let no signal raise from here on: how the verb ends is decided, and is being said."""
        self._settled = True
        self._again = False

    @property
    def end(self) -> tuple[int, str]:
        """The exit code and the sentence of what ended the verb; those of Ctrl-C if no signal came."""
        name = "SIGINT" if self.number is None else signal.Signals(self.number).name
        return ENDS[name]

    def _handle(self, number: int, _: FrameType | None) -> None:
        again, self._again = self._again, False
        if not again:
            self._ctrl_c += number == signal.SIGINT
            if self.number is not None and number == signal.SIGINT and self._ctrl_c >= _HASTE and not self._shielded:
                os._exit(self.end[0])
            if self.number is not None or self._settled:
                return
            self.number = number
            if self.at_once and number == signal.SIGINT:
                _say_at_once(self.at_once)
        if self._shielded:
            self._waiting = True
            return
        raise KeyboardInterrupt

    def _lost(self, lost: Any) -> None:
        """Raise KeyboardInterrupt again soon where Python has dropped it: within a __del__ or a callback of its own."""
        if self.number is None or self._settled or not issubclass(lost.exc_type, KeyboardInterrupt):
            self._hook(lost)
            return
        self._again = True
        # Not threading.Thread: what runs here may have interrupted a thread that holds its lock.
        _thread.start_new_thread(self._send_again, ())

    def _send_again(self) -> None:
        time.sleep(_AGAIN_S)
        if not self._again or self.number is None:
            return
        if hasattr(signal, "pthread_kill"):  # it also ends a system call that waits
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, self.number)
        else:
            _thread.interrupt_main(signal.Signals(self.number))

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


def _say_at_once(sentence: str) -> None:
    """Write a line to standard error past Python's own buffer, whose lock the code that was interrupted may hold."""
    with contextlib.suppress(OSError):
        # A terminal has shown ^C, or a bar, in this line.
        os.write(2, f"{chr(10) if os.isatty(2) else ''}soundsdk: {sentence}{chr(10)}".encode())


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
