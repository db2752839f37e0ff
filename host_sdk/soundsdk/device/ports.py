"""Serial ports: which of them may be boards, by USB ids, and which one an address means. Nothing here opens a port."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from soundsdk.device.address import Address
from soundsdk.errors import DeviceError

if TYPE_CHECKING:
    from soundsdk.device.system import System

# USB-to-serial bridges on ESP32 boards: CP210x, CH340, CH9102, the FT232 family. They are in many other things as well,
# so they are a hint only.
BRIDGES = frozenset({
    (0x10C4, 0xEA60), (0x1A86, 0x7523), (0x1A86, 0x5523), (0x1A86, 0x55D4), (0x0403, 0x6001), (0x0403, 0x6010),
    (0x0403, 0x6011), (0x0403, 0x6014), (0x0403, 0x6015),
})  # fmt: skip
# MicroPython on RP2040 and RP2350; the USB peripheral of ESP32-C3 and -S3; MicroPython's own USB on the S3.
_BOARDS = frozenset({(0x2E8A, 0x0005), (0x303A, 0x1001), (0x303A, 0x4001)})
# The boot loaders of RP2040 and RP2350, which show up as drives. An ESP32's boot loader has the ids of its port.
BOOTLOADERS = {(0x2E8A, 0x0003): "RP2040", (0x2E8A, 0x000F): "RP2350"}

Kind = Literal["board", "bridge", "other"]


@dataclass(frozen=True)
class PortInfo:
    """One serial port.

    kind: board (has the USB ids of a board that runs MicroPython), bridge (may be one), other (is none).
    """

    path: str
    kind: Kind
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    product: str = ""
    by_id: str | None = None  # stable name, where the system has one


@functools.cache
def board_ids() -> frozenset[tuple[int, int]]:
    """Return (vendor, product) of ports that only boards have: those known here and those in the board files."""
    from soundsdk.boards import all_boards

    named = [name for board in all_boards() if board.usb for name in board.usb.normal]
    pairs = [name.partition(":") for name in named]
    return _BOARDS | {(int(vid, 16), int(pid, 16)) for vid, _, pid in pairs} - BRIDGES


def kind_of(vid: int | None, pid: int | None) -> Kind:
    """Classify a port by its USB ids; None where it has none."""
    if (vid, pid) in board_ids():
        return "board"
    return "bridge" if (vid, pid) in BRIDGES else "other"


def listed(system: System | None = None) -> list[PortInfo]:
    """Return all serial ports of a computer (default: this one), boards first, then by path."""
    from soundsdk.device.system import THIS_COMPUTER

    order = {"board": 0, "bridge": 1, "other": 2}
    return sorted((system or THIS_COMPUTER).list_ports(), key=lambda p: (order[p.kind], p.path))


def at(path: str, system: System | None = None) -> PortInfo | None:
    """Return the port with that path or stable name; None if the system lists none."""
    real = os.path.realpath(path)
    ports = listed(system)
    return next((port for port in ports if port.path == path or os.path.realpath(port.path) == real), None)


def again(before: PortInfo, system: System | None = None) -> PortInfo | None:
    """Find a board that was seen before: by its USB serial number, else by path; None while it is unplugged.

    A board without a serial number may be under another path now, if it is the only one of its kind.
    """
    now = listed(system)
    same = [p for p in now if (p.vid, p.pid, p.serial_number) == (before.vid, before.pid, before.serial_number)]
    if before.vid is not None:
        # Some bridges all have the same serial number: then the path decides.
        return next((p for p in same if p.path == before.path), same[0] if len(same) == 1 else None)
    return next((p for p in now if p.path == before.path), None)


def find(address: Address, system: System | None = None) -> PortInfo:
    """Return the port of an `auto` or `id:` address. DeviceError if there is none, or more than one for auto."""
    ports = listed(system)
    if address.kind == "id":
        for port in ports:
            if port.serial_number == address.value:
                return port
        raise DeviceError(
            f"no board with the serial number {address.value} is connected.", "List the boards with soundsdk devices."
        )
    for kind in ("board", "bridge"):
        some = [port for port in ports if port.kind == kind]
        if len(some) == 1:
            return some[0]
        if some:
            raise DeviceError(
                f"{len(some)} boards are connected: {', '.join(port.path for port in some)}.", "Choose one with -p."
            )
    raise DeviceError("no board is connected.", "Plug one in with a data cable; find the cause with soundsdk doctor.")
