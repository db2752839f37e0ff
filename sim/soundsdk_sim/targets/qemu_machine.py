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
from soundsdk.errors import DeviceError, ToolError, UsageError
from soundsdk_sim.raw_repl import RawRepl

PACKAGES = {
    "qemu-system-arm": "qemu-system-arm", "qemu-system-riscv32": "qemu-system-misc",
    "qemu-system-xtensa": "qemu-system-misc",
}  # Debian's  # fmt: skip
PROMPT = b">>> "
START_S = 30.0


def find_emulator(board: Board) -> str:
    """Return the path of a board's emulator. Raises ToolError with the package that contains it if it is missing."""
    if board.qemu is None:
        raise UsageError(f"{board.id} is not a board that QEMU emulates.")
    program = shutil.which(board.qemu.program)
    if program is None:
        package = PACKAGES.get(board.qemu.program, board.qemu.program)
        raise ToolError(f"{board.qemu.program} is not installed.", f"apt-get install {package}")
    return program


def command(board: Board, image: Path) -> list[str]:
    """Return the command that starts the machine of a board with [qemu]; the caller adds the serial port."""
    program = find_emulator(board)
    assert board.qemu is not None
    return [program, *board.qemu.args, "-display", "none", "-monitor", "none", "-kernel", str(image)]


class QemuMachine:
    """The machine of a board with [qemu], running `image`, as a context manager.

    extra: further arguments for QEMU. Raises DeviceError when the machine does not answer or QEMU ends.
    """

    def __init__(self, board: Board, image: Path, extra: tuple[str, ...] = ()) -> None:
        self._process = subprocess.Popen(
            [*command(board, image), "-serial", "stdio", *extra],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._received: queue.Queue[bytes] = queue.Queue()
        self._rest = b""
        threading.Thread(target=self._receive, daemon=True).start()
        try:
            # Not before the prompt: the nRF51's UART loses bytes that arrive while it is off.
            self._read_until(PROMPT, START_S)
            self._repl = RawRepl(self.send, self._read_until, START_S)
        except BaseException:
            self.close()
            raise

    def _receive(self) -> None:
        out = self._process.stdout
        assert out is not None
        while data := out.read1(65536):  # type: ignore[attr-defined]
            self._received.put(data)
        self._received.put(b"")

    def send(self, data: bytes) -> None:
        """Write bytes to the serial port."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except OSError as e:
            raise DeviceError("QEMU has ended.") from e

    def exec(self, code: str, timeout_s: float = 60.0) -> str:
        """Run statements and return what they print. Raises DeviceError with the traceback's last line."""
        return self._repl.exec(code, timeout_s)

    def stream(self, code: str, silence_s: float) -> Iterator[bytes]:
        """Run statements and yield what they print as it comes.

        Raises DeviceError as `exec` does, and after silence_s without a byte.
        """
        self._repl.start(code, silence_s)
        while (end := self._rest.find(b"\x04")) < 0:
            if self._rest:
                yield self._rest
            self._rest = self._next(silence_s)
        yield self._rest[:end]
        self._rest = self._rest[end + 1 :]
        self._repl.finish(silence_s)

    def _read_until(self, end: bytes, timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        while (at := self._rest.find(end)) < 0:
            self._rest += self._next(timeout_s, deadline)
        found, self._rest = self._rest[:at], self._rest[at + len(end) :]
        return found

    def _next(self, timeout_s: float, deadline: float | None = None) -> bytes:
        """Return the next bytes, at least one. deadline: of a wait of timeout_s that has begun."""
        try:
            left_s = timeout_s if deadline is None else deadline - time.monotonic()
            data = self._received.get(timeout=max(0.0, left_s))
        except queue.Empty:
            raise DeviceError(
                f"the emulated board has not answered for {timeout_s:.0f} s; it sent: {self._unread()}"
            ) from None
        if not data:
            raise DeviceError(f"QEMU has ended: {self._unread() or 'it sent nothing'}")
        return data

    def _unread(self) -> str:
        return self._rest[-200:].decode(errors="replace").strip()

    def close(self) -> None:
        """End the emulator."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def __enter__(self) -> QemuMachine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
