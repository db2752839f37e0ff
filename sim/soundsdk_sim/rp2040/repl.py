"""Statements for a board that is at MicroPython's REPL."""

from __future__ import annotations

from soundsdk.errors import DeviceError
from soundsdk_sim.rp2040.board import Rp2040

_READY = b"raw REPL; CTRL-B to exit\r\n>"


class Repl:
    """MicroPython's raw REPL on a board's serial port; Ctrl-C first, so a running program is stopped."""

    def __init__(self, board: Rp2040, timeout_ms: float = 5000) -> None:
        self._board = board
        board.send(b"\r\x03\x03")
        board.run(50)
        board.send(b"\r\x01")
        board.read_until(_READY, timeout_ms)

    def run(self, code: str, timeout_ms: float = 60000) -> str:
        """Runs statements; what they print. DeviceError with the traceback's last line if they raise."""
        board = self._board
        board.send(code.encode() + b"\x04")
        board.read_until(b"OK", 5000)
        printed = board.read_until(b"\x04", timeout_ms)[:-1]
        error = board.read_until(b"\x04>", 5000)[:-2]
        if error:
            raise DeviceError(f"the board refuses: {error.decode(errors='replace').strip().splitlines()[-1]}.")
        return printed.decode(errors="replace").replace("\r\n", "\n")
