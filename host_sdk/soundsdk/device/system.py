"""A computer as soundsdk sees it: its serial ports, USB devices and drives. Nothing here opens a port."""

from __future__ import annotations

import glob
import os
import shutil
import string
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from soundsdk.device.port_info import PortInfo, kind_of

_MOUNT_S = 15


class System(Protocol):
    """A computer on which boards are looked for. Tests pass one of their own.

    root: the folder that stands for `/` where files of the system are read (/proc, /etc/group, udev rules).
    """

    root: Path

    def list_ports(self) -> list[PortInfo]:
        """Return the serial ports, in any order."""

    def list_usb_devices(self) -> list[tuple[int, int]]:
        """Return (vendor, product) of every USB device; empty where the system does not show them."""

    def list_mount_points(self) -> list[Path]:
        """Return the folders at which small drives are mounted, in any order."""

    def mount_drives(self, labels: Iterable[str]) -> None:
        """Mount drives with these labels that are plugged in and not mounted, where a user may do that."""


class ThisComputer:
    """The computer that runs this program."""

    root = Path("/")

    def list_ports(self) -> list[PortInfo]:
        """Return the serial ports that pyserial lists, with their stable names (Linux)."""
        from serial.tools import list_ports

        names = {os.path.realpath(name): name for name in glob.glob("/dev/serial/by-id/*")}
        return [
            PortInfo(
                path=port.device,
                kind=kind_of(port.vid, port.pid),
                vid=port.vid,
                pid=port.pid,
                serial_number=port.serial_number or None,
                product=port.product or port.description or "",
                by_id=names.get(os.path.realpath(port.device)),
                location=port.location or None,
            )
            for port in list_ports.comports()
        ]

    def list_usb_devices(self) -> list[tuple[int, int]]:
        """Return (vendor, product) of every USB device (Linux); empty elsewhere."""
        return read_usb_devices(self.root / "sys/bus/usb/devices")

    def list_mount_points(self) -> list[Path]:
        """Return the mount points of FAT file systems (Linux), all volumes (macOS), or drives from D: on (Windows)."""
        if sys.platform == "win32":
            return [Path(f"{letter}:\\") for letter in string.ascii_uppercase[3:] if os.path.exists(f"{letter}:\\")]
        if sys.platform == "darwin":
            return [Path(path) for path in glob.glob("/Volumes/*")]
        try:
            return parse_mounts((self.root / "proc/mounts").read_text(encoding="utf-8", errors="surrogateescape"))
        except OSError:
            return []

    def mount_drives(self, labels: Iterable[str]) -> None:
        """Mount with udisksctl, as a desktop would (Linux); do nothing where that is not installed."""
        if not sys.platform.startswith("linux") or shutil.which("udisksctl") is None:
            return
        for label in labels:
            device = Path("/dev/disk/by-label") / label
            if device.exists():
                # It fails when the drive is mounted already, or has just gone: then there is nothing to do.
                words = ["udisksctl", "mount", "--no-user-interaction", "-b", str(device.resolve())]
                try:
                    subprocess.run(words, capture_output=True, timeout=_MOUNT_S)
                except (OSError, subprocess.TimeoutExpired):
                    return


THIS_COMPUTER = ThisComputer()


def read_usb_devices(folder: Path) -> list[tuple[int, int]]:
    """Return (vendor, product) of the devices in a folder laid out as /sys/bus/usb/devices."""
    found = []
    for device in sorted(folder.glob("*")):
        try:
            vid, pid = (int((device / name).read_text(), 16) for name in ("idVendor", "idProduct"))
        except (OSError, ValueError):
            continue
        found.append((vid, pid))
    return found


def parse_mounts(table: str) -> list[Path]:
    """Return the mount points of the FAT file systems in the text of /proc/mounts."""
    rows = [line.split(" ") for line in table.splitlines()]
    return [Path(_unescape(row[1])) for row in rows if len(row) > 2 and row[2] in ("vfat", "msdos")]


def _unescape(word: str) -> str:
    # /proc/mounts writes a space as \040, and so on.
    for code, plain in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, plain)
    return word
