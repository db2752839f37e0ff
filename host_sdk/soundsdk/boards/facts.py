"""Facts of a board file, as dataclasses. The keys are explained in boards/README.md."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from soundfw import FirmwareError
from soundfw.settings import MIC_PINS, MICROPHONES, microphone

WAYS = ("image", "stock", "circuitpython")


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

    def pins(self) -> tuple[int, ...]:
        """Return the GPIOs it takes."""
        return tuple(int(value) for key, value in self.values if key in MIC_PINS)


@dataclass(frozen=True)
class OwnMic:
    """A microphone that is soldered to the board. part: its type; ways: those of WAYS in which soundsdk hears it.

    note: what else has to be known, as a sentence.
    """

    part: str
    ways: tuple[str, ...]
    mic: BoardMic
    note: str = ""

    @classmethod
    def of(cls, table: dict[str, Any]) -> OwnMic:
        """Check a table `own_mic`; ValueError names what is wrong in it."""
        part, ways, note = table.pop("part", None), table.pop("ways", None), table.pop("note", "")
        if not isinstance(part, str) or not isinstance(note, str):
            raise ValueError("own_mic.part and own_mic.note must be texts")
        if not isinstance(ways, list) or not set(ways) <= set(WAYS):
            raise ValueError(f"own_mic.ways must be a list of {', '.join(WAYS)}")
        return cls(part, tuple(ways), BoardMic.of(table), note)


@dataclass(frozen=True)
class Wiring:
    """The header's GPIOs for a microphone that is wired to the board, by signal; None: as `mic`, or none.

    sck, ws, sd: I2S; clk, data: PDM; pin: analog.
    """

    sck: int | None = None
    ws: int | None = None
    sd: int | None = None
    clk: int | None = None
    data: int | None = None
    pin: int | None = None


@dataclass(frozen=True)
class Header:
    """Labels beside the board's pins. pins: (label, GPIO); supply, ground: the labels of 3.3 V and ground."""

    pins: tuple[tuple[str, int], ...]
    supply: str = "3V3"
    ground: str = "GND"

    @classmethod
    def of(cls, table: dict[str, Any]) -> Header:
        """Check a table `header`; ValueError names what is wrong in it."""
        pins = table.pop("pins", None)
        if not isinstance(pins, dict) or not all(type(gpio) is int for gpio in pins.values()):
            raise ValueError("header.pins must be a table of labels and their GPIOs")
        for key, value in table.items():
            if key not in ("supply", "ground") or not isinstance(value, str):
                raise ValueError(f"header.{key} is not a key of a board file, or not a text")
        return cls(tuple(pins.items()), **table)


@dataclass(frozen=True)
class Stock:
    """The official MicroPython image for the board.

    board: its name in MicroPython's downloads; machine: what `sys.implementation._machine` may say on this board;
    native: the architecture of the native module that it loads. Memory after the start, 0 where there is no source:
    heap_bytes, the first area of the heap; free_bytes, all that is free; block_bytes, the largest piece. source: where
    the three are from.
    """

    board: str
    machine: tuple[str, ...]
    native: str
    heap_bytes: int = 0
    free_bytes: int = 0
    block_bytes: int = 0
    source: str = ""


@dataclass(frozen=True)
class CircuitPython:
    """CircuitPython for the board. board: its id there; machine: what its banner and `os.uname().machine` say."""

    board: str
    machine: tuple[str, ...] = ()


@dataclass(frozen=True)
class Power:
    """Supply current of the board in mA while it computes and while it sleeps, at that voltage; where it is from.

    basis: "measured" on a board, or from the "datasheet" of its chip. active_fixed_ma, sleep_fixed_ma: the parts that
    do not grow with the clock.
    """

    active_ma: float
    sleep_ma: float
    volt: float
    source: str
    basis: str = "datasheet"
    active_fixed_ma: float = 0.0
    sleep_fixed_ma: float = 0.0

    def at(self, share: float) -> Power:
        """Return the currents at that share of the board's clock."""
        return replace(
            self,
            active_ma=self.active_fixed_ma + (self.active_ma - self.active_fixed_ma) * share,
            sleep_ma=self.sleep_fixed_ma + (self.sleep_ma - self.sleep_fixed_ma) * share,
        )


@dataclass(frozen=True)
class Board:
    """Facts about one board. `id` is the stem of its file's name; 0, "" and None stand for what the file does not say.

    way: how soundsdk runs best on it, one of WAYS: an image of soundsdk, MicroPython's official image with the native
    module, or CircuitPython. unverified: what the file says without a source that could be read, a sentence each.
    """

    id: str
    name: str
    port: str
    arch: str
    clock_hz: int = 0
    flash_bytes: int = 0
    image_bytes: int = 0  # room for the image in flash
    ram_bytes: int = 0
    maker: str = ""
    chip: str = ""  # a name of chips.CHIPS
    way: str = "image"
    psram_bytes: int = 0
    note: str = ""  # what its owner has to know, a sentence or two
    unverified: tuple[str, ...] = ()
    build: Build | None = None
    uf2: Uf2 | None = None
    esptool: Esptool | None = None
    usb: Usb | None = None
    led: Led | None = None
    gpio: Gpio | None = None
    qemu: Qemu | None = None
    mic: BoardMic | None = None
    power: Power | None = None
    stock: Stock | None = None
    circuitpython: CircuitPython | None = None
    own_mic: OwnMic | None = None
    wiring: Wiring | None = None
    header: Header | None = None

    @property
    def has_image(self) -> bool:
        """Return whether soundsdk makes an image that can be written to its flash."""
        return self.build is not None and (self.uf2 is not None or self.esptool is not None)

    @property
    def ways(self) -> tuple[str, ...]:
        """Return all ways in which soundsdk runs on it, the best first."""
        return (self.way, "stock") if self.way == "image" and self.takes_stock else (self.way,)

    @property
    def takes_stock(self) -> bool:
        """Return whether MicroPython's official image can be written to its flash, and runs soundcore."""
        return self.stock is not None and (self.uf2 is not None or self.esptool is not None)

    def label(self, gpio: int) -> str:
        """Return what is printed beside a GPIO, with the GPIO's number where the label does not tell it."""
        name = next((name for name, pin in self.header.pins if pin == gpio), "") if self.header else ""
        if not name:
            return f"GPIO{gpio}"
        plain = name in (str(gpio), *(f"{prefix}{gpio}" for prefix in ("G", "GP", "IO", "GPIO")))
        return name if plain or "(" in name or self.way == "circuitpython" else f"{name} (GPIO{gpio})"

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
