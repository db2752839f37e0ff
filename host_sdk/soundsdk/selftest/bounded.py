"""A port whose use ends at a set time, so that no check takes longer than it may, whatever the board does."""

from __future__ import annotations

import time

from soundsdk.device.transport import Transport
from soundsdk.errors import ProtocolError


class TimeOver(ProtocolError):
    """A check that has taken all of its time."""


class Deadline:
    """The time until which a port may be used, and all that are opened after it."""

    def __init__(self) -> None:
        self._end = float("inf")
        self._seconds = 0.0

    def start(self, seconds: float) -> None:
        """Let it be used for so long from now on."""
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Raise TimeOver after the end."""
        if time.monotonic() > self._end:
            raise TimeOver(f"it has not ended within its {self._seconds:.0f} s.", "Run it again.")


class BoundedTransport:
    """A soundsdk.device.transport.Transport that raises TimeOver once its deadline is over."""

    def __init__(self, inner: Transport, deadline: Deadline) -> None:
        self.path = inner.path
        self.serial_number = inner.serial_number
        self._inner = inner
        self._deadline = deadline

    def read(self, timeout_s: float) -> bytes:
        """Read as Transport.read does."""
        self._deadline.check()
        return self._inner.read(timeout_s)

    def write(self, data: bytes) -> None:
        """Write as Transport.write does."""
        self._deadline.check()
        self._inner.write(data)

    def close(self) -> None:
        """Close the port."""
        self._inner.close()

    def reopen(self) -> Transport:
        """Return a new transport to the same board, with the same deadline."""
        return BoundedTransport(self._inner.reopen(), self._deadline)
