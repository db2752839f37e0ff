"""The serial ports of a computer: all of them, and the one that an address or a board means. Opens none."""

from __future__ import annotations

import os
from collections import Counter

from soundsdk.device import port_info
from soundsdk.device.address import Address
from soundsdk.device.port_info import PortInfo
from soundsdk.device.system import THIS_COMPUTER, System
from soundsdk.errors import DeviceError


def listed(system: System | None = None) -> list[PortInfo]:
    """Return all serial ports of a computer (default: this one), boards first, then by path."""
    order = {"board": 0, "bridge": 1, "other": 2}
    return sorted((system or THIS_COMPUTER).list_ports(), key=lambda p: (order[p.kind], p.path))


def at(path: str, system: System | None = None) -> PortInfo | None:
    """Return the port with that path or stable name; None if the system lists none."""
    real = _real(path)
    return next((port for port in listed(system) if port.path == path or _real(port.path) == real), None)


def _real(path: str) -> str:
    """Return what a link leads to; the path itself if the link goes meanwhile, as that of a board just unplugged."""
    try:
        return os.path.realpath(path)
    except FileNotFoundError:
        return path


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
    """Return the port of an `auto` or `id:` address. DeviceError if there is none, or more than one."""
    ports = listed(system)
    if address.kind == "id":
        same = [port for port in ports if port.serial_number == address.value]
        if len(same) == 1:
            return same[0]
        if same:
            # As many USB-to-serial bridges do, which leave the factory with one number for all.
            raise DeviceError(
                f"{len(same)} ports have the serial number {address.value}: {', '.join(port.path for port in same)}.",
                "Choose one with -p and its path.",
            )
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
    raise none_connected(system)


def without_port(system: System | None = None) -> list[tuple[int, int]]:
    """Return (vendor, product) of the boards and bridges on USB for which the system has made no serial port."""
    ports = Counter((port.vid, port.pid) for port in listed(system))
    known = port_info.board_ids() | port_info.BRIDGES
    on_usb = Counter(ids for ids in (system or THIS_COMPUTER).list_usb_devices() if ids in known)
    return sorted(ids for ids, count in on_usb.items() for _ in range(max(0, count - ports[ids])))


def none_connected(system: System | None = None) -> DeviceError:
    """Return the error that there is no board; it says so if there is one on USB that has no port."""
    hidden = without_port(system)
    if hidden:
        names = ", ".join(f"{vid:04x}:{pid:04x}" for vid, pid in hidden)
        return DeviceError(
            f"a board is on USB ({names}), but the system has made no serial port for it.",
            "Find out what to do with soundsdk doctor.",
        )
    return DeviceError("no board is connected.", "Plug one in with a data cable; find the cause with soundsdk doctor.")
