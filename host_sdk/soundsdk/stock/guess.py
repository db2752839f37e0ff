"""Guess the board file of a board from what its MicroPython says."""

from __future__ import annotations

from soundsdk.boards import Board, all_boards
from soundsdk.errors import UsageError
from soundsdk.stock.board_facts import BoardFacts


def guess_board(facts: BoardFacts, usb: str) -> Board:
    """Return the board that says so; UsageError if it cannot be told. usb: "vendor:product" in hex, or empty."""
    known = [board for board in all_boards() if board.mic is not None]
    name = facts.machine.rpartition(" with ")[0]
    found = [board for board in known if name and board.name == name]
    if len(found) == 1:
        return found[0]
    names = ", ".join(board.id for board in found or known)
    raise UsageError(
        f"what the board says of itself ({facts.machine or facts.platform}) does not show which board it is.",
        f"Name it with --board: {names}. Other pins of a microphone: --settings FILE",
    )
