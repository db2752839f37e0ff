"""The pages of wiring, one a board, from boards/*.toml and soundsdk_sim.wiring."""

from __future__ import annotations

import json

from prose import code

from soundfw.settings import microphone
from soundsdk.boards import Board, all_boards
from soundsdk.boards.facts import OwnMic
from soundsdk_sim.wiring import USES, MicrophonePart, fitting, mic_settings, wires

# By the way that a board takes: where its software comes from.
_WAYS = {
    "image": "It has an [image](../flash.md). On [stock MicroPython](../stock-micropython.md) it needs none;"
    " `soundsdk install` puts what is needed onto it.",
    "stock": "It runs MicroPython's official image; `soundsdk install` puts the rest onto it:"
    " [any board with stock MicroPython](../stock-micropython.md).",
    "circuitpython": "It runs CircuitPython's official image, and the computer detects:"
    " [CircuitPython](../circuitpython.md).",
}


def wired_boards() -> list[Board]:
    """Return the boards with a microphone, in the order of the file names."""
    return [board for board in all_boards() if board.mic is not None]


def page(board: Board) -> str:
    """Return the page of a board as Markdown: a section for each microphone."""
    parts = [f"# Wiring: {board.name}\n\nBoard file `{board.id}`. [All boards and microphones](../wiring.md)."]
    if board.note:
        parts.append(board.note)
    parts.append(_WAYS[board.way])
    parts.append("A diagram opens at a touch, as large as it is.")
    parts += [_section(board, mic) for mic in fitting(board)]
    return "\n\n".join(parts) + "\n"


def _section(board: Board, mic: MicrophonePart) -> str:
    values = mic_settings(board, mic)
    rows = "\n".join(f"| {wire.name} | {wire.pin} | {USES[wire.signal]} |" for wire in wires(board, mic))
    parts = [
        f"## {mic.name} {{ #{mic.id} }}\n\n{mic.about}",
        f"![{board.name} and {mic.name}: which pin goes to which](../pictures/{board.id}-{mic.id}.svg)",
        f"| {mic.name} | {board.name} | |\n|---|---|---|\n{rows}",
    ]
    if mic.own and board.own_mic is not None and (board.way == "circuitpython" or board.way not in board.own_mic.ways):
        if board.own_mic.ways:
            parts.append(_settings_to_write(board.own_mic))
        return "\n\n".join(parts)
    if board.mic and mic.kind == board.mic.kind and _same(board, mic):
        parts.append("This is what the board's settings expect; nothing has to be set.")
    else:
        text = json.dumps({"mic": values}, indent=2)
        parts.append(
            f"The board file has other settings. Save this as `settings.json`:\n\n{code('json', text)}\n\n"
            "and copy it to the board; it counts from the next start on:\n\n"
            + code("console", "$ mpremote fs cp settings.json :settings.json")
        )
    parts.append("`soundsdk mic-test` then says whether the microphone sounds as it should.")
    return "\n\n".join(parts)


def _settings_to_write(own: OwnMic) -> str:
    ways = " or ".join({"circuitpython": "[CircuitPython](../circuitpython.md)"}.get(way, way) for way in own.ways)
    text = json.dumps({"mic": own.mic.settings()}, indent=2)
    return f"With {ways} this is its `settings.json`:\n\n{code('json', text)}"


def _same(board: Board, mic: MicrophonePart) -> bool:
    assert board.mic is not None
    return bool(microphone(mic.kind, mic_settings(board, mic)) == microphone(board.mic.kind, board.mic.settings()))


def chooser() -> str:
    """Return a table of boards and microphones, with links to their diagrams, as Markdown."""
    lines = ["| board | its own microphone | microphones to wire |", "|---" * 3 + "|"]
    for board in wired_boards():
        links = {mic.id: f"[{mic.name}](wiring/{board.id}.md#{mic.id})" for mic in fitting(board)}
        own = links.pop("own", "–")
        lines.append(f"| [{board.name}](wiring/{board.id}.md) | {own} | {', '.join(links.values()) or '–'} |")
    return "\n".join(lines) + "\n"
