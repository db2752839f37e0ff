"""A QEMU machine's serial port as a pseudo-terminal, for programs that open ports: mpremote, Thonny, a terminal."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from soundsdk.boards import Board
from soundsdk.errors import DeviceError
from soundsdk_sim.targets.qemu_machine import command

_START_S = 30.0
_SAID = re.compile(rb"redirected to (\S+)")
_PROMPT = b">>> "


@contextlib.contextmanager
def terminal(board: Board, image: Path, extra: tuple[str, ...] = ()) -> Iterator[str]:
    """Runs the machine of a board with [qemu] while the block runs; gives the path of its serial port, at the REPL.

    extra: further arguments for QEMU. DeviceError if QEMU is missing, ends, or the REPL does not come up.
    """
    process = subprocess.Popen(
        [*command(board, image), "-serial", "pty", *extra],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        deadline = time.monotonic() + _START_S
        said = _read_until(process.stdout.fileno(), _SAID, deadline)
        path = _SAID.search(said)
        if path is None:
            raise DeviceError(f"QEMU has no serial port: {said.decode(errors='replace').strip() or 'it said nothing'}")
        _wait_for_prompt(path[1].decode(), deadline)
        yield path[1].decode()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _wait_for_prompt(path: str, deadline: float) -> None:
    """The nRF51's UART loses what comes while it is off."""
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        # What came before this program opened the port is lost, so the prompt is asked for again.
        while time.monotonic() < deadline:
            os.write(port, b"\r")
            if _PROMPT in _read_until(port, re.compile(_PROMPT), time.monotonic() + 0.5):
                return
    finally:
        os.close(port)
    raise DeviceError(f"the emulated board's REPL is not up after {_START_S:.0f} s.")


def _read_until(fd: int, pattern: re.Pattern[bytes], deadline: float) -> bytes:
    """What comes until the pattern is in it, the other side ends or time is over."""
    data = b""
    while not pattern.search(data):
        ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            break
        try:
            more = os.read(fd, 4096)
        except OSError:
            break
        if not more:
            break
        data += more
    return data
