"""Bytes to and from a board over a serial port, a URL or a simulator. Every call ends by itself."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from typing import TYPE_CHECKING, Any, Protocol

from soundsdk.device.address import Address, scheme_opener
from soundsdk.errors import DeviceError, PortError, UsageError

if TYPE_CHECKING:
    from soundsdk.device.system import System

BAUD = 115200
WRITE_S = 5.0
FIRST_WAIT_S = 0.05  # before a port that has gone is opened again; doubled with each try
LONGEST_WAIT_S = 0.5
# Of one reading. A buffer of 64 KB for each, shrunk to what came, leaves the heap in pieces: the memory of a monitor of
# 20 boards grew for an hour. Python serves objects of up to 512 bytes from pools of its own.
_PIECE_BYTES = 384
_MOST_PIECES = 170
_REMOTE_TURN_S = 0.05


class ConnectionLost(DeviceError):
    """The port has vanished: unplugged, or the other end has closed it."""


class Transport(Protocol):
    """A byte stream to a board.

    path: the name of the port for messages; serial_number: of the USB device, None where there is none.
    """

    path: str
    serial_number: str | None

    def read(self, timeout_s: float) -> bytes:
        """Read what has arrived, waiting at most timeout_s for the first byte; b"" if none came.

        ConnectionLost if the port has vanished.
        """

    def write(self, data: bytes) -> None:
        """Write all bytes within a few seconds.

        PortError if the other end accepts none, ConnectionLost if the port has vanished.
        """

    def close(self) -> None:
        """Close the port."""

    def reopen(self) -> Transport:
        """Return a new transport to the same board, wherever it is now; call it after close().

        Raises the errors of opening while the board is away.
        """


class SerialTransport:
    """A serial port, or what pyserial reaches by a URL (rfc2217://, socket://).

    Opening asserts both DTR and RTS, as the system's driver does by itself: that resets no board with the usual two
    transistors, and boards with native USB send nothing without DTR. PortError if it is busy or not permitted,
    DeviceError if it is not there.
    """

    def __init__(
        self, path: str, baud: int = BAUD, system: System | None = None, write_timeout_s: float = WRITE_S
    ) -> None:
        import serial

        from soundsdk.device import ports

        self.path = path
        self.port = ports.at(path, system) if "://" not in path else None  # None: not among the ports the system lists
        self.serial_number = self.port.serial_number if self.port else None
        self._baud = baud
        self._system = system
        self._write_timeout_s = write_timeout_s
        options: dict[str, Any] = {"baudrate": baud, "timeout": 0}
        # Over RFC 2217 pyserial has no write timeout, and a new read timeout costs a slow round trip.
        self._remote = path.startswith("rfc2217:")
        if self._remote:
            options["timeout"] = _REMOTE_TURN_S
        else:
            options["write_timeout"] = write_timeout_s
        if "://" not in path:
            options["exclusive"] = True
        try:
            self._port = serial.serial_for_url(path, **options)
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise _refusal(path, error) from error

    def read(self, timeout_s: float) -> bytes:
        """Read what has arrived (see Transport)."""
        pieces: list[bytes] = []
        size = 1
        try:
            if self._remote:
                return self._read_remote(timeout_s)
            self._port.timeout = timeout_s
            while len(pieces) < _MOST_PIECES:
                pieces.append(bytes(self._port.read(size)))
                if len(pieces[-1]) < size:
                    break
                if size == 1:
                    self._port.timeout = 0
                    size = _PIECE_BYTES
        except (OSError, TypeError) as error:  # TypeError: pyserial, when the port is closed while it reads
            if not pieces:  # else the next reading says so
                raise ConnectionLost(f"the board at {self.path} is gone.", "Plug it in again.") from error
        return b"".join(pieces)

    def _read_remote(self, timeout_s: float) -> bytes:
        end = time.monotonic() + timeout_s
        while True:
            data = bytes(self._port.read(max(1, self._port.in_waiting)))
            if data or time.monotonic() >= end:
                return data + bytes(self._port.read(self._port.in_waiting))

    def write(self, data: bytes) -> None:
        """Write all bytes (see Transport)."""
        import serial

        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise PortError(f"the board at {self.path} accepts no bytes.", "Reset it and try again.") from error
        except OSError as error:
            raise ConnectionLost(f"the board at {self.path} is gone.", "Plug it in again.") from error

    def close(self) -> None:
        """Close the port, without an error if it has vanished."""
        with contextlib.suppress(OSError):
            self._port.close()

    def reopen(self) -> SerialTransport:
        """Open the port at which the board is now: by its USB serial number, else by its path."""
        from soundsdk.device import ports

        path = self.path
        if self.port is not None:
            port = ports.again(self.port, self._system)
            if port is None:
                raise DeviceError(f"the board that was at {path} is not connected.", "Plug it in again.")
            # Keep the name that the user gave while it is still the name of the board.
            path = path if os.path.realpath(path) == os.path.realpath(port.path) else port.path
        return SerialTransport(path, self._baud, self._system, self._write_timeout_s)


def _refusal(path: str, error: Exception) -> PortError | DeviceError:
    code = getattr(error, "errno", None)
    text = str(error).lower()
    if "://" in path:
        return _unreachable(path, error)
    if code in (errno.EISDIR, errno.ENOTTY) or "inappropriate ioctl" in text:
        return DeviceError(f"{path} is not a serial port.", "List the connected boards with soundsdk devices.")
    if code == errno.EACCES or "permission denied" in text:
        return PortError(f"{path} may not be opened by you.", "soundsdk doctor says what to change.")
    if (
        code in (errno.EBUSY, errno.EAGAIN)
        or "busy" in text
        or "exclusively lock" in text
        or "access is denied" in text
    ):
        return PortError(f"{path} is in use by another program.", "Close it; soundsdk doctor says which one it is.")
    reason = os.strerror(code).lower() if code else str(error).rstrip(".")
    return DeviceError(f"there is no board at {path}: {reason}.", "List the connected boards with soundsdk devices.")


def _unreachable(path: str, error: Exception) -> DeviceError:
    """Return the error for a port that another computer, or another program, forwards."""
    text = str(error)
    # pyserial puts the address, which the sentence names anyway, before the system's words.
    reason = re.sub(r"^.*\[Errno -?\d+\] |^[Cc]ould not open port \S+: ", "", text).strip().rstrip(".")
    if "RFC2217" in text:
        return DeviceError(
            f"what is at {path} does not speak RFC 2217.", f"If it forwards the bare bytes: socket{path[7:]}"
        )
    hint = "Start what forwards the port there (ser2net, socat, an SSH tunnel), and check the host and the port number."
    return DeviceError(f"{path} cannot be reached: {reason.lower() or 'no reason is known'}.", hint)


def open_transport(address: Address, system: System | None = None) -> Transport:
    """Open what an address names; `auto` and `id:` are searched among the ports (see ports.find).

    A scheme such as `sim:` is opened by the package that registered it under the entry point group SCHEMES.
    """
    if address.is_scheme:
        opener = scheme_opener(address.kind)
        if opener is None:
            raise UsageError(f"no installed package opens {address.kind}: addresses.", "Install soundsdk again.")
        transport: Transport = opener(address.value)
        return transport
    if address.kind in ("auto", "id"):
        from soundsdk.device import ports

        return SerialTransport(ports.find(address, system).path, system=system)
    return SerialTransport(address.value, system=system)


def reopen(transport: Transport, timeout_s: float) -> Transport:
    """Open a transport to the same board again, with growing waits; after timeout_s raise the last error of opening."""
    deadline = time.monotonic() + timeout_s
    wait_s = FIRST_WAIT_S
    while True:
        try:
            return transport.reopen()
        except (DeviceError, PortError):
            # PortError: just after plugging in, the port is there before its permissions are.
            if time.monotonic() + wait_s > deadline:
                raise
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
