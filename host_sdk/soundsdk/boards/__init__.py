"""The boards soundsdk knows: facts from the board files, a search in them, and a guess which board is connected."""

from __future__ import annotations

from soundsdk.boards.facts import WAYS, Board, BoardMic, OwnMic
from soundsdk.boards.files import all_boards, find_board, pins_of, read_board
from soundsdk.boards.guess import Guess, guess_board
from soundsdk.boards.search import search_boards

__all__ = [
    "WAYS", "Board", "BoardMic", "Guess", "OwnMic", "all_boards", "find_board", "guess_board", "pins_of", "read_board",
    "search_boards",
]  # fmt: skip
