"""Bytes of flash that the network's engine takes in a board's image: read from the linker's map, noted per engine.

Two images of a board, one with each engine, say what the choice costs. An engine's figure is all that is linked of it:
what its operators share, the library, and of TensorFlow Lite Micro the C++ library that it needs.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from soundsdk.build import sources
from soundsdk.cache import cache_dir, files_sha256
from soundsdk.resources import firmware_dir
from soundsdk.whole_file import write_whole

_NOTE = ".engines.json"
_MOST_BYTES = 1 << 28  # of a map's text
# Objects of an engine. Of nn/ both need the checks and the reading of files.
_OBJECTS = re.compile(r"(^|/)(soundcore/nn/|tensorflow/(lite|compiler)/|cmsis_nn/|esp[-_]nn/)|lib(stdc|supc)\+\+\.a\(")
# Sections that take no flash.
_ELSEWHERE = re.compile(
    r"\.(s?bss|tbss|noinit|uninitialized|debug|comment|note|stab|group|gnu\.lto|riscv\.attr|ARM\.attr|xtensa\.info|xt\.)"
    r"|COMMON"
)
_SECTION = re.compile(r"^ (?P<name>[.\w][^\s]*)?\s+0x(?P<at>[0-9a-f]+)\s+0x(?P<size>[0-9a-f]+) (?P<object>\S.*)$")
_LONG_NAME = re.compile(r"^ ([.\w][^\s]*)$")  # goes on in the next line


@dataclass(frozen=True)
class EngineCode:
    """Bytes of flash for each engine's code in images of a board. None: no such image was built here of this C."""

    board: str
    soundcore: int | None
    tflm: int | None

    def __str__(self) -> str:
        """Return them as the text of a line."""
        said = [
            f"{'not built here' if size is None else f'{size:,} bytes of flash'} in {name}"
            for name, size in (("soundcore", self.soundcore), ("TensorFlow Lite Micro", self.tflm))
        ]
        return ", ".join(said)


@dataclass(frozen=True)
class _Figure:
    """A figure in the file. core: the hash of the C that was linked."""

    size_bytes: int
    core: str


def linked_bytes(text: str) -> int:
    """Add up, in bytes, what the map of GNU ld says of an engine's objects in flash."""
    _, _, placed = text.partition("Linker script and memory map")
    total, name = 0, ""
    for line in placed.splitlines():
        if line.startswith("OUTPUT("):
            break
        if found := _LONG_NAME.match(line):
            name = found[1]
            continue
        found = _SECTION.match(line)
        section = found["name"] or name if found else ""
        name = ""
        if found and int(found["at"], 16) and _OBJECTS.search(found["object"]) and not _ELSEWHERE.match(section):
            total += int(found["size"], 16)
    return total


def note(folder: Path, fresh: bool) -> None:
    """Keep the figure of what was linked in a build's folder, for the engine of the environment, beside the folder.

    fresh: it was linked now; else a figure that is there stays. Nothing is noted where there is no map.
    """
    path = folder.parent / f"{folder.name}{_NOTE}"
    engine = "tflm" if os.environ.get("SOUNDCORE_ENGINE") == "tflm" else "soundcore"
    noted, core = _read(path), _core()
    if not fresh and engine in noted and noted[engine].core == core:
        return
    maps = [path for path in sorted(folder.glob("*.map")) if path.stat().st_size <= _MOST_BYTES]
    size = sum(linked_bytes(path.read_text(encoding="utf-8", errors="replace")) for path in maps[:1])
    if size:
        noted[engine] = _Figure(size, core)
        rows = {name: asdict(figure) for name, figure in noted.items()}
        write_whole(path, json.dumps(rows).encode("ascii"))


def of_board(board: str) -> EngineCode:
    """Return what is noted for a board's images of this C."""
    noted = _read(cache_dir() / "build" / f"{board}-{sources.key(None)}{_NOTE}")
    core = _core() if noted else ""
    sizes = {engine: figure.size_bytes for engine, figure in noted.items() if figure.core == core}
    return EngineCode(board, sizes.get("soundcore"), sizes.get("tflm"))


def of_both() -> list[EngineCode]:
    """Return the boards of which an image with each engine was built here."""
    end = f"-{sources.key(None)}{_NOTE}"
    boards = sorted(path.name.removesuffix(end) for path in (cache_dir() / "build").glob(f"*{end}"))
    found = [of_board(board) for board in boards]
    return [code for code in found if code.soundcore is not None and code.tflm is not None]


def _core() -> str:
    """Return a hash of soundcore's sources: another C has other figures."""
    return files_sha256([firmware_dir() / "cmodules"])


def _read(path: Path) -> dict[str, _Figure]:
    """Return the figures of a file by engine; none if it is missing or not one."""
    try:
        noted = {engine: _Figure(**row) for engine, row in json.loads(path.read_text(encoding="ascii")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
    good = all(type(one.size_bytes) is int and isinstance(one.core, str) for one in noted.values())
    return noted if good else {}
