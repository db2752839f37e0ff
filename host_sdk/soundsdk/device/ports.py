"""The serial ports of this computer: which of them may be boards, by USB ids. Nothing here opens a port."""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from soundsdk.device.address import Address
from soundsdk.errors import DeviceError

# Of USB-to-serial bridges that ESP32 boards carry: CP210x, CH340, CH9102, FT232 and its kin. They are in many other
# things as well, so they are a hint only.
BRIDGES = frozenset({
    (0x10C4, 0xEA60), (0x1A86, 0x7523), (0x1A86, 0x5523), (0x1A86, 0x55D4), (0x0403, 0x6001), (0x0403, 0x6010),
    (0x0403, 0x6011), (0x0403, 0x6014), (0x0403, 0x6015),
})  # fmt: skip
# MicroPython on RP2040 and RP2350; the USB of ESP32-C3, -S3 and their kin in hardware; MicroPython's own on the S3.
_BOARDS = frozenset({(0x2E8A, 0x0005), (0x303A, 0x1001), (0x303A, 0x4001)})
# The boot loaders of RP2040 and RP2350, which are drives. That of an ESP32 has the ids of its port.
BOOTLOADERS = {(0x2E8A, 0x0003): "RP2040", (0x2E8A, 0x000F): "RP2350"}

Kind = Literal["board", "bridge", "other"]


@dataclass(frozen=True)
class PortInfo:
    """One serial port. kind: board (USB ids of a board that runs MicroPython), bridge (may be one), other (is not)."""

    path: str
    kind: Kind
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    product: str = ""
    by_id: str | None = None  # stable name, where the system has one


@functools.cache
def board_ids() -> frozenset[tuple[int, int]]:
    """(vendor, product) of ports that only boards have: those known here and those of the board files."""
    from soundsdk.boards import all_boards

    named: list[str] = []
    for board in all_boards():
        usb = getattr(board, "usb", None)
        named += usb.normal if usb else ()
    pairs = [name.partition(":") for name in named]
    return _BOARDS | {(int(vid, 16), int(pid, 16)) for vid, _, pid in pairs} - BRIDGES


def kind_of(vid: int | None, pid: int | None) -> Kind:
    """What USB ids tell of a port."""
    if (vid, pid) in board_ids():
        return "board"
    return "bridge" if (vid, pid) in BRIDGES else "other"


def _names() -> dict[str, str]:
    return {os.path.realpath(name): name for name in glob.glob("/dev/serial/by-id/*")}


def system() -> list[PortInfo]:
    """The serial ports that the system knows, in no order."""
    from serial.tools import list_ports

    names = _names()
    return [
        PortInfo(
            path=port.device,
            kind=kind_of(port.vid, port.pid),
            vid=port.vid,
            pid=port.pid,
            serial_number=port.serial_number or None,
            product=port.product or port.description or "",
            by_id=names.get(os.path.realpath(port.device)),
        )
        for port in list_ports.comports()
    ]


def usb_devices(root: Path = Path("/sys/bus/usb/devices")) -> list[tuple[int, int]]:
    """(vendor, product) of every USB device, as Linux tells; empty elsewhere."""
    found = []
    for folder in sorted(root.glob("*")):
        try:
            vid, pid = (int((folder / name).read_text(), 16) for name in ("idVendor", "idProduct"))
        except (OSError, ValueError):
            continue
        found.append((vid, pid))
    return found


# The one place ports and USB devices come from; virtual ones put themselves here.
source: Callable[[], list[PortInfo]] = system
usb_source: Callable[[], list[tuple[int, int]]] = usb_devices


def listed() -> list[PortInfo]:
    """All serial ports, boards first, then by path."""
    order = {"board": 0, "bridge": 1, "other": 2}
    return sorted(source(), key=lambda p: (order[p.kind], p.path))


def at(path: str) -> PortInfo | None:
    """The port of that path or stable name, None if the system lists none."""
    real = os.path.realpath(path)
    return next((port for port in listed() if port.path == path or os.path.realpath(port.path) == real), None)


def again(before: PortInfo) -> PortInfo | None:
    """Where a board is now that was there before: by its USB serial number, else by path; None while it is away.

    A board without a serial number may have come back under another path, if it is the only one of its kind there.
    """
    now = listed()
    same = [p for p in now if (p.vid, p.pid, p.serial_number) == (before.vid, before.pid, before.serial_number)]
    if before.vid is not None:
        # Some bridges all have the same serial number: then the path decides.
        return next((p for p in same if p.path == before.path), same[0] if len(same) == 1 else None)
    return next((p for p in now if p.path == before.path), None)


def find(address: Address) -> PortInfo:
    """The port of an `auto` or `id:` address. DeviceError if there is none, or more than one for auto."""
    ports = listed()
    if address.kind == "id":
        for port in ports:
            if port.serial_number == address.value:
                return port
        raise DeviceError(
            f"no board with the serial number {address.value} is connected.", "soundsdk devices lists those that are."
        )
    for kind in ("board", "bridge"):
        some = [port for port in ports if port.kind == kind]
        if len(some) == 1:
            return some[0]
        if some:
            raise DeviceError(
                f"{len(some)} boards are connected: {', '.join(port.path for port in some)}.", "Choose one with -p."
            )
    raise DeviceError("no board is connected.", "Plug one in with a data cable; soundsdk doctor looks for the cause.")
