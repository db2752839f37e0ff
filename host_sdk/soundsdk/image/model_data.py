"""A detector as C data: what the module soundmodel of an image holds."""

from __future__ import annotations

from pathlib import Path

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


def write(data: bytes, folder: Path) -> None:
    """Writes soundmodel_data.c and .h, each only if it changes: make goes by their times."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = "\n".join("    " + ", ".join(map(str, data[i : i + 24])) + "," for i in range(0, len(data), 24))
    texts = {"soundmodel_data.h": _HEADER.format(size=len(data)), "soundmodel_data.c": _SOURCE.format(rows=rows)}
    for name, text in texts.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="ascii") != text:
            path.write_text(text, encoding="ascii")
