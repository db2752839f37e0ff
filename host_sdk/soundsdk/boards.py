"""The board files: one TOML per board, read into a dataclass."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path

from soundsdk.errors import UsageError
from soundsdk.resources import boards_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Board:
    """Facts about one board. `id` is the stem of its file's name."""

    id: str
    name: str
    port: str
    arch: str


def read_board(path: Path) -> Board:
    """Reads one board file; UsageError if a key is missing, unknown or not a string."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise UsageError(f"the board file {path.name} cannot be read: {e}.") from e
    expected = {f.name for f in fields(Board)} - {"id"}
    if table.keys() != expected or not all(isinstance(v, str) for v in table.values()):
        raise UsageError(
            f"the board file {path.name} must have exactly these text keys: {', '.join(sorted(expected))}."
        )
    return Board(id=path.stem, **table)


def all_boards(folder: Path | None = None) -> list[Board]:
    """Every board file of the folder (default: those that come with soundsdk), by id."""
    return [read_board(path) for path in sorted((folder or boards_dir()).glob("*.toml"))]
