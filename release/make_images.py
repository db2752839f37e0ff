"""Compile what travels in the wheel into firmware/images: images of boards, and soundcore.mpy for stock MicroPython.

Usage: python release/make_images.py. Exit code 1 if a board of RP2 or QEMU, or a native module, could not be compiled;
an ESP32 without ESP-IDF is named and left out. The program of this computer (unix) is no board, and differs between the
wheels.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from functools import partial
from pathlib import Path

from soundsdk.boards import Board, all_boards
from soundsdk.build import prebuilt, soundfw_files
from soundsdk.build.builder import compile_board
from soundsdk.build.esp_idf import IdfError
from soundsdk.build.mip_packages import write_packages
from soundsdk.build.native import native_modules, write_modules
from soundsdk.build.native_archs import ARCHS
from soundsdk.errors import ToolError

FOLDER = Path(__file__).resolve().parents[1] / "firmware" / "images"


def released_boards() -> list[Board]:
    """Return the boards whose images a release holds, if they can be compiled."""
    return [board for board in all_boards() if board.build is not None and board.port != "unix"]


def _say(name: str, text: str) -> None:
    print(f"{name}: {text}", flush=True)


def make_images(folder: Path) -> list[str]:
    """Compile all images into an empty folder; return the boards that were left out for want of a compiler."""
    shutil.rmtree(folder, ignore_errors=True)
    left_out = []
    for board in released_boards():
        try:
            made = compile_board(board, partial(_say, board.id))
        except (ToolError, IdfError) as e:
            print(f"{board.id}: left out. {e.message} {e.hint}", flush=True)
            left_out.append(board.id)
            continue
        prebuilt.save(folder, board.id, made.data, made.facts)
        size = (folder / f"{board.id}.xz").stat().st_size
        print(f"{board.id}: {made.facts.flash_bytes} bytes of flash, {size} bytes compressed", flush=True)
    return left_out


def make_native_modules(folder: Path) -> list[Path]:
    """Compile the native modules of all architectures, and soundfw, into a folder; return the modules' paths.

    ToolError: nothing is made.
    """
    modules = native_modules(ARCHS, print)
    for module in modules:
        print(f"{module.file_name}: {len(module.data)} bytes", flush=True)
    paths = write_modules(modules, folder)
    packed = soundfw_files.archive(print)
    (folder / soundfw_files.ARCHIVE).write_bytes(packed)
    print(f"{soundfw_files.ARCHIVE}: {len(packed)} bytes", flush=True)
    return paths


def make_mip_packages(path: Path) -> None:
    """Write a zip of what mip installs on boards with stock MicroPython: to be unpacked on any web server."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        modules = native_modules(ARCHS, print)
        write_modules(modules, folder)
        write_packages(modules, folder, print)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for file in sorted(folder.rglob("*")):
                if file.is_file():
                    info = zipfile.ZipInfo(file.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
                    out.writestr(info, file.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    left_out = set(make_images(FOLDER))
    try:
        make_native_modules(FOLDER)
    except ToolError as e:
        print(f"native modules: left out. {e.message} {e.hint}", flush=True)
        sys.exit(1)
    sys.exit(any(board.id in left_out and board.port in ("rp2", "qemu") for board in released_boards()))
