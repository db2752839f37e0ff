"""The board files: one TOML per board, read into dataclasses. Their keys are explained in boards/README.md."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from soundfw import FirmwareError
from soundfw.settings import MICROPHONES, microphone
from soundsdk.errors import UsageError
from soundsdk.labels import meant
from soundsdk.resources import boards_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_T = TypeVar("_T")


@dataclass(frozen=True)
class Build:
    """The build of the image. image: the file's name; toolchain: the prefix of the compiler's name.

    region_bytes: of the region for a detector; 0 if it lies at the image's end and takes the rest of image_bytes.
    """

    image: str
    toolchain: str = ""
    region_bytes: int = 0


@dataclass(frozen=True)
class Uf2:
    """The UF2 boot loader. family: its family id; address: of the image in flash; volume: the name of its drive."""

    family: int
    address: int
    volume: str


@dataclass(frozen=True)
class Esptool:
    """The arguments of esptool. chip: esptool's name for it; the rest: offsets in flash.

    The image holds boot loader, partition table and application, and is written at `bootloader`. Mode and frequency of
    the flash stand in the image's own header.
    """

    chip: str
    bootloader: int
    partitions: int
    app: int


@dataclass(frozen=True)
class Usb:
    """The board's USB ids, as "vendor:product" in hex. normal: with its firmware running; bootloader: in that."""

    normal: tuple[str, ...]
    bootloader: tuple[str, ...]


@dataclass(frozen=True)
class Led:
    """An LED of the board. kind: "gpio" (on when high) or "ws2812" (addressable); pin: its GPIO."""

    kind: str
    pin: int


@dataclass(frozen=True)
class Gpio:
    """The GPIOs on the board's headers that can be outputs and that nothing on the board needs."""

    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Qemu:
    """The emulator and the arguments that make it this board. data_at, data_bytes: memory the firmware leaves alone."""

    program: str
    args: tuple[str, ...]
    data_at: int
    data_bytes: int


@dataclass(frozen=True)
class BoardMic:
    """The microphone of a board. Kinds, keys and ranges: soundfw.settings.MICROPHONES. None: not in the file."""

    kind: str
    values: tuple[tuple[str, int | str], ...]

    @classmethod
    def of(cls, table: dict[str, Any]) -> BoardMic:
        """Check a table `mic`; ValueError names what is wrong in it."""
        kinds = [kind for kind, _ in MICROPHONES]
        if table.get("kind") not in kinds:
            raise ValueError(f"mic.kind must be one of {', '.join(kinds)}")
        try:
            microphone(table["kind"], table)
        except FirmwareError as e:
            raise ValueError(e.args[1]) from None
        return cls(table.pop("kind"), tuple(table.items()))

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return dict(self.values).get(key)

    def settings(self) -> dict[str, int | str]:
        """Return `mic` of soundfw's settings: the keys that are in the file."""
        return {"kind": self.kind, **dict(self.values)}


@dataclass(frozen=True)
class Power:
    """Supply current of the board in mA while it computes and while it sleeps, at that voltage; where it is from."""

    active_ma: float
    sleep_ma: float
    volt: float
    source: str


@dataclass(frozen=True)
class Board:
    """Facts about one board. `id` is the stem of its file's name; 0 and None stand for what the file does not say."""

    id: str
    name: str
    port: str
    arch: str
    clock_hz: int = 0
    flash_bytes: int = 0
    image_bytes: int = 0  # room for the image in flash
    ram_bytes: int = 0
    build: Build | None = None
    uf2: Uf2 | None = None
    esptool: Esptool | None = None
    usb: Usb | None = None
    led: Led | None = None
    gpio: Gpio | None = None
    qemu: Qemu | None = None
    mic: BoardMic | None = None
    power: Power | None = None

    def settings(self) -> dict[str, Any]:
        """Return the settings of soundfw that stand in the board's file: its id, microphone, LED, GPIOs for rules."""
        values: dict[str, Any] = {"board": self.id}
        if self.mic is not None:
            values["mic"] = self.mic.settings()
        if self.led is not None:
            values["led"] = {"kind": self.led.kind, "pin": self.led.pin}
        if self.gpio is not None:
            values["outputs"] = self.gpio.outputs
        return values


_TABLES: dict[str, type[Any]] = {
    "build": Build, "uf2": Uf2, "esptool": Esptool, "usb": Usb, "led": Led, "gpio": Gpio, "qemu": Qemu, "power": Power
}  # fmt: skip


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
        if kind is Board and (key in _TABLES or key == "mic"):
            if not isinstance(value, dict):
                raise ValueError(f"{key} must be a table")
            given[key] = BoardMic.of(value) if key == "mic" else _fill(_TABLES[key], value, f"{key}.")
            continue
        if not _fits(value, str(field.type)):
            raise ValueError(f"{where}{key} must be of type {field.type}")
        given[key] = tuple(value) if isinstance(value, list) else value
    if table:
        raise ValueError(f"{where}{sorted(table)[0]} is not a key of a board file")
    return kind(**given)


def read_board(path: Path) -> Board:
    """Read one board file; UsageError if a key is missing, unknown or of another type."""
    try:
        return _fill(Board, tomllib.loads(path.read_text(encoding="utf-8")), "", id=path.stem)
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
