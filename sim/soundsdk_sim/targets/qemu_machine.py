"""A QEMU machine with the firmware, at MicroPython's raw REPL on its serial port."""

from __future__ import annotations

import contextlib
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from soundsdk.boards import Board
from soundsdk.errors import DeviceError, UsageError

PACKAGES = {"qemu-system-arm": "qemu-system-arm", "qemu-system-riscv32": "qemu-system-misc"}  # Debian's
_READY = b"raw REPL; CTRL-B to exit\r\n>"
_PROMPT = b">>> "
_START_S = 30.0


def emulator(board: Board) -> str:
    """The path of a board's emulator. DeviceError, with the package that brings it, if it is not there."""
    if board.qemu is None:
        raise UsageError(f"{board.id} is not a board that QEMU emulates.")
    program = shutil.which(board.qemu.program)
    if program is None:
        package = PACKAGES.get(board.qemu.program, board.qemu.program)
        raise DeviceError(f"{board.qemu.program} is not installed.", f"apt-get install {package}")
    return program


def command(board: Board, image: Path) -> list[str]:
    """What starts the machine of a board with [qemu]; its serial port is left to the caller."""
    program = emulator(board)
    assert board.qemu is not None
    return [program, *board.qemu.args, "-display", "none", "-monitor", "none", "-kernel", str(image)]


class Qemu:
    """The machine of a board with [qemu], running `image`. A context manager; DeviceError when it does not answer.

    extra: further arguments for QEMU.
    """

    def __init__(self, board: Board, image: Path, extra: tuple[str, ...] = ()) -> None:
        self._process = subprocess.Popen(
            [*command(board, image), "-serial", "stdio", *extra],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._come: queue.Queue[bytes] = queue.Queue()
        self._rest = b""
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            # Not before the prompt: the nRF51's UART loses what comes while it is off.
            self.read_until(_PROMPT, _START_S)
            self.send(b"\r\x01")
            self.read_until(_READY, _START_S)
        except BaseException:
            self.close()
            raise

    def _listen(self) -> None:
        out = self._process.stdout
        assert out is not None
        while data := out.read1(65536):  # type: ignore[attr-defined]
            self._come.put(data)
        self._come.put(b"")

    def send(self, data: bytes) -> None:
        """Bytes to the serial port."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except OSError as e:
            raise DeviceError("QEMU has ended.") from e

    def stream(self, code: str, silence_s: float) -> Iterator[bytes]:
        """Runs statements; what they print, as it comes. DeviceError as of run(), or after silence_s without a byte."""
        self.send(code.encode() + b"\x04")
        self.read_until(b"OK", silence_s)
        while (end := self._rest.find(b"\x04")) < 0:
            if self._rest:
                yield self._rest
            self._rest = self._next(silence_s)
        yield self._rest[:end]
        self._rest = self._rest[end + 1 :]
        self._raise(self.read_until(b"\x04>", silence_s))

    def read_until(self, end: bytes, timeout_s: float) -> bytes:
        """What comes before `end`, which is taken too."""
        deadline = time.monotonic() + timeout_s
        while (at := self._rest.find(end)) < 0:
            self._rest += self._next(deadline - time.monotonic(), timeout_s)
        found, self._rest = self._rest[:at], self._rest[at + len(end) :]
        return found

    def run(self, code: str, timeout_s: float = 60.0) -> str:
        """Runs statements; what they print. DeviceError with the last line of the traceback if they raise."""
        self.send(code.encode() + b"\x04")
        self.read_until(b"OK", timeout_s)
        printed = self.read_until(b"\x04", timeout_s)
        self._raise(self.read_until(b"\x04>", timeout_s))
        return printed.decode(errors="replace").replace("\r\n", "\n")

    def _next(self, wait_s: float, timeout_s: float | None = None) -> bytes:
        """The next bytes, at least one. timeout_s: what the message says when none come (default: wait_s)."""
        try:
            data = self._come.get(timeout=max(0.0, wait_s))
        except queue.Empty:
            said = self._rest[-200:].decode(errors="replace").strip()
            timeout_s = wait_s if timeout_s is None else timeout_s
            raise DeviceError(f"the emulated board has not answered for {timeout_s:.0f} s; it said: {said}") from None
        if not data:
            said = self._rest[-200:].decode(errors="replace").strip()
            raise DeviceError(f"QEMU has ended: {said or 'it said nothing'}")
        return data

    @staticmethod
    def _raise(error: bytes) -> None:
        """DeviceError with the last line of a traceback, if there is one."""
        if error:
            raise DeviceError(f"the emulated board stopped: {error.decode(errors='replace').strip().splitlines()[-1]}.")

    def close(self) -> None:
        """Ends the emulator."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def __enter__(self) -> Qemu:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
