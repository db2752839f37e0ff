"""A client of QEMU's GDB stub: breakpoints and registers. The protocol is in GDB's manual, "Remote Protocol"."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

from soundsdk.errors import DeviceError

_PACKET = re.compile(rb"^\+*\$([^#]*)#[0-9a-f]{2}", re.DOTALL)
_STOPPED = re.compile(rb"[ST]05")


class Gdb:
    """A connection to the stub at a socket of this computer, as a context manager. Connecting stops the machine.

    Raises DeviceError when an answer does not come in time.
    """

    def __init__(self, path: Path, timeout_s: float = 10.0) -> None:
        self._timeout_s = timeout_s
        self._rest = b""
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
            self._read_packet()  # reports that the machine has stopped
            self.description("target.xml")  # without reading it, no single register can be read
        except OSError as e:
            self._socket.close()
            raise DeviceError(f"QEMU's debugger port does not answer: {e.strerror or e}.") from e

    def _read_packet(self) -> bytes:
        deadline = time.monotonic() + self._timeout_s
        while (found := _PACKET.match(self._rest)) is None:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                raise DeviceError(f"QEMU's debugger port has not answered for {self._timeout_s:.0f} s.") from None
            if not data:
                raise DeviceError("QEMU has closed its debugger port.")
            self._rest += data
        self._rest = self._rest[found.end() :]
        self._socket.sendall(b"+")
        return found[1]

    def request(self, text: str) -> bytes:
        """Send a packet and return its answer; DeviceError if that is an error."""
        data = text.encode("ascii")
        try:
            self._socket.sendall(b"$%s#%02x" % (data, sum(data) & 255))
        except OSError as e:
            raise DeviceError("QEMU has closed its debugger port.") from e
        answer = self._read_packet()
        if not answer or re.fullmatch(rb"E\d\d", answer):
            raise DeviceError(f"QEMU's debugger port rejects {text.split(',')[0]} ({answer.decode() or 'unknown'}).")
        return answer

    def description(self, name: str) -> str:
        """Return a file of the machine's description, such as riscv-csr.xml, which numbers the registers."""
        text = b""
        while True:
            part = self.request(f"qXfer:features:read:{name}:{len(text):x},7f0")
            text += part[1:]
            if part[:1] != b"m":
                return text.decode("ascii")

    def register(self, number: int) -> int:
        """Return the value of a register."""
        return int.from_bytes(bytes.fromhex(self.request(f"p{number:x}").decode("ascii")), "little")

    def add_breakpoint(self, address: int) -> None:
        """Stop before the instruction at this address from now on."""
        self.request(f"Z0,{address:x},2")

    def resume(self) -> None:
        """Run to the next breakpoint. A step comes first, or the machine would stay at a breakpoint it is on."""
        for word in ("s", "c"):
            if not _STOPPED.match(self.request(word)):
                raise DeviceError("the emulated board has stopped for another reason than a breakpoint.")

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __enter__(self) -> Gdb:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
