"""The names of a monitored board: one for people and lines, one that no other board of a broker has."""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol
from urllib.parse import urlsplit

from soundsdk.device.port_info import PortInfo

_LOCAL = ("localhost", "127.0.0.1", "::1")
_SHORTEST = 6  # characters of a serial number that is not the same for every chip of its kind, such as 0001


class Place(Protocol):
    """The place of a board, as a Transport names it."""

    path: str
    serial_number: str | None


@dataclass(frozen=True)
class Identity:
    """The names of a board.

    name: its kind and serial number (else its port), such as rpi_pico-E6614103E7452D2F; unique within one monitor.
    node: the same with the place of a board that has no serial number of its own, unique on a broker that several
    computers publish to.
    """

    name: str
    node: str


def identify(board: str, place: Place, ports: Sequence[PortInfo], host: str | None = None) -> Identity:
    """Return the names of a board of a kind, such as rpi_pico.

    ports: those of the computer, which show whether its serial number is its own. host: the name of this computer.
    """
    host = host or socket.gethostname()
    info: PortInfo | None = getattr(place, "port", None)
    serial_number = place.serial_number
    if serial_number and _is_own(serial_number, ports):
        name = f"{board}-{serial_number}"
        return Identity(name, name)
    if info is not None:
        return Identity(f"{board}-{PurePath(place.path).name}", f"{board}-{host}-{info.location or info.path}")
    if "://" in place.path:
        address = urlsplit(place.path).netloc.rpartition("@")[2]
        local = address.rpartition(":")[0].strip("[]") in _LOCAL
        return Identity(f"{board}-{address}", f"{board}-{host}-{address}" if local else f"{board}-{address}")
    if re.match(r"[a-z][a-z0-9_]+:", place.path):  # of a scheme: a virtual board of this process
        return Identity(board, f"{board}-{host}")
    return Identity(f"{board}-{PurePath(place.path).name}", f"{board}-{host}-{place.path}")


def _is_own(serial_number: str, ports: Sequence[PortInfo]) -> bool:
    """Return whether no other board has it: many USB-to-serial bridges have the number that their chip came with."""
    if len(serial_number) < _SHORTEST or len(set(serial_number)) == 1:
        return False
    return sum(port.serial_number == serial_number for port in ports) <= 1


def distinct(identity: Identity, taken: Collection[Identity]) -> Identity:
    """Return an identity whose names no other of this monitor has: with -2, -3 … if they are taken."""
    name, node, number = identity.name, identity.node, 1
    while any(name == other.name or node == other.node for other in taken):
        number += 1
        name, node = f"{identity.name}-{number}", f"{identity.node}-{number}"
    return Identity(name, node)
