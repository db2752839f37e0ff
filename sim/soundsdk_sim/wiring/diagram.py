"""The drawing of a microphone's wires: the board on the left, the microphone on the right."""

from __future__ import annotations

from soundsdk.boards import Board
from soundsdk_sim.drawing.surface import text_width, wrapped
from soundsdk_sim.drawing.vector import Vector
from soundsdk_sim.wiring.microphones import GROUND, SUPPLY, Microphone
from soundsdk_sim.wiring.wires import USES, wires

_COLOURS = {
    SUPPLY: "#c8321f", GROUND: "#30363d", "sck": "#e08a00", "ws": "#2e8b57", "sd": "#2166ac", "clk": "#e08a00",
    "data": "#2166ac", "pin": "#7768ae",
}  # fmt: skip
_INK, _FAINT, _BOARD, _PART = "#1f2933", "#6b7785", "#dff0e6", "#e6ebf5"
_WIDTH, _PITCH, _TITLE, _LINE = 760.0, 40.0, 15.0, 19.0
_LEFT, _RIGHT = (16.0, 250.0), (510.0, 744.0)  # the sides of the two boxes


def diagram(board: Board, mic: Microphone) -> bytes:
    """Draw the wires between a board and a microphone, as an SVG."""
    rows = wires(board, mic)
    room = _LEFT[1] - _LEFT[0] - 16
    titles = [wrapped(name, _TITLE, room) for name in (board.name, mic.name)]
    top = 47 + _LINE * max(map(len, titles))
    height = top + _PITCH * len(rows) + 10
    on = Vector(_WIDTH, height, "#ffffff")
    for (x0, x1), fill, lines in zip((_LEFT, _RIGHT), (_BOARD, _PART), titles, strict=True):
        on.box((x0, 16, x1, height - 14), fill, 10)
        for i, line in enumerate(lines):
            on.text((x0 + x1) / 2, 38 + _LINE * i, line, _TITLE, _INK, "mm", True)
    # Wires to one pin of the board meet there: each signal has one row on the left, rows on the right are the pins.
    first: dict[str, float] = {}
    for i, wire in enumerate(rows):
        y = top + _PITCH * i + 8
        at = first.setdefault(wire.pin, y)
        colour = _COLOURS[wire.signal]
        if at == y:
            size = min(13.0, 13.0 * (_LEFT[1] - _LEFT[0] - 24) / text_width(wire.pin, 13))
            on.text(236, y, wire.pin, size, _INK, "rm")
            on.box((243, y - 6, 257, y + 6), colour, 3)
        bend = 470.0 if at != y else 0.0
        if bend:  # it branches off, and passes over the wires between
            on.line([(bend, at + 2), (bend, y)], "#ffffff", 8)
        on.line([(bend, at), (bend, y), (503.0, y)] if bend else [(257.0, at), (503.0, y)], colour, 3.5)
        on.box((503, y - 6, 517, y + 6), colour, 3)
        on.text(526, y, wire.name, 13, _INK, "lm", True)
        on.text(534 + text_width(wire.name, 13) + 6, y, USES[wire.signal], 12, _FAINT, "lm")
    if mic.own:
        on.text((257 + 503) / 2, 38, "on the board: nothing to wire", 12, _FAINT, "mm")
    return on.data()
