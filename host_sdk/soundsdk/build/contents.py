"""Texts generated for an image: an empty region for a detector (soundmodel), facts about the board (soundboard)."""

from __future__ import annotations

from pathlib import Path

from soundfw import VERSION
from soundsdk.boards import Board
from soundsdk.build import region

_HEADER = """// Made by soundsdk build.
#define SOUNDMODEL_BYTES ({size})
extern const unsigned char soundmodel_region[];
"""
_SOURCE = """// Made by soundsdk build: an empty region, aligned so that a detector can be used in place.
#include "soundmodel_data.h"

__attribute__((aligned({align}){place})) const unsigned char soundmodel_region[{held}] = {{
{rows}
}};
"""
# Where the linker puts the region at the image's end: it takes no more of the image than its head.
_AT_THE_END = ', used, section(".soundmodel")'
_BUILD_DIGITS = 12


def version(build: str) -> str:
    """Return the version in `hello`: the firmware's, and the start of `build`, a hash of all it is made from."""
    return f"{VERSION}+{build[:_BUILD_DIGITS]}" if build else VERSION


def texts(board: Board, build: str = "") -> dict[str, str]:
    """Return soundmodel_data.c and .h and soundboard.py. build: a hash of all that the image is made from."""
    assert board.build is not None
    settings = {"board": board.id, **({"build": build[:_BUILD_DIGITS]} if build else {}), **board.settings()}
    size = board.build.region_bytes
    head = region.empty(board.id, version(build), size)
    rows = "\n".join("    " + ", ".join(map(str, head[i : i + 24])) + "," for i in range(0, len(head), 24))
    place, size_text = "", str(size)
    if not size:
        assert board.uf2 is not None
        place = _AT_THE_END
        size_text = f"{board.uf2.address + board.image_bytes:#x} - (size_t)soundmodel_region"
    return {
        "soundmodel_data.h": _HEADER.format(size=size_text),
        "soundmodel_data.c": _SOURCE.format(align=region.ALIGN, place=place, held=size or len(head), rows=rows),
        "soundboard.py": f"SETTINGS = {settings!r}\n",
    }


def write(board: Board, folder: Path, build: str = "") -> None:
    """Write the texts into a folder, each only if it changes: make goes by their times."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts(board, build).items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="ascii") != text:
            path.write_text(text, encoding="ascii")
