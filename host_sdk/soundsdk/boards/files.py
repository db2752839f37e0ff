"""Read board files: one TOML per board, checked key by key. The keys are explained in boards/README.md."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any, TypeVar

from soundsdk.boards.chips import CHIPS
from soundsdk.boards.facts import (
    WAYS,
    Board,
    BoardMic,
    Build,
    CircuitPython,
    Esptool,
    Gpio,
    Header,
    Led,
    OwnMic,
    Power,
    Qemu,
    Stock,
    Uf2,
    Usb,
    Wiring,
)
from soundsdk.errors import UsageError
from soundsdk.labels import meant
from soundsdk.resources import boards_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_T = TypeVar("_T")

_TABLES: dict[str, type[Any]] = {
    "build": Build, "uf2": Uf2, "esptool": Esptool, "usb": Usb, "led": Led, "gpio": Gpio, "qemu": Qemu, "power": Power,
    "stock": Stock, "circuitpython": CircuitPython, "wiring": Wiring,
}  # fmt: skip
_OWN_RULES: dict[str, type[BoardMic | OwnMic | Header]] = {"mic": BoardMic, "own_mic": OwnMic, "header": Header}


def _fits(value: object, annotation: str) -> bool:
    if annotation == "tuple[str, ...]":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if annotation == "tuple[int, ...]":
        return isinstance(value, list) and all(type(item) is int for item in value)
    return type(value).__name__ == annotation.removesuffix(" | None")


def _fill(kind: type[_T], table: dict[str, Any], where: str, **given: Any) -> _T:
    """Make a dataclass from a table with exactly its keys; ValueError names the one that is wrong."""
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        key = field.name
        if key in given:
            continue
        if key not in table:
            if field.default is dataclasses.MISSING:
                raise ValueError(f"{where}{key} is missing")
            continue
        value = table.pop(key)
        if kind is Board and (key in _TABLES or key in _OWN_RULES):
            if not isinstance(value, dict):
                raise ValueError(f"{key} must be a table")
            own = _OWN_RULES.get(key)
            given[key] = own.of(value) if own is not None else _fill(_TABLES[key], value, f"{key}.")
            continue
        if not _fits(value, str(field.type)):
            raise ValueError(f"{where}{key} must be of type {field.type}")
        given[key] = tuple(value) if isinstance(value, list) else value
    if table:
        raise ValueError(f"{where}{sorted(table)[0]} is not a key of a board file")
    return kind(**given)


def _check(board: Board) -> None:
    """Raise ValueError if what the tables say does not go together."""
    if board.way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}")
    if board.way != "image" and getattr(board, board.way) is None:
        raise ValueError(f"way is {board.way}, and there is no table {board.way}")
    if board.way != "image" and board.build is not None:
        raise ValueError(f"way is {board.way}, and there is a table build")
    if board.stock is not None:
        known = board.stock.heap_bytes or board.stock.free_bytes or board.stock.block_bytes
        if bool(known) != bool(board.stock.source):
            raise ValueError("stock.source belongs to the figures of memory")
    if not board.chip:
        return
    if board.chip not in CHIPS:
        raise ValueError(f"chip must be one of {', '.join(CHIPS)}")
    chip = CHIPS[board.chip]
    for name, pins in pins_of(board).items():
        for pin in pins:
            if not 0 <= pin <= chip.last_gpio or pin in chip.flash:
                raise ValueError(f"{name} names GPIO {pin}, which a {board.chip} has not, or which serves its flash")


def pins_of(board: Board) -> dict[str, tuple[int, ...]]:
    """Return the GPIOs that a board file names, by the table that names them."""
    found = {
        "mic": board.mic.pins() if board.mic else (),
        "own_mic": board.own_mic.mic.pins() if board.own_mic else (),
        "wiring": tuple(pin for pin in dataclasses.astuple(board.wiring) if pin is not None) if board.wiring else (),
        "led": (board.led.pin,) if board.led else (),
        "gpio.outputs": board.gpio.outputs if board.gpio else (),
        "header.pins": tuple(pin for _, pin in board.header.pins) if board.header else (),
    }
    return {name: pins for name, pins in found.items() if pins}


def read_board(path: Path) -> Board:
    """Read one board file; UsageError if a key is missing, unknown or of another type, or if two do not go together."""
    try:
        board: Board = _fill(Board, tomllib.loads(path.read_text(encoding="utf-8")), "", id=path.stem)
        _check(board)
        return board
    except (OSError, ValueError) as e:
        raise UsageError(f"the board file {path.name} cannot be used: {e}.") from e


def all_boards(folder: Path | None = None) -> list[Board]:
    """Read every board file in a folder (default: those that come with soundsdk), by id."""
    return [read_board(path) for path in sorted((folder or boards_dir()).glob("*.toml"))]


def find_board(name: str) -> Board:
    """Return the board with that id; UsageError with the ids there are."""
    path = boards_dir() / f"{name}.toml"
    if path.parent != boards_dir() or path not in boards_dir().glob("*.toml"):
        known = [board.id for board in all_boards()]
        raise UsageError(f"there is no board {name}.", f"{meant(name, known)}soundsdk knows: {', '.join(known)}.")
    return read_board(path)
