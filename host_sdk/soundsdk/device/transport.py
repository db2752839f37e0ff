"""Bytes to and from a board, whatever lies between. Every call ends by itself."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from typing import TYPE_CHECKING, Any, Protocol

from soundsdk.device.address import Address
from soundsdk.errors import DeviceError, PortError

if TYPE_CHECKING:
    from soundsdk.device.system import System

BAUD = 115200
WRITE_S = 5.0
_REMOTE_TURN_S = 0.05


class Gone(DeviceError):
    """The port has vanished: unplugged, or the other end has closed it."""


class Transport(Protocol):
    """path: what a person would call the port; serial_number: of the USB device, None where there is none."""

    path: str
    serial_number: str | None

    def read(self, timeout_s: float) -> bytes:
        """What has come in, waiting at most timeout_s for the first byte; b"" for nothing. Gone if the port is."""

    def write(self, data: bytes) -> None:
        """All of it, within a few seconds; PortError if the other end takes nothing, Gone if it has vanished."""

    def close(self) -> None: ...

    def reopen(self) -> Transport:
        """A new transport to the same board, wherever it is now, after close(); while it is away, errors of opening."""


class SerialTransport:
    """A serial port, or what pyserial reaches by a URL (rfc2217://, socket://).

    Opening asserts DTR and RTS both, as the system's driver does by itself: that resets no board with the usual two
    transistors, and boards with USB of their own send nothing without DTR. PortError if it is busy or not permitted,
    DeviceError if it is not there.
    """

    def __init__(self, path: str, baud: int = BAUD, system: System | None = None) -> None:
        import serial

        from soundsdk.device import ports

        self.path = path
        self.port = ports.at(path, system) if "://" not in path else None  # None: not among the ports the system lists
        self.serial_number = self.port.serial_number if self.port else None
        self._baud = baud
        self._system = system
        options: dict[str, Any] = {"baudrate": baud, "timeout": 0}
        # There pyserial has no limit for writing, and a new timeout is told to the other end, which takes long.
        self._remote = path.startswith("rfc2217:")
        if self._remote:
            options["timeout"] = _REMOTE_TURN_S
        else:
            options["write_timeout"] = WRITE_S
        if "://" not in path:
            options["exclusive"] = True
        try:
            self._port = serial.serial_for_url(path, **options)
        except (OSError, ValueError) as error:  # SerialException is an OSError
            raise _refusal(path, error) from error

    def read(self, timeout_s: float) -> bytes:
        try:
            if self._remote:
                return self._read_remote(timeout_s)
            self._port.timeout = timeout_s
            data = bytes(self._port.read(1))
            if data:
                self._port.timeout = 0
                data += bytes(self._port.read(65536))
        except (OSError, TypeError) as error:  # TypeError: pyserial, when the port is closed while it reads
            raise Gone(f"the board at {self.path} has gone.", "Plug it in again.") from error
        return data

    def _read_remote(self, timeout_s: float) -> bytes:
        end = time.monotonic() + timeout_s
        while True:
            data = bytes(self._port.read(max(1, self._port.in_waiting)))
            if data or time.monotonic() >= end:
                return data + bytes(self._port.read(self._port.in_waiting))

    def write(self, data: bytes) -> None:
        import serial

        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise PortError(f"the board at {self.path} takes no bytes.", "Reset it and try again.") from error
        except OSError as error:
            raise Gone(f"the board at {self.path} has gone.", "Plug it in again.") from error

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._port.close()

    def reopen(self) -> SerialTransport:
        from soundsdk.device import ports

        path = self.path
        if self.port is not None:
            port = ports.again(self.port, self._system)
            if port is None:
                raise DeviceError(f"the board that was at {path} is not connected.", "Plug it in again.")
            # A name the person gave stays, if it still is the board's.
            path = path if os.path.realpath(path) == os.path.realpath(port.path) else port.path
        return SerialTransport(path, self._baud, self._system)


def _refusal(path: str, error: Exception) -> PortError | DeviceError:
    code = getattr(error, "errno", None)
    text = str(error).lower()
    if code == errno.EACCES or "permission denied" in text:
        return PortError(f"{path} may not be opened by you.", "soundsdk doctor says what to change.")
    if (
        code in (errno.EBUSY, errno.EAGAIN)
        or "busy" in text
        or "exclusively lock" in text
        or "access is denied" in text
    ):
        return PortError(f"{path} is in use by another program.", "Close it; soundsdk doctor says which one it is.")
    return DeviceError(f"there is no board at {path}: {error}.", "soundsdk devices lists those that are there.")


def open_transport(address: Address, system: System | None = None) -> Transport:
    """Opens what an address names; `auto` and `id:` are found among the ports (see ports.find)."""
    if address.kind == "sim":
        from soundsdk_sim.sim_transport import open_sim  # the one import of the simulator: only when it is asked for

        transport: Transport = open_sim(address.value)
        return transport
    if address.kind in ("auto", "id"):
        from soundsdk.device import ports

        return SerialTransport(ports.find(address, system).path, system=system)
    return SerialTransport(address.value, system=system)
