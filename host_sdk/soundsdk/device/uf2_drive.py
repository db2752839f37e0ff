"""The drives of UF2 boot loaders: each is known by its INFO_UF2.TXT (github.com/microsoft/uf2, README)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from soundsdk.device.system import THIS_COMPUTER, System

_INFO = "INFO_UF2.TXT"
_INFO_BYTES = 4096


@dataclass(frozen=True)
class Drive:
    """A mounted boot loader drive. board_id: the Board-ID in its INFO_UF2.TXT, such as RPI-RP2."""

    path: Path
    board_id: str


def mounted(system: System | None = None) -> list[Drive]:
    """Return the mounted boot loader drives of a computer (default: this one), by path."""
    found = []
    for path in sorted((system or THIS_COMPUTER).list_mount_points()):
        board_id = _read_board_id(path)
        if board_id:
            found.append(Drive(path, board_id))
    return found


def _read_board_id(path: Path) -> str:
    try:
        with open(path / _INFO, "rb") as file:
            text = file.read(_INFO_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "board-id":
            return value.strip()
    return ""
