"""Run a command in a pseudo-terminal of a given size, and return what it showed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """data: what came on the terminal. said: what came on standard error, which is a pipe. code: the exit code."""

    data: bytes
    said: str
    code: int


def run_in_terminal(
    words: list[str], columns: int, rows: int, interrupt_s: float | None = None, limit_s: float = 60, **environment: str
) -> Shown:
    """Run a command whose standard output is a terminal; interrupt_s: press Ctrl-C after so many seconds of output.

    It is killed after limit_s. environment: what differs from this process's.
    """
    screen, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    there = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES", "TERM")}
    process = subprocess.Popen(
        words, stdin=terminal, stdout=terminal, stderr=subprocess.PIPE, text=True, errors="replace",
        env={**there, **environment}, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    os.close(terminal)
    shown = bytearray()
    first, deadline = None, time.monotonic() + limit_s
    try:
        while time.monotonic() < deadline:
            if select.select([screen], [], [], 0.1)[0]:
                try:
                    data = os.read(screen, 65536)
                except OSError:  # everybody has closed it
                    break
                first = first or time.monotonic()
                shown += data
            if interrupt_s is not None and first is not None and time.monotonic() > first + interrupt_s:
                process.send_signal(signal.SIGINT)
                interrupt_s = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=max(1.0, deadline - time.monotonic()))
    finally:
        process.kill()
        _, said = process.communicate()
        os.close(screen)
    return Shown(bytes(shown), said, process.returncode)
