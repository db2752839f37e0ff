"""ESP-IDF, for the ESP32 chips: finds it, runs its idf.py on MicroPython's port, joins its parts.

ESP-IDF (Espressif's libraries and compilers) is installed by its own installer; IDF_PATH names its folder. Its layout
is from its documentation ("Build System", "Get Started"), the versions that MicroPython builds with from
ports/esp32/README.md of MicroPython 1.25.0.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from soundsdk.boards import Board
from soundsdk.errors import SoundsdkError, ToolError

_VERSIONS = ((5, 2), (5, 3), (5, 4))
_PARTS = ("export.sh", "tools/idf.py", "tools/cmake/version.cmake")
# For bash, with ESP-IDF's folder and idf.py's arguments, which export.sh must not see: it would parse them as its own.
_SCRIPT = 'idf=$1; shift; words=("$@"); set --; . "$idf/export.sh" >/dev/null || exit; exec idf.py "${words[@]}"'
_ERASED = b"\xff"


class IdfError(SoundsdkError):
    """ESP-IDF made something else than the board file says."""


def _install(board: Board) -> str:
    assert board.esptool is not None
    other = f" Or take MicroPython's own image: soundsdk flash {board.id} --stock FILE." if board.takes_stock else ""
    return (
        f"Install ESP-IDF v5.4 (docs.espressif.com, ESP-IDF Programming Guide, Get Started) with its tools for "
        f"{board.esptool.chip}, and set IDF_PATH to its folder.{other}"
    )


def version() -> str:
    """Read the version of the ESP-IDF that IDF_PATH names, as "5.4.1"; empty if there is none."""
    try:
        text = (Path(os.environ.get("IDF_PATH") or "/") / _PARTS[-1]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    numbers = dict(re.findall(r"set\(IDF_VERSION_(MAJOR|MINOR|PATCH) (\d+)\)", text))
    return ".".join(numbers.get(part, "0") for part in ("MAJOR", "MINOR", "PATCH"))


def check(board: Board) -> None:
    """Raise ToolError unless IDF_PATH names an ESP-IDF that MicroPython builds with."""
    named = os.environ.get("IDF_PATH")
    if not named:
        raise ToolError(
            f"building for {board.id} needs Espressif's ESP-IDF, and IDF_PATH does not name one.", _install(board)
        )
    for part in _PARTS:
        if not (Path(named) / part).is_file():
            raise ToolError(f"IDF_PATH is {named}, which holds no ESP-IDF: it lacks {part}.", _install(board))
    found = version()
    if tuple(map(int, found.split(".")[:2])) not in _VERSIONS:
        known = ", ".join(f"{major}.{minor}" for major, minor in _VERSIONS)
        raise ToolError(
            f"the ESP-IDF in {named} is {found}, and MicroPython 1.25.0 is built with {known}.", _install(board)
        )


def command(port: Path, folder: Path, settings: list[str]) -> list[str]:
    """Return the command line that builds MicroPython's `port` in `folder`. settings: CMake's -D arguments."""
    idf = str(Path(os.environ["IDF_PATH"]).resolve())
    return ["bash", "-c", _SCRIPT, "bash", idf, "-C", str(port), "-B", str(folder), *settings, "build"]


def environment(base: dict[str, str]) -> dict[str, str]:
    """Return `base` without compiler flags and chip: idf.py gets those from the project, not from the shell."""
    ours = ("CFLAGS", "CXXFLAGS", "ASMFLAGS", "CFLAGS_EXTRA", "IDF_TARGET", "SDKCONFIG", "SDKCONFIG_DEFAULTS")
    env = {key: value for key, value in base.items() if key not in ours}
    # idf.py requires UTF-8.
    return env | {"IDF_PATH": str(Path(os.environ["IDF_PATH"]).resolve()), "LC_ALL": "C.UTF-8"}


def merge(board: Board, folder: Path) -> Path:
    """Write firmware.bin: boot loader, partition table and application, each at its offset, 0xff between.

    It begins with the boot loader, so it is written at that offset. IdfError if ESP-IDF put its parts elsewhere than
    the board file says (flasher_args.json, which it writes for flashing tools), or left one out.
    """
    assert board.esptool is not None
    tool = board.esptool
    image = b""
    try:
        made = json.loads((folder / "flasher_args.json").read_text(encoding="utf-8"))
        parts = {int(offset, 0): folder / name for offset, name in made["flash_files"].items()}
        chip = made["extra_esptool_args"]["chip"]
        if (chip, *sorted(parts)) != (tool.chip, tool.bootloader, tool.partitions, tool.app):
            places = ", ".join(f"{offset:#x}" for offset in sorted(parts))
            raise IdfError(f"ESP-IDF made parts for {chip} at {places}, and {board.id}.toml has other ones.")
        for offset, path in sorted(parts.items()):
            start = offset - tool.bootloader
            if len(image) > start:
                raise IdfError(f"ESP-IDF made parts that overlap: {path.name} begins at {offset:#x}, too early.")
            image = image.ljust(start, _ERASED) + path.read_bytes()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise IdfError(f"ESP-IDF left no complete image in {folder}: {e}.", "Delete that folder and try again.") from e
    merged = folder / "firmware.bin"
    merged.write_bytes(image)
    return merged
