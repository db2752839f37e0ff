"""Finds the board file of a board that runs stock MicroPython, from what it says."""

from __future__ import annotations

from soundsdk import boards
from soundsdk.boards import Board
from soundsdk.errors import UsageError
from soundsdk.stock.board_facts import BoardFacts


def guess_board(facts: BoardFacts, usb: str) -> Board:
    """Return the board that says so; UsageError, with those it may be, if that leaves several or none.

    usb: "vendor:product" in hex, or empty.
    """
    known = boards.all_boards()
    # Only on the ESP32 chips it was looked for.
    psram = facts.psram if facts.platform == "esp32" else None
    guess = boards.guess_board(known, facts.machine, usb, psram_bytes=psram)
    if guess.board is not None:
        return guess.board
    may = guess.boards or [board for board in known if guess.chip and board.chip == guess.chip]
    listed = ", ".join(board.id for board in may)
    raise UsageError(
        f"what the board says of itself ({facts.machine or facts.platform}) does not show which board it is.",
        f"Name it with --board: {listed}." if listed else "Name it with --board; soundsdk boards lists them.",
    )
