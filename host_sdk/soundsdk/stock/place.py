"""The port of a board that runs stock MicroPython."""

from __future__ import annotations

from soundsdk.device import address, ports
from soundsdk.device.port_info import PortInfo
from soundsdk.device.system import System
from soundsdk.device.transport import open_transport
from soundsdk.errors import UsageError


class BoardPlace:
    """The port of a board, which may come back under another path."""

    def __init__(self, where: str | None, system: System) -> None:
        named = address.parse(where)
        if named.is_scheme:
            raise UsageError("a virtual board runs the firmware of this installation.", "Run it with soundsdk sim.")
        self._system = system
        if named.kind in ("auto", "id"):
            self._info: PortInfo | None = ports.find(named, system)
            self._path = self._info.path
        else:
            self._path = named.value
            self._info = None if named.kind == "url" else ports.at(named.value, system)

    @property
    def path(self) -> str:
        """The port's path now, or the last one it had."""
        if self._info is not None and (info := ports.again(self._info, self._system)) is not None:
            self._path = info.path
        return self._path

    @property
    def usb(self) -> str:
        """The USB ids of the port, as "vendor:product" in hex; empty if it has none."""
        info = self._info
        return f"{info.vid:04x}:{info.pid:04x}" if info and info.vid is not None and info.pid is not None else ""

    def check(self) -> None:
        """Raise the error of opening the port, if there is one: mpremote says only that it failed."""
        path = self.path
        open_transport(address.Address("url" if "://" in path else "port", path), self._system).close()
