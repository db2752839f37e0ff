"""Wires between a microphone and a board: the pins of boards/*.toml, joined with those of the microphones."""

from __future__ import annotations

from dataclasses import dataclass

from soundfw.settings import microphone
from soundsdk.boards import Board
from soundsdk.errors import UsageError
from soundsdk.labels import meant
from soundsdk_sim.wiring.microphones import GROUND, MICROPHONES, SUPPLY, Microphone, soldered

USES = {
    SUPPLY: "supply, 3.3 V", GROUND: "ground", "sck": "bit clock", "ws": "word select", "sd": "data", "clk": "clock",
    "data": "data", "pin": "analog signal",
}  # fmt: skip
FIRST_ADC_PIN = 26  # of the RP2 chips


@dataclass(frozen=True)
class Wire:
    """One wire, or one line on the board. name: the pin of the microphone; pin: that of the board, as printed there."""

    name: str
    signal: str
    pin: str


def _pins(board: Board) -> dict[str, int]:
    """Return the GPIOs of a board for microphones that are wired to it, by signal; empty if it has none to spare."""
    mic = board.mic
    soldered_on = board.own_mic is not None and mic is not None and board.own_mic.mic.pins() == mic.pins()
    found = {} if mic is None or soldered_on else {key: int(value) for key, value in mic.values if key in USES}
    if board.wiring is not None:
        given = {key: getattr(board.wiring, key) for key in ("sck", "ws", "sd", "clk", "data", "pin")}
        found.update({key: pin for key, pin in given.items() if pin is not None})
    if board.port == "rp2" and "sck" in found:  # PDM and analog are read by PIO and ADC: any pin, and one of the ADC's
        found = {"clk": found["sck"], "data": found["sd"], "pin": FIRST_ADC_PIN, **found}
    return found


def fitting(board: Board) -> list[Microphone]:
    """Return the microphones that can be heard on a board, its own first: an ESP32's MicroPython streams I2S alone."""
    pins = _pins(board)
    own = [soldered(board.own_mic)] if board.own_mic is not None else []
    wired = pins.keys() | {SUPPLY, GROUND}
    return own + [mic for mic in MICROPHONES if all(signal in wired for _, signal in mic.pins)]


def find_microphone(board: Board, name: str | None) -> Microphone:
    """Return a microphone by its id, or the first that soundsdk hears on a board; UsageError if it or none fits."""
    known = fitting(board)
    if not known:
        raise UsageError(f"the file of {board.id} names no pins for a microphone.", "Choose another: soundsdk boards")
    if name is None:
        heard = board.own_mic.ways if board.own_mic is not None else ()
        return next((mic for mic in known if not mic.own or board.way in heard), known[0])
    found = next((mic for mic in known if mic.id == name), None)
    if found is None:
        ids = [mic.id for mic in known]
        message = f"{board.name} has no place for the microphone {name}."
        raise UsageError(message, f"{meant(name, ids)}It has one for: {', '.join(ids)}.")
    return found


def mic_settings(board: Board, mic: Microphone) -> dict[str, int | str]:
    """Return `mic` of settings.json for a microphone on a board's usual pins, checked by the firmware's own rules."""
    if mic.own and board.own_mic is not None:
        return board.own_mic.mic.settings()
    pins = _pins(board)
    values: dict[str, int | str] = {signal: pins[signal] for _, signal in mic.pins if signal in pins}
    if mic.kind == "i2s":
        has = board.mic.settings() if board.mic is not None and board.mic.kind == "i2s" else {}
        values = {**{key: has[key] for key in ("id",) if key in has}, **values}
        values |= {"bits": has["bits"]} if "bits" in has else {}
    values.update(mic.extra)
    microphone(mic.kind, values)
    return {"kind": mic.kind, **values}


def wires(board: Board, mic: Microphone) -> list[Wire]:
    """Return each wire between a board and a microphone, in the order of the microphone's pins."""
    values = mic_settings(board, mic)
    return [Wire(name, signal, _printed(board, values, signal)) for name, signal in mic.pins]


def _printed(board: Board, values: dict[str, int | str], signal: str) -> str:
    if signal == SUPPLY:
        return board.header.supply if board.header else SUPPLY
    if signal == GROUND:
        return board.header.ground if board.header else GROUND
    return board.label(int(values[signal]))
