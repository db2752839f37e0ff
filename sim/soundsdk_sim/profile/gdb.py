"""A client of QEMU's GDB stub: breakpoints, registers, memory. The protocol is in GDB's manual, "Remote Protocol"."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

from soundsdk.errors import DeviceError

_PACKET = re.compile(rb"^\+*\$([^#]*)#[0-9a-f]{2}", re.DOTALL)
_STOPPED = re.compile(rb"[ST]05")


class Gdb:
    """Connects to the stub at a socket of this computer, which stops the machine. A context manager.

    Every answer has a deadline: DeviceError.
    """

    def __init__(self, path: Path, timeout_s: float = 10.0) -> None:
        self._limit_s = timeout_s
        self._rest = b""
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
            self._answer()  # that the machine has stopped
            self.description("target.xml")  # who has not read it gets no single registers
        except OSError as e:
            self._socket.close()
            raise DeviceError(f"QEMU's debugger port does not answer: {e.strerror or e}.") from e

    def _answer(self) -> bytes:
        deadline = time.monotonic() + self._limit_s
        while (found := _PACKET.match(self._rest)) is None:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                raise DeviceError(f"QEMU's debugger port has not answered for {self._limit_s:.0f} s.") from None
            if not data:
                raise DeviceError("QEMU has closed its debugger port.")
            self._rest += data
        self._rest = self._rest[found.end() :]
        self._socket.sendall(b"+")
        return found[1]

    def ask(self, text: str) -> bytes:
        """A packet and its answer; DeviceError if that is an error."""
        data = text.encode("ascii")
        try:
            self._socket.sendall(b"$%s#%02x" % (data, sum(data) & 255))
        except OSError as e:
            raise DeviceError("QEMU has closed its debugger port.") from e
        answer = self._answer()
        if not answer or re.fullmatch(rb"E\d\d", answer):
            raise DeviceError(f"QEMU's debugger port refuses {text.split(',')[0]} ({answer.decode() or 'unknown'}).")
        return answer

    def description(self, name: str) -> str:
        """A file of the target's description, such as riscv-csr.xml; it has the numbers of registers."""
        text = b""
        while True:
            part = self.ask(f"qXfer:features:read:{name}:{len(text):x},7f0")
            text += part[1:]
            if part[:1] != b"m":
                return text.decode("ascii")

    def register(self, number: int) -> int:
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}").decode("ascii")), "little")

    def read(self, address: int, size: int = 4) -> int:
        """A little-endian number in memory."""
        return int.from_bytes(bytes.fromhex(self.ask(f"m{address:x},{size:x}").decode("ascii")), "little")

    def watch(self, address: int) -> None:
        """Stops before the instruction there."""
        self.ask(f"Z0,{address:x},2")

    def resume(self) -> None:
        """Runs to the next breakpoint. The step is for one at this place, where the machine would stay otherwise."""
        for word in ("s", "c"):
            if not _STOPPED.match(self.ask(word)):
                raise DeviceError("the emulated board has stopped for another reason than a breakpoint.")

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Gdb:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
