"""A computer with only virtual things plugged in: what tests hand to soundsdk as its `system`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from soundsdk.device.port_info import PortInfo
from soundsdk.device.system import System


class VirtualComputer:
    """A System that lists what it was given, and what its parts (virtual boards) list."""

    def __init__(
        self,
        *parts: System,
        ports: Sequence[PortInfo] = (),
        usb_devices: Sequence[tuple[int, int]] = (),
        mount_points: Sequence[Path] = (),
        root: Path = Path("/"),
    ) -> None:
        self.parts = parts
        self.extra_ports = ports
        self.usb_devices = usb_devices
        self.mount_points = mount_points
        self.root = root

    def list_ports(self) -> list[PortInfo]:
        """Return the ports of this computer and of its parts."""
        return [*self.extra_ports, *(port for part in self.parts for port in part.list_ports())]

    def list_usb_devices(self) -> list[tuple[int, int]]:
        """Return (vendor, product) of the USB devices that are not ports."""
        return [*self.usb_devices, *(ids for part in self.parts for ids in part.list_usb_devices())]

    def list_mount_points(self) -> list[Path]:
        """Return the mounted drives of this computer and of its parts."""
        return [*self.mount_points, *(path for part in self.parts for path in part.list_mount_points())]

    def mount_drives(self, labels: Iterable[str]) -> None:
        """Do nothing: a virtual drive is mounted as soon as it appears."""
