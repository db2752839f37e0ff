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
from soundsdk_sim.targets.qemu_machine import PROMPT, START_S, command

_PORT_PATH = re.compile(rb"redirected to (\S+)")


@contextlib.contextmanager
def open_terminal(board: Board, image: Path, extra: tuple[str, ...] = ()) -> Iterator[str]:
    """Run the machine of a board with [qemu] during the block and yield the path of its serial port, at the REPL.

    extra: further arguments for QEMU. Raises DeviceError if QEMU is missing, ends, or the REPL does not come up.
    """
    process = subprocess.Popen(
        [*command(board, image), "-serial", "pty", *extra],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        deadline = time.monotonic() + START_S
        printed = _read_until(process.stdout.fileno(), _PORT_PATH, deadline)
        path = _PORT_PATH.search(printed)
        if path is None:
            text = printed.decode(errors="replace").strip() or "it printed nothing"
            raise DeviceError(f"QEMU has no serial port: {text}")
        _wait_for_prompt(path[1].decode(), deadline)
        yield path[1].decode()
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _wait_for_prompt(path: str, deadline: float) -> None:
    """Wait for the REPL: the nRF51's UART loses bytes that arrive while it is off."""
    port = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        # A prompt sent before this program opened the port is lost, so ask for another.
        while time.monotonic() < deadline:
            os.write(port, b"\r")
            if PROMPT in _read_until(port, re.compile(PROMPT), time.monotonic() + 0.5):
                return
    finally:
        os.close(port)
    raise DeviceError(f"the emulated board's REPL is not up after {START_S:.0f} s.")


def _read_until(fd: int, pattern: re.Pattern[bytes], deadline: float) -> bytes:
    """Read until the pattern matches, the other side closes or the time is up."""
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
