"""Microphones that people buy for their boards, and one for what a board has soldered on."""

from __future__ import annotations

from dataclasses import dataclass

from soundsdk.boards import OwnMic

GROUND, SUPPLY = "GND", "3V3"


@dataclass(frozen=True)
class Microphone:
    """A breakout board, or a board's own microphone (`own`).

    pins: (name on it, what it goes to: a signal of its kind, 3V3 or GND); extra: settings besides kind and pins.
    """

    id: str
    name: str
    kind: str
    pins: tuple[tuple[str, str], ...]
    about: str
    extra: tuple[tuple[str, int | str], ...] = ()
    own: bool = False


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

_SIGNALS = {"i2s": ("sck", "ws", "sd"), "pdm": ("clk", "data"), "adc": ("pin",)}


def soldered(own: OwnMic) -> Microphone:
    """Return a board's own microphone; its lines are on the board, so it has no supply to wire."""
    kind = own.mic.kind
    names = {"stock": "MicroPython", "image": "its own image", "circuitpython": "CircuitPython"}
    heard = " and ".join(names[way] for way in own.ways)
    verdict = f"hears it with {heard}." if heard else "does not hear it."
    about = f"It is on the board ({kind.upper()}). soundsdk {verdict}"
    pins = tuple((signal.upper(), signal) for signal in _SIGNALS[kind])
    return Microphone("own", own.part, kind, pins, f"{about} {own.note}".strip(), own=True)
