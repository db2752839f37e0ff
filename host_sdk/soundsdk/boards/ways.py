"""Point from a board that has no image of soundsdk to the way that is right for it."""

from __future__ import annotations

from soundsdk.boards.facts import Board
from soundsdk.errors import UsageError


def no_image(board: Board) -> UsageError:
    """Return the error of a verb that builds or writes images, for a board that has none."""
    if board.way == "stock" and board.stock is not None:
        page = board.stock.board.partition("-")[0]  # behind it the variant, which that page lists
        return UsageError(
            f"{board.name} has no image of soundsdk: it runs MicroPython's official image {board.stock.board}.",
            f"Get that image (micropython.org/download/{page}) and run: soundsdk flash {board.id} --stock FILE",
        )
    if board.way == "circuitpython" and board.circuitpython is not None:
        return UsageError(
            f"{board.name} has no image of soundsdk: it runs CircuitPython, and the computer detects.",
            f"Install CircuitPython (circuitpython.org/board/{board.circuitpython.board}); the documentation's page"
            " CircuitPython tells the rest.",
        )
    return UsageError(f"{board.name} needs no image.", "It runs the firmware from this installation.")
