"""The page of the wire's bytes: a short talk between a host and a virtual board, and one line taken apart."""

from __future__ import annotations

from binascii import crc32

import numpy as np
from prose import code

from soundfw.wire import MAX_DEPTH, MAX_DIGITS
from soundfw.wire.framing import MAX_LINE_BYTES, encode
from soundsdk.models.shipped import load_model
from soundsdk_sim.board import run_recording
from soundsdk_sim.scenes import Part, compose

INTRO = """# A trace of the wire

What goes over the line, byte by byte, as the real code writes it. The rules and all members: [the wire](../wire.md).

"""


def page() -> str:
    """Return the page as Markdown."""
    lines = _board_lines()
    event = next(line for line in lines if b'"event"' in line)
    return (
        INTRO
        + "## From a board\n\nA smoke alarm sounds for six seconds, heard by the detector `home`; a board sends:\n\n"
        + _json(lines)
        + "## To a board\n\nCommands have the same form. The host asks for the state, sets a threshold, restarts:\n\n"
        + _json([encode(message) for message in _COMMANDS])
        + "## One line, byte by byte\n\nThe first event line from above, with the line ends around it:\n\n"
        + _dump(b"\n" + event + b"\n")
        + _parts(event)
        + "## Bounds\n\n| | |\n|---|---|\n"
        + f"| longest line | {MAX_LINE_BYTES} bytes without its line ends |\n"
        + f"| deepest nesting | {MAX_DEPTH} |\n| digits of a number | {MAX_DIGITS} |\n"
    )


_COMMANDS = (
    {"type": "status"},
    {"type": "set", "label": "smoke_alarm", "on": 700, "off": 300, "keep": True},
    {"type": "reboot"},
)


def _board_lines() -> list[bytes]:
    rng = np.random.default_rng(1)
    scene = compose(rng, rng.normal(0, 1, 14 * 16000), [Part("smoke_alarm", 2.0, 6.0, 20.0)], room=False)
    return run_recording(load_model("home").data, scene.pcm, 16000).lines


def _json(lines: list[bytes]) -> str:
    return code("json", "\n".join(line.decode() for line in lines)) + "\n\n"


def _dump(data: bytes) -> str:
    rows = []
    for at in range(0, len(data), 16):
        part = data[at : at + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        rows.append(f"{at:04x}  {part.hex(' '):<47}  {shown}")
    return code("text", "\n".join(rows)) + "\n\n"


def _parts(line: bytes) -> str:
    body, tail = line[:-18], line[-18:]
    assert tail == b',"crc":"%08x"}' % crc32(body)
    return (
        "| bytes | what |\n|---|---|\n"
        "| 1 | `0a`: ends whatever text came before |\n"
        f"| {len(body)} | the object without its last member and brace; the CRC-32 (as zlib has it) of these bytes is "
        f"`{crc32(body):08x}` |\n"
        f"| {len(tail)} | `{tail.decode()}`: always the last member, so a reader checks it before it parses anything"
        " |\n"
        "| 1 | `0a`: the end of the line |\n\n"
    )
