"""One serial port, and what its USB ids show of it: a board, a bridge that may be one, or something else."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

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

# What Linux makes their ports with, by vendor; the other boards speak CDC-ACM.
_DRIVERS = {0x10C4: "cp210x", 0x1A86: "ch341", 0x0403: "ftdi_sio"}

Kind = Literal["board", "bridge", "other"]


@dataclass(frozen=True)
class PortInfo:
    """One serial port.

    kind: board (has the USB ids of a board that runs MicroPython), bridge (may be one), other (is none). location: the
    socket that it is plugged into, as the system names it, such as 1-1.2: the same after unplugging and a restart.
    """

    path: str
    kind: Kind
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    product: str = ""
    by_id: str | None = None  # stable name, where the system has one
    location: str | None = None


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


def driver_of(vid: int, pid: int) -> str:
    """Return the name of the Linux driver that makes the port of a board or a bridge."""
    return _DRIVERS.get(vid, "cdc_acm") if (vid, pid) in BRIDGES else "cdc_acm"
