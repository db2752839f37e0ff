"""What an image holds besides code: a detector as C data (module soundmodel), facts on the board (soundboard)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soundsdk.boards import Board

_HEADER = """// Made by soundsdk build.
#define SOUNDMODEL_SIZE ({size})
extern const unsigned char soundmodel_data[SOUNDMODEL_SIZE];
"""
_SOURCE = """// Made by soundsdk build: a .tflite, aligned so that it can be used in place.
#include "soundmodel_data.h"

__attribute__((aligned(16))) const unsigned char soundmodel_data[SOUNDMODEL_SIZE] = {{
{rows}
}};
"""


def write(board: Board, data: bytes, folder: Path) -> None:
    """Writes soundmodel_data.c and .h and soundboard.py, each only if it changes: make goes by their times."""
    folder.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {"board": board.id}
    if board.mic is not None:
        settings["mic"] = board.mic.settings()
    rows = "\n".join("    " + ", ".join(map(str, data[i : i + 24])) + "," for i in range(0, len(data), 24))
    texts = {
        "soundmodel_data.h": _HEADER.format(size=len(data)),
        "soundmodel_data.c": _SOURCE.format(rows=rows),
        "soundboard.py": f"SETTINGS = {settings!r}\n",
    }
    for name, text in texts.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="ascii") != text:
            path.write_text(text, encoding="ascii")
