"""Finds the board to flash, and where it is.

Nothing is written to a port and no board is reset unless it was named with -p, its USB ids can only be a board's, or it
says hello. A USB-to-serial bridge may belong to anything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from soundsdk.boards import Board, all_boards, find_board, guess_board
from soundsdk.boards.ways import no_image
from soundsdk.device import address, ports, uf2_drive
from soundsdk.device.messages import Hello
from soundsdk.device.port_info import PortInfo
from soundsdk.device.system import THIS_COMPUTER, System
from soundsdk.device.transport import ConnectionLost
from soundsdk.device.uf2_drive import Drive
from soundsdk.errors import CheckError, DeviceError, ProtocolError, UsageError
from soundsdk.flash import verify


@dataclass(frozen=True)
class LocatedBoard:
    """A board and its place: a port (path or URL; info: as the system lists it), or a boot loader's drive."""

    board: Board
    port: str | None = None
    info: PortInfo | None = None
    drive: Drive | None = None
    hello: Hello | None = None

    @property
    def where(self) -> str:
        """The drive or the port, as a person would call it."""
        return str(self.drive.path) if self.drive else self.port or ""


@dataclass(frozen=True)
class _Place:
    """A port or drive that may be the board. named: by the user, so it may be reset."""

    port: str | None = None
    info: PortInfo | None = None
    drive: Drive | None = None
    named: bool = False

    def __str__(self) -> str:
        return str(self.drive.path) if self.drive else str(self.port)


def locate(
    board_id: str | None,
    where: str | None,
    image_board: str | None,
    quiet: bool,
    timeout_s: float,
    system: System = THIS_COMPUTER,
    stock: bool = False,
) -> LocatedBoard:
    """Find the board to flash: the one named, else what says hello, else what the image is for, else what USB shows.

    image_board: the board that an image is for. quiet: open no port. timeout_s: for a hello. stock: it is MicroPython's
    image that is flashed. DeviceError if there is no board, or more than one it could be; UsageError if nothing shows
    which board it is; PortError if its port is busy or not permitted.
    """
    wanted = find_board(board_id) if board_id else None
    known = {board.id: board for board in all_boards() if _takes(board, stock)}
    if wanted is not None and not _takes(wanted, stock):
        if not stock and wanted.way != "image":
            raise no_image(wanted)
        lacks = "flash that could be written" if wanted.uf2 is wanted.esptool is None else "stock image of MicroPython"
        raise UsageError(f"{wanted.id} has no {lacks}.", "soundsdk boards lists the boards.")
    place = _find_place(where, wanted, known, system)
    hello = None if quiet or place.port is None else _greet(place.port, timeout_s)
    if place.info is not None and place.info.kind == "bridge" and not place.named and hello is None and not quiet:
        raise DeviceError(
            f"what is at {place} does not answer as a soundsdk board, and may be something else.",
            f"If it is the board, name it: soundsdk flash {board_id or 'BOARD'} -p {place}",
        )
    board = wanted or _guess(place, hello, image_board, known)
    _check_chip(board, place, hello)
    return LocatedBoard(board, place.port, place.info, place.drive, hello)


def _takes(board: Board, stock: bool) -> bool:
    return board.takes_stock if stock else board.has_image


def _find_place(where: str | None, wanted: Board | None, known: dict[str, Board], system: System) -> _Place:
    given = where if where is not None else os.environ.get(address.ENVIRONMENT)
    named = address.parse(given)
    if named.is_scheme:
        raise UsageError("a virtual board has no flash to write.", "Run it with soundsdk sim.")
    if named.kind == "url":
        return _Place(port=named.value, named=True)
    if named.kind == "id":
        info = ports.find(named, system)
        return _Place(port=info.path, info=info, named=True)
    if named.kind == "port":
        for drive in uf2_drive.mounted(system):
            if os.path.realpath(drive.path) == os.path.realpath(named.value):
                return _Place(drive=drive, named=True)
        return _Place(port=named.value, info=ports.at(named.value, system), named=True)
    return _only(_candidates(wanted, known, system), wanted, system)


def _candidates(wanted: Board | None, known: dict[str, Board], system: System) -> list[_Place]:
    """List what may be the board, of the surest kind there is: boot loaders and boards by USB ids, else bridges."""
    system.mount_drives({board.uf2.volume for board in known.values() if board.uf2})
    drives = [_Place(drive=drive) for drive in uf2_drive.mounted(system)]
    listed = ports.listed(system)
    if wanted is not None:
        drives = [place for place in drives if place.drive and wanted.uf2 and place.drive.board_id == wanted.uf2.volume]
        listed = [port for port in listed if _may_be(wanted, port)]
    sure = drives + [_Place(port=port.path, info=port) for port in listed if port.kind == "board"]
    return sure or [_Place(port=port.path, info=port) for port in listed if port.kind == "bridge"]


def _only(places: list[_Place], wanted: Board | None, system: System) -> _Place:
    if len(places) == 1:
        return places[0]
    if places:
        listed = ", ".join(map(str, places))
        raise DeviceError(f"{len(places)} boards are connected: {listed}.", "Choose one with -p.")
    if wanted is not None and not ports.without_port(system):
        hint = "Plug it in with a data cable, or name its port with -p."
        if wanted.uf2:
            hint = (
                f"Plug it in with a data cable; hold BOOTSEL if it is new, and it shows the drive {wanted.uf2.volume}."
            )
        raise DeviceError(f"no {wanted.name} is connected.", hint)
    raise ports.none_connected(system)


def _ids(port: PortInfo) -> str:
    return f"{port.vid:04x}:{port.pid:04x}" if port.vid is not None and port.pid is not None else ""


def _may_be(board: Board, port: PortInfo) -> bool:
    return board.usb is not None and _ids(port) in (*board.usb.normal, *board.usb.bootloader)


def _greet(port: str, timeout_s: float) -> Hello | None:
    """Return the board's hello, None if it does not answer. Errors of the port itself are raised."""
    try:
        return verify.greet(port, timeout_s)
    except (ProtocolError, ConnectionLost):
        return None


def _guess(place: _Place, hello: Hello | None, image_board: str | None, known: dict[str, Board]) -> Board:
    if hello is not None and hello.board in known:
        return known[hello.board]
    if image_board in known:
        return known[str(image_board)]
    if place.drive is not None:
        may = [board for board in known.values() if board.uf2 and board.uf2.volume == place.drive.board_id]
    elif place.info is not None and place.info.kind == "board":
        may = [board for board in known.values() if _may_be(board, place.info)]
        others = guess_board(all_boards(), usb=_ids(place.info)).boards
        if others and not may:
            raise no_image(others[0])
    else:
        may = []
    if len(may) == 1:
        return may[0]
    names = ", ".join(board.id for board in may or known.values())
    raise UsageError(f"what is at {place} does not say which board it is.", f"Name it: soundsdk flash BOARD ({names}).")


def _check_chip(board: Board, place: _Place, hello: Hello | None) -> None:
    """Raise CheckError if what is there is known to be another chip than the board's."""
    if place.drive is not None and (board.uf2 is None or place.drive.board_id != board.uf2.volume):
        raise CheckError(
            f"the boot loader at {place} belongs to {place.drive.board_id}, not to a {board.name}.",
            "Name the right board.",
        )
    if hello is None:
        return
    there = next((one for one in all_boards() if one.id == hello.board), None)
    if there is None or (there.uf2 is None and there.esptool is None):
        return
    if _chip(there) != _chip(board):
        raise CheckError(f"the board at {place} is a {there.name}, not a {board.name}.", "Name the right board.")


def _chip(board: Board) -> object:
    return board.uf2.family if board.uf2 else board.esptool and board.esptool.chip
