"""The drives that UF2 boot loaders show: each is known by its INFO_UF2.TXT (github.com/microsoft/uf2, README)."""

from __future__ import annotations

import glob
import os
import shutil
import string
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

_INFO = "INFO_UF2.TXT"
_INFO_BYTES = 4096
_MOUNT_S = 15


@dataclass(frozen=True)
class Drive:
    """A mounted boot loader. board_id: what it says it is, such as RPI-RP2."""

    path: Path
    board_id: str


def mount_points() -> list[Path]:
    """Where this system has small drives mounted, in no order."""
    if sys.platform == "win32":
        return [Path(f"{letter}:\\") for letter in string.ascii_uppercase[3:] if os.path.exists(f"{letter}:\\")]
    if sys.platform == "darwin":
        return [Path(path) for path in glob.glob("/Volumes/*")]
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    words = [line.split(" ") for line in lines]
    return [Path(_plain(word[1])) for word in words if len(word) > 2 and word[2] in ("vfat", "msdos")]


def _plain(word: str) -> str:
    """/proc/mounts writes a space as \\040, and so on."""
    for code, plain in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, plain)
    return word


source: Callable[[], list[Path]] = mount_points  # the one place drives come from; virtual ones put themselves here


def mounted() -> list[Drive]:
    """The boot loader drives that are mounted, by path."""
    found = []
    for path in sorted(source()):
        board_id = _board_id(path)
        if board_id:
            found.append(Drive(path, board_id))
    return found


def _board_id(path: Path) -> str:
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


def mount(labels: Iterable[str]) -> None:
    """Asks the system to mount drives of these labels that are there and not mounted, as a desktop would (Linux)."""
    if not sys.platform.startswith("linux") or shutil.which("udisksctl") is None:
        return
    for label in labels:
        device = Path("/dev/disk/by-label") / label
        if device.exists():
            # It says no when the drive is mounted already, or has just gone: then there is nothing to do.
            words = ["udisksctl", "mount", "--no-user-interaction", "-b", str(device.resolve())]
            try:
                subprocess.run(words, capture_output=True, timeout=_MOUNT_S)
            except (OSError, subprocess.TimeoutExpired):
                return
