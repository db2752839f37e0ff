"""Guess which board is connected from what it says: a pure function, for `install` and whoever has no board id.

A board says which image it runs (`sys.implementation._machine`, such as "Raspberry Pi Pico W with RP2040"), and the
computer sees its USB ids. An image made for one board names that board. A generic image runs on many boards and names
none, so that several boards stay possible; what else is known (USB ids, flash, PSRAM) leaves fewer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from soundsdk.boards.chips import chip_named
from soundsdk.boards.facts import Board


@dataclass(frozen=True)
class Guess:
    """The boards it may be, the likeliest first, and the chip ("" if unknown). No boards: none that soundsdk knows."""

    boards: tuple[Board, ...]
    chip: str

    @property
    def board(self) -> Board | None:
        """The board, if only one is possible."""
        return self.boards[0] if len(self.boards) == 1 else None


def guess_board(
    boards: Iterable[Board], machine: str = "", usb: str = "", flash_bytes: int = 0, psram_bytes: int | None = None
) -> Guess:
    """Return which of these boards says so.

    machine: `sys.implementation._machine` or `os.uname().machine`; usb: "vendor:product" in hex; flash_bytes,
    psram_bytes: as measured on the board, psram_bytes None where nobody looked. All may be left out. What is said is
    believed in this order: machine, PSRAM, flash, USB ids; one that no board agrees with changes nothing.
    A board whose file names no flash agrees with flash of any size. A machine that no file names gives no board, only
    the chip, whatever the USB ids are: those of MicroPython's RP2 images are shared by many boards.
    """
    every = list(boards)
    chip = chip_named(machine.rpartition(" with ")[2]) if machine else ""
    found = [board for board in every if machine and _is_named(board, machine)]
    if not found and not machine:
        found = [board for board in every if usb and usb.lower() in _usb_ids(board)]
    if psram_bytes is not None:
        found = [board for board in found if bool(board.psram_bytes) == (psram_bytes > 0)] or found
    if flash_bytes:
        found = [board for board in found if board.flash_bytes in (0, flash_bytes)] or found
    if usb:
        found = [board for board in found if usb.lower() in _usb_ids(board)] or found
    chips = {board.chip for board in found}
    if not chip and len(chips) == 1:
        chip = chips.pop()
    return Guess(tuple(sorted(found, key=lambda board: _place(board, machine))), chip)


def _is_named(board: Board, machine: str) -> bool:
    # An image of soundsdk names the board as its file does: firmware/ports/ID/mpconfigboard.h.
    return machine in _machines(board) or machine.startswith(f"{board.name} with soundsdk with ")


def _machines(board: Board) -> tuple[str, ...]:
    stock = board.stock.machine if board.stock else ()
    return stock + (board.circuitpython.machine if board.circuitpython else ())


def _usb_ids(board: Board) -> tuple[str, ...]:
    return board.usb.normal + board.usb.bootloader if board.usb else ()


def _place(board: Board, machine: str) -> tuple[bool, int, str]:
    """Return where a board stands in a guess: those whose first name this is, then those with an image of soundsdk."""
    machines = _machines(board)
    return (bool(machine) and machine not in machines[:1], int(board.way != "image"), board.id)
