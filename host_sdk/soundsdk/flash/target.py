"""Which board is meant, and where it is.

Nothing is written to a port and no board is reset unless it was named with -p, its USB ids can only be a board's, or it
says hello. A USB-to-serial bridge may be anything's.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from soundsdk.boards import Board, all_boards, find_board
from soundsdk.device import address, ports, uf2_drive
from soundsdk.device.messages import Hello
from soundsdk.device.ports import PortInfo
from soundsdk.device.transport import Gone
from soundsdk.device.uf2_drive import Drive
from soundsdk.errors import CheckError, DeviceError, ProtocolError, UsageError
from soundsdk.flash import verify

HELLO_S = 2.5


@dataclass(frozen=True)
class Target:
    """A board, and where it is: at a port (path or URL; info: as the system lists it), or as a boot loader's drive."""

    board: Board
    port: str | None = None
    info: PortInfo | None = None
    drive: Drive | None = None
    hello: Hello | None = None

    @property
    def where(self) -> str:
        return str(self.drive.path) if self.drive else self.port or ""


@dataclass(frozen=True)
class _Place:
    """named: by the user, so it may be reset."""

    port: str | None = None
    info: PortInfo | None = None
    drive: Drive | None = None
    named: bool = False

    def __str__(self) -> str:
        return str(self.drive.path) if self.drive else str(self.port)


def choose(board_id: str | None, where: str | None, image_board: str | None, quiet: bool) -> Target:
    """The board to flash: the one named, else what says hello, else what the image is for, else what USB tells.

    image_board: the board an image says it is for. quiet: opens no port. DeviceError if there is no board, or more
    than one it could be; UsageError if nothing tells which board it is; PortError if its port is busy or not permitted.
    """
    wanted = find_board(board_id) if board_id else None
    if wanted is not None and wanted.uf2 is None and wanted.esptool is None:
        raise UsageError(f"{wanted.id} has no flash that could be written.", "soundsdk boards lists the boards.")
    place = _place(where, wanted)
    hello = None if quiet or place.port is None else _greet(place.port)
    if place.info is not None and place.info.kind == "bridge" and not place.named and hello is None and not quiet:
        raise DeviceError(
            f"what is at {place} does not answer as a soundsdk board, and may be something else.",
            f"If it is the board, say so: soundsdk flash {board_id or 'BOARD'} -p {place}",
        )
    board = wanted or _guess(place, hello, image_board)
    _fits(board, place, hello)
    return Target(board, place.port, place.info, place.drive, hello)


def _place(where: str | None, wanted: Board | None) -> _Place:
    given = where if where is not None else os.environ.get(address.ENVIRONMENT)
    named = address.parse(given)
    if named.kind == "sim":
        raise UsageError("a virtual board has no flash to write.", "Run it with soundsdk sim.")
    if named.kind == "url":
        return _Place(port=named.value, named=True)
    if named.kind == "id":
        info = ports.find(named)
        return _Place(port=info.path, info=info, named=True)
    if named.kind == "port":
        for drive in uf2_drive.mounted():
            if os.path.realpath(drive.path) == os.path.realpath(named.value):
                return _Place(drive=drive, named=True)
        return _Place(port=named.value, info=ports.at(named.value), named=True)
    return _only(_candidates(wanted), wanted)


def _candidates(wanted: Board | None) -> list[_Place]:
    """What may be the board, of the surest kind there is: boot loaders and boards by their USB ids, else bridges."""
    uf2_drive.mount({board.uf2.volume for board in all_boards() if board.uf2})
    drives = [_Place(drive=drive) for drive in uf2_drive.mounted()]
    listed = ports.listed()
    if wanted is not None:
        drives = [place for place in drives if place.drive and wanted.uf2 and place.drive.board_id == wanted.uf2.volume]
        listed = [port for port in listed if _may_be(wanted, port)]
    sure = drives + [_Place(port=port.path, info=port) for port in listed if port.kind == "board"]
    return sure or [_Place(port=port.path, info=port) for port in listed if port.kind == "bridge"]


def _only(places: list[_Place], wanted: Board | None) -> _Place:
    if len(places) == 1:
        return places[0]
    if places:
        listed = ", ".join(map(str, places))
        raise DeviceError(f"{len(places)} boards are connected: {listed}.", "Choose one with -p.")
    if wanted is not None:
        hint = f"Plug it in with a data cable; a new one, while BOOTSEL is held, shows the drive {wanted.uf2.volume}." \
            if wanted.uf2 else "Plug it in with a data cable, or name its port with -p."  # fmt: skip
        raise DeviceError(f"no {wanted.name} is connected.", hint)
    raise DeviceError("no board is connected.", "Plug one in with a data cable; soundsdk doctor looks for the cause.")


def _ids(port: PortInfo) -> str:
    return f"{port.vid:04x}:{port.pid:04x}" if port.vid is not None and port.pid is not None else ""


def _may_be(board: Board, port: PortInfo) -> bool:
    return board.usb is not None and _ids(port) in (*board.usb.normal, *board.usb.bootloader)


def _greet(port: str) -> Hello | None:
    """What the board says it is, None if it does not answer. The errors of the port itself go on."""
    try:
        return verify.greet(port, HELLO_S)
    except (ProtocolError, Gone):
        return None


def _guess(place: _Place, hello: Hello | None, image_board: str | None) -> Board:
    known = {board.id: board for board in all_boards() if board.uf2 or board.esptool}
    if hello is not None and hello.board in known:
        return known[hello.board]
    if image_board in known:
        return known[str(image_board)]
    if place.drive is not None:
        may = [board for board in known.values() if board.uf2 and board.uf2.volume == place.drive.board_id]
    elif place.info is not None and place.info.kind == "board":
        may = [board for board in known.values() if _may_be(board, place.info)]
    else:
        may = []
    if len(may) == 1:
        return may[0]
    names = ", ".join(board.id for board in may or known.values())
    raise UsageError(f"what is at {place} does not say which board it is.", f"Name it: soundsdk flash BOARD ({names}).")


def _fits(board: Board, place: _Place, hello: Hello | None) -> None:
    """CheckError if what is there is known to be another chip than the board's."""
    if place.drive is not None and (board.uf2 is None or place.drive.board_id != board.uf2.volume):
        raise CheckError(
            f"the boot loader at {place} is of {place.drive.board_id}, not of a {board.name}.", "Name the right board."
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
