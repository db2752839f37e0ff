"""MicroPython's raw REPL, whatever carries its bytes."""

from __future__ import annotations

from collections.abc import Callable

from soundsdk.errors import DeviceError

_READY = b"raw REPL; CTRL-B to exit\r\n>"


class RawRepl:
    """The raw REPL of a board that waits at its prompt; it is entered at once.

    send: writes bytes to the board. read_until(end, timeout_s): returns what the board sends before `end`, and raises
    DeviceError if that does not come in time. The board's clock decides what a second is.
    """

    def __init__(
        self, send: Callable[[bytes], None], read_until: Callable[[bytes, float], bytes], timeout_s: float = 5.0
    ) -> None:
        self._send = send
        self._read_until = read_until
        send(b"\r\x01")
        read_until(_READY, timeout_s)

    def exec(self, code: str, timeout_s: float = 60.0) -> str:
        """Run statements and return what they print.

        Raises DeviceError with the last line of the traceback if they raise.
        """
        self.start(code, timeout_s)
        printed = self._read_until(b"\x04", timeout_s)
        self.finish(timeout_s)
        return printed.decode(errors="replace").replace("\r\n", "\n")

    def start(self, code: str, timeout_s: float) -> None:
        """Send statements and return when they begin to run. Their output ends with a byte 4; then call `finish`."""
        self._send(code.encode() + b"\x04")
        self._read_until(b"OK", timeout_s)

    def finish(self, timeout_s: float) -> None:
        """Read what follows the output. Raises DeviceError with the last line of a traceback, if there is one."""
        if error := self._read_until(b"\x04>", timeout_s):
            raise DeviceError(f"the emulated board stopped: {error.decode(errors='replace').strip().splitlines()[-1]}.")
