"""Search the boards by words, as people name them: a maker, a chip, a kind of microphone, a way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from soundsdk.boards.facts import Board

# What a person may say for a way.
_WAY_WORDS = {"image": "image", "stock": "stock micropython", "circuitpython": "circuitpython"}


def words_about(board: Board) -> str:
    """Return the words under which a board is found, in small letters."""
    parts = [board.id, board.name, board.maker, board.chip, board.arch, board.port]
    parts += [_WAY_WORDS[way] for way in board.ways]
    if board.mic is not None:
        parts.append(board.mic.kind)
    if board.own_mic is not None:
        parts += ["microphone", board.own_mic.mic.kind, board.own_mic.part]
    if board.psram_bytes:
        parts.append("psram")
    if board.led is not None:
        parts += ["led", board.led.kind]
    if board.stock is not None:
        parts += [board.stock.board, board.stock.native]
    if board.circuitpython is not None:
        parts += ["circuitpython", board.circuitpython.board]
    return " ".join(parts).lower()


def search_boards(boards: Iterable[Board], words: Sequence[str]) -> list[Board]:
    """Return the boards about which every word is said, small and capital letters alike, in their order.

    A word may be the beginning of one, or of its digits: "esp32-s3", "xiao", "pdm", "2040". Without words all are
    returned.
    """
    wanted = [_begins(word.lower()) for text in words for word in text.split()]
    return [board for board in boards if all(pattern.search(words_about(board)) for pattern in wanted)]


def _begins(word: str) -> re.Pattern[str]:
    """Match a word where one begins: "s2" is in "esp32-s2", and not in "ws2812"."""
    before = "[a-z]" if word[0].isalpha() else "[0-9]"
    return re.compile(f"(?<!{before}){re.escape(word)}")
