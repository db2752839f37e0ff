"""A virtual board at a virtual serial port: a pseudo-terminal with the firmware behind it (Linux, macOS).

The board starts when a program opens the port. Without --realtime the sound waits for the reader, so no line is lost;
with it the sound goes on in real time, and lines that nobody reads are dropped and counted. After the recording the
board still answers commands. It stops on Ctrl-C, or when the recording has ended and no program has the port open.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import PortError, UsageError
from soundsdk_sim.board import REALTIME_BLOCK_SAMPLES, PcmSource, VirtualBoard, made_folder

START_S = 0.3  # a board needs as long; serial libraries discard what arrives while they open a port
WAIT_S = 0.1
STUCK_S = 10.0


class Pty:
    """The board's end of a pseudo-terminal.

    path: what a program opens. No method waits unless its name says so.
    """

    def __init__(self) -> None:
        try:
            import tty
        except ImportError as error:
            raise UsageError("--pty needs pseudo-terminals.", "Use it on Linux or macOS.") from error
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        # With the slave closed here, the master reports a hang-up exactly while no program has the port open.
        os.close(slave)
        os.set_blocking(self._master, False)
        self._poll = select.poll()
        self._poll.register(self._master, select.POLLIN)

    def __enter__(self) -> Pty:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._master)

    def has_peer(self) -> bool:
        """Return whether a program has the port open."""
        return not any(event & select.POLLHUP for _, event in self._poll.poll(0))

    @property
    def baud(self) -> int:
        """The speed set by the program that has, or last had, the port open; 0 for an unusual one."""
        import termios

        code = termios.tcgetattr(self._master)[5]
        return next((baud for baud in (1200, 9600, 115200) if getattr(termios, f"B{baud}") == code), 0)

    def wait_input(self, timeout_s: float) -> None:
        """Wait until bytes have arrived, or for that time."""
        if self.has_peer():
            self._poll.poll(max(0, int(timeout_s * 1000)))
        else:
            # A hang-up would end the poll at once.
            time.sleep(max(0.0, timeout_s))

    def wait_room(self, timeout_s: float) -> None:
        """Wait until the port accepts bytes, or for that time."""
        select.select([], [self._master], [], timeout_s)

    def read(self) -> bytes:
        """Return what has arrived, b"" for nothing."""
        try:
            return os.read(self._master, 4096)
        except OSError:
            return b""

    def write(self, data: Any) -> int | None:
        """Write bytes and return how many were accepted; None for none."""
        if not self.has_peer():
            return None
        try:
            return os.write(self._master, data)
        except OSError:
            return None


def serve(model: bytes, pcm: NDArray[np.int16], rate_hz: int, realtime: bool, announce: Callable[[str], None]) -> None:
    """Run a board on a pseudo-terminal until it is done; announce is called with the port's path.

    Raises PortError if a program holds the port open and does not read for 10 s while lines wait.
    """
    source = PcmSource(pcm)
    with Pty() as port, made_folder() as flash:
        announce(port.path)
        while not port.has_peer():
            time.sleep(WAIT_S)
        time.sleep(START_S)
        # Each turn is a power-on; the recording continues where it was.
        again = True
        while again:
            block = REALTIME_BLOCK_SAMPLES
            board = VirtualBoard(model, source, port.write, port.read, block_samples=block, folder=flash)
            again = _power_on(port, board, rate_hz, realtime)


def _power_on(port: Pty, board: VirtualBoard, rate_hz: int, realtime: bool) -> bool:
    """Run the board; return True if the host asked for a restart, False when the board is done."""
    app = board.app
    begin = time.monotonic()
    while app.step():
        if realtime:
            time.sleep(max(0.0, begin + board.captured_samples / rate_hz - time.monotonic()))
        else:
            _drain(port, board)
    while not app.request:
        _drain(port, board)
        if not port.has_peer():
            return False
        port.wait_input(WAIT_S)
        app.step()
    _drain(port, board)
    return True


def _drain(port: Pty, board: VirtualBoard) -> None:
    """Wait until the program at the other end has read every line, or has closed the port."""
    link = board.app.link
    last = time.monotonic()
    before = link.waiting
    while not link.pump() and port.has_peer():
        port.wait_room(WAIT_S)
        if link.waiting != before:
            before, last = link.waiting, time.monotonic()
        if time.monotonic() - last > STUCK_S:
            raise PortError(f"the program at {port.path} has not read for {STUCK_S:.0f} s.", "Start both again.")
