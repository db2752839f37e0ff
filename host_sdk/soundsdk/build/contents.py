"""The data in an image: a detector as C source (module soundmodel), facts about the board (module soundboard)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soundfw import VERSION
from soundsdk.boards import Board
from soundsdk.build import descriptor

_HEADER = """// Made by soundsdk build.
#define SOUNDMODEL_SIZE ({size})
extern const unsigned char soundmodel_image[{at} + SOUNDMODEL_SIZE];
#define soundmodel_data (soundmodel_image + {at})
"""
_SOURCE = """// Made by soundsdk build: the image's descriptor, then a .tflite, aligned so that it can be used in place.
#include "soundmodel_data.h"

__attribute__((aligned(16))) const unsigned char soundmodel_image[{at} + SOUNDMODEL_SIZE] = {{
{rows}
}};
"""
_BUILD_DIGITS = 12


def version(build: str) -> str:
    """Return the version in `hello`: the firmware's, and the start of `build`, a hash of all it is made from."""
    return f"{VERSION}+{build[:_BUILD_DIGITS]}" if build else VERSION


def write(board: Board, data: bytes, folder: Path, model: str = "", build: str = "") -> None:
    """Write soundmodel_data.c and .h and soundboard.py, each only if it changes: make goes by their times.

    data: the detector; model: its name; build: a hash of all that the image is made from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {"board": board.id, "build": build[:_BUILD_DIGITS]}
    if not build:
        del settings["build"]
    if board.mic is not None:
        settings["mic"] = board.mic.settings()
    head = descriptor.pack(board.id, version(build), model, data)
    all_bytes = head + data
    rows = "\n".join("    " + ", ".join(map(str, all_bytes[i : i + 24])) + "," for i in range(0, len(all_bytes), 24))
    texts = {
        "soundmodel_data.h": _HEADER.format(size=len(data), at=len(head)),
        "soundmodel_data.c": _SOURCE.format(rows=rows, at=len(head)),
        "soundboard.py": f"SETTINGS = {settings!r}\n",
    }
    for name, text in texts.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="ascii") != text:
            path.write_text(text, encoding="ascii")
