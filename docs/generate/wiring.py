"""Wiring diagrams and pages: the pins of boards/*.toml, joined with a small table of microphones."""

from __future__ import annotations

import json
from dataclasses import dataclass

from prose import code

from soundfw.settings import microphone
from soundsdk.boards import Board, all_boards
from soundsdk_sim.drawing.surface import text_width
from soundsdk_sim.drawing.vector import Vector

GROUND, SUPPLY = "GND", "3V3"
_COLOURS = {
    SUPPLY: "#c8321f", GROUND: "#30363d", "sck": "#e08a00", "ws": "#2e8b57", "sd": "#2166ac", "clk": "#e08a00",
    "data": "#2166ac", "pin": "#7768ae",
}  # fmt: skip
_INK, _FAINT, _BOARD, _PART = "#1f2933", "#6b7785", "#dff0e6", "#e6ebf5"


@dataclass(frozen=True)
class Microphone:
    """A breakout board. pins: (name on it, what it goes to: a signal of its kind, 3V3 or GND)."""

    id: str
    name: str
    kind: str
    pins: tuple[tuple[str, str], ...]
    about: str
    extra: tuple[tuple[str, int | str], ...] = ()  # settings besides kind and pins


# The makers' datasheets; "left" is L/R or SEL at ground. SPH0645 has an offset, which dc_shift takes away.
MICROPHONES = (
    Microphone(
        "inmp441", "INMP441", "i2s",
        (("VDD", SUPPLY), ("GND", GROUND), ("SCK", "sck"), ("WS", "ws"), ("SD", "sd"), ("L/R", GROUND)),
        "The usual choice: digital, 24 bits, a high-pass of its own. The board files are written for it.",
        (("channel", "left"),),
    ),
    Microphone(
        "sph0645", "SPH0645LM4H", "i2s",
        (("3V", SUPPLY), ("GND", GROUND), ("BCLK", "sck"), ("LRCL", "ws"), ("DOUT", "sd"), ("SEL", GROUND)),
        "Digital, 18 bits, with an offset that `dc_shift` removes. Its data comes late in each bit: an ESP32 may read"
        " it one bit off, which `mic-test` names `shift`.",
        (("channel", "left"), ("dc_shift", 8)),
    ),
    Microphone(
        "ics43434", "ICS-43434", "i2s",
        (("3V", SUPPLY), ("GND", GROUND), ("BCLK", "sck"), ("LRCL", "ws"), ("DOUT", "sd"), ("SEL", GROUND)),
        "Digital, 24 bits, little noise of its own.",
        (("channel", "left"),),
    ),
    Microphone(
        "pdm", "a PDM microphone", "pdm",
        (("3V", SUPPLY), ("GND", GROUND), ("CLK", "clk"), ("DAT", "data"), ("SEL", GROUND)),
        "Digital, one bit. Two signal wires; costs more of the processor's time than I2S.",
        (("channel", "left"),),
    ),
    Microphone(
        "max4466", "MAX4466 (analog)", "adc",
        (("VCC", SUPPLY), ("GND", GROUND), ("OUT", "pin")),
        "An electret capsule with an amplifier. The fewest wires and the most noise; keep them short.",
    ),
)  # fmt: skip

# Where a GPIO of the Pico boards comes out: numbers of the pins of the 40-pin board, from the boards' datasheets.
_PICO_PINS = {
    **dict(zip(range(23), [n for n in range(1, 30) if n % 5 != 3], strict=True)),
    26: 31, 27: 32, 28: 34,
}  # fmt: skip
_PICO_SUPPLY, _PICO_GROUND = 36, 38
FIRST_ADC_PIN = 26


def wired_boards() -> list[Board]:
    """Return the boards with a microphone."""
    return [board for board in all_boards() if board.mic is not None]


def fitting(board: Board) -> list[Microphone]:
    """Return the microphones that the firmware can read on a board: an ESP32's MicroPython streams I2S alone."""
    return [mic for mic in MICROPHONES if board.port == "rp2" or mic.kind == "i2s"]


def settings(board: Board, mic: Microphone) -> dict[str, int | str]:
    """Return `mic` of settings.json for a microphone on a board's usual pins, checked by the firmware's own rules."""
    has = board.mic.settings() if board.mic else {}
    of_kind: dict[str, dict[str, int | str]] = {
        "i2s": {key: has[key] for key in ("id", "sck", "ws", "sd", "bits") if key in has},
        "pdm": {"clk": has["sck"], "data": has["sd"]},
        "adc": {"pin": FIRST_ADC_PIN},
    }
    values = {**of_kind[mic.kind], **dict(mic.extra)}
    microphone(mic.kind, values)
    return {"kind": mic.kind, **values}


def wires(board: Board, mic: Microphone) -> list[tuple[str, str, str]]:
    """Return (pin of the microphone, signal, pin of the board) of each wire."""
    values = settings(board, mic)
    return [(name, signal, _pin(board, values, signal)) for name, signal in mic.pins]


def _pin(board: Board, values: dict[str, int | str], signal: str) -> str:
    pico = board.port == "rp2"
    if signal in (SUPPLY, GROUND):
        number = _PICO_SUPPLY if signal == SUPPLY else _PICO_GROUND
        return f"{signal} (pin {number})" if pico else signal
    gpio = int(values[signal])
    return f"GP{gpio} (pin {_PICO_PINS[gpio]})" if pico else f"GPIO{gpio}"


def diagram(board: Board, mic: Microphone) -> bytes:
    """Draw the wires between a board and a microphone."""
    rows = wires(board, mic)
    pitch, top = 40.0, 66.0
    height = top + pitch * len(rows) + 10
    on = Vector(760, height, "#ffffff")
    on.box((16, 16, 250, height - 14), _BOARD, 10)
    on.box((510, 16, 744, height - 14), _PART, 10)
    on.text(133, 38, board.name, 15, _INK, "mm", True)
    on.text(627, 38, mic.name, 15, _INK, "mm", True)
    # Wires to one pin of the board meet there: each signal has one row on the left, rows on the right are the pins.
    first: dict[str, float] = {}
    for i, (name, signal, pin) in enumerate(rows):
        y = top + pitch * i + 8
        at = first.setdefault(pin, y)
        colour = _COLOURS[signal]
        if at == y:
            on.text(236, y, pin, 13, _INK, "rm")
            on.box((243, y - 6, 257, y + 6), colour, 3)
        bend = 470.0 if at != y else 0.0
        if bend:  # it branches off, and passes over the wires between
            on.line([(bend, at + 2), (bend, y)], "#ffffff", 8)
        on.line([(bend, at), (bend, y), (503.0, y)] if bend else [(257.0, at), (503.0, y)], colour, 3.5)
        on.box((503, y - 6, 517, y + 6), colour, 3)
        on.text(526, y, name, 13, _INK, "lm", True)
        on.text(534 + text_width(name, 13) + 6, y, _USES[signal], 12, _FAINT, "lm")
    return on.data()


_USES = {
    SUPPLY: "supply, 3.3 V", GROUND: "ground", "sck": "bit clock", "ws": "word select", "sd": "data", "clk": "clock",
    "data": "data", "pin": "analog signal",
}  # fmt: skip


def page(board: Board) -> str:
    """Return the page of a board as Markdown: a section for each microphone."""
    parts = [f"# Wiring: {board.name}\n\nBoard file `{board.id}`. [All boards and microphones](../wiring.md)."]
    for mic in fitting(board):
        values = settings(board, mic)
        rows = "\n".join(f"| {name} | {pin} | {_USES[signal]} |" for name, signal, pin in wires(board, mic))
        parts.append(f"## {mic.name} {{ #{mic.id} }}\n\n{mic.about}")
        parts.append(f"![{board.name} and {mic.name}: which pin goes to which](../pictures/{board.id}-{mic.id}.svg)")
        parts.append(f"| {mic.name} | {board.name} | |\n|---|---|---|\n{rows}")
        if board.mic and microphone(mic.kind, values) == microphone(board.mic.kind, board.mic.settings()):
            parts.append("This is what the board's firmware expects; nothing has to be set.")
        else:
            text = json.dumps({"mic": values}, indent=2)
            parts.append(
                f"The board file has other settings. Save this as `settings.json`:\n\n{code('json', text)}\n\n"
                "and copy it to the board; it counts from the next start on:\n\n"
                + code("console", "$ mpremote fs cp settings.json :settings.json")
            )
        parts.append("`soundsdk mic-test` then says whether the microphone sounds as it should.")
    return "\n\n".join(parts) + "\n"


def chooser() -> str:
    """Return a table of boards and microphones, with links to their diagrams, as Markdown."""
    names = [mic.name for mic in MICROPHONES]
    lines = ["| board | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for board in wired_boards():
        cells = [f"[diagram](wiring/{board.id}.md#{m.id})" if m in fitting(board) else "–" for m in MICROPHONES]
        lines.append(f"| [{board.name}](wiring/{board.id}.md) | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
