"""Builds the image of a board with a detector in it, unless the cache has it already."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundsdk.boards import Board
from soundsdk.build import contents, make, sources, toolchain, uf2
from soundsdk.build.sources import Say
from soundsdk.cache import cache_dir, content_sha256, locked
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import ModelError, UsageError
from soundsdk.resources import firmware_dir
from soundsdk.whole_file import write_whole

# The least that MicroPython and soundfw need besides the detector: what cannot fit is an error before anything is
# compiled. The linked image is measured as well.
_FIRMWARE_BYTES = 250 * 1024
_HEAP_RESERVE_BYTES = 48 * 1024


@dataclass(frozen=True)
class BuiltImage:
    """An image file. size_bytes: in flash (a program: its file's size); built: False if it was in the cache.

    elf: the linker's file with symbols, if it was requested.
    """

    path: Path
    size_bytes: int
    sha256: str
    built: bool
    elf: Path | None = None


def build_image(
    board: Board, detector: DetectorFile, given: Path | None, out: Path, say: Say, symbols: bool = False
) -> BuiltImage:
    """Build the image of a board with a detector in it, as `out`/<board>.<suffix>; with `symbols` also <board>.elf.

    given: a folder of sources, instead of fetching them. The file appears whole or not at all. Nothing is compiled if
    nothing it is made from has changed. Two builds of a board at the same time take turns.
    """
    if board.build is None:
        raise UsageError(f"{board.name} needs no image.", "It runs the firmware from this installation.")
    _check_room(board, detector)
    toolchain.check(board)
    source = sources.fetch(given, say)
    folder = cache_dir() / "build" / f"{board.id}-{source.key}"
    target = out / (board.id + Path(board.build.image).suffix)
    with locked(folder, say):
        known, fresh = _make(board, detector, source, folder)
        _place(folder.parent / f"{folder.name}.image", target, executable=board.port == "unix")
        elf = out / f"{board.id}.elf" if symbols else None
        if elf is not None and elf != target:
            _place(folder / "firmware.elf", elf, executable=False)
    return BuiltImage(target, int(known["size_bytes"]), str(known["sha256"]), fresh, elf)


def _make(board: Board, detector: DetectorFile, source: sources.Sources, folder: Path) -> tuple[dict[str, Any], bool]:
    """Make <folder>.image if it is not up to date; return its record, and True if it was made."""
    key = _inputs(board, detector, source)
    record = folder.parent / f"{folder.name}.json"
    kept = folder.parent / f"{folder.name}.image"
    known = _read(record)
    if known is not None and known["inputs"] == key and _has_hash(kept, known["sha256"]):
        return known, False
    record.unlink(missing_ok=True)
    _empty_if_stale(folder, _configuration(board))
    holds = folder.parent / f"{folder.name}.contents"
    contents.write(board, detector.data, holds, detector.name, _build_hash(board, detector, source))
    made = make.compile_firmware(board, source, holds, folder)
    size = measure(board, made)
    data = made.read_bytes()
    if board.uf2 is not None:
        data = uf2.pack(data, board.uf2.address, board.uf2.family)
    kept.write_bytes(data)
    known = {"inputs": key, "sha256": hashlib.sha256(data).hexdigest(), "size_bytes": size}
    record.write_text(json.dumps(known), encoding="ascii")
    return known, True


def _check_room(board: Board, detector: DetectorFile) -> None:
    size = len(detector.data)
    if board.image_bytes and size + _FIRMWARE_BYTES > board.image_bytes:
        raise ModelError(
            f"{detector.path.name} is too large for {board.name}: {size} bytes, and the image has room for "
            f"{board.image_bytes - _FIRMWARE_BYTES}.",
            "Train a smaller one.",
        )
    if board.ram_bytes and detector.arena_bytes + _HEAP_RESERVE_BYTES > board.ram_bytes:
        raise ModelError(
            f"{detector.path.name} is too large for {board.name}: it needs {detector.arena_bytes} bytes of RAM of "
            f"{board.ram_bytes}, and {_HEAP_RESERVE_BYTES} must stay free.",
            "Train a smaller one.",
        )


def _inputs(board: Board, detector: DetectorFile, source: sources.Sources) -> str:
    """Return a hash that changes with anything the image is made from."""
    firmware = firmware_dir()
    files = _hash_files([firmware / "cmodules", firmware / "manifest.py", _soundfw()])
    model = hashlib.sha256(detector.data).hexdigest()
    return hashlib.sha256(f"{_configuration(board)} {source} {files} {model}".encode()).hexdigest()


def _build_hash(board: Board, detector: DetectorFile, source: sources.Sources) -> str:
    """Return the hash that goes into the image: as _inputs(), but the same in whatever folders the inputs lie."""
    firmware = firmware_dir()
    files = _hash_files([firmware / "cmodules", firmware / "manifest.py", firmware / "ports", _soundfw()])
    model = hashlib.sha256(detector.data).hexdigest()
    compiler = toolchain.version(board).partition(" in ")[0]
    return hashlib.sha256(f"{board} {compiler} {source.key} {files} {model}".encode()).hexdigest()


def _soundfw() -> Path:
    return make.soundfw_parent() / "soundfw"


def _configuration(board: Board) -> str:
    """Return a hash that changes with the way things are compiled: make notices a newer file, but not another flag."""
    firmware = firmware_dir()
    files = _hash_files(
        [
            firmware / "ports",
            *sorted(firmware.glob("cmodules/*/*.cmake")),
            *sorted(firmware.glob("cmodules/*/*.mk")),
            Path(__file__).parent,
        ]
    )
    return hashlib.sha256(f"{board} {toolchain.version(board)} {firmware} {files} {_engine()}".encode()).hexdigest()


def _engine() -> str:
    """Return a hash over the tree of TensorFlow Lite Micro, by names, sizes and times; empty for our own engine."""
    if os.environ.get("SOUNDCORE_ENGINE") != "tflm":
        return ""
    tree = Path(os.environ.get("TFLM_DIR") or "/nowhere")
    digest = hashlib.sha256(str(tree).encode())
    for path in sorted((tree / "tensorflow").rglob("*")):
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _hash_files(paths: list[Path]) -> str:
    """Hash the contents of files, and of all files below folders."""
    digest = hashlib.sha256()
    for top in paths:
        for path in sorted(top.rglob("*") if top.is_dir() else [top]):
            if path.is_file() and path.suffix != ".pyc":
                name = path.relative_to(top).as_posix()
                digest.update(f"{name} {content_sha256(path)}\n".encode())
    return digest.hexdigest()


def _empty_if_stale(folder: Path, configuration: str) -> None:
    """Empty a build folder whose contents were compiled in another way."""
    note = folder / "configuration"
    if not note.is_file() or note.read_text(encoding="ascii") != configuration:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        note.write_text(configuration, encoding="ascii")


def measure(board: Board, made: Path) -> int:
    """Return the size of a linked image in flash, in bytes; ModelError if the board has no room for it."""
    size = _flash_bytes(made) if made.suffix == ".elf" else made.stat().st_size
    if board.image_bytes and size > board.image_bytes:
        raise ModelError(
            f"the image is too large for {board.name}: {size} bytes of {board.image_bytes}.",
            "Train a smaller detector.",
        )
    return size


def _flash_bytes(elf: Path) -> int:
    """Add up the segments of a 32-bit little-endian ELF file, in bytes."""
    data = elf.read_bytes()
    table = int.from_bytes(data[28:32], "little")
    size, count = (int.from_bytes(data[at : at + 2], "little") for at in (42, 44))
    headers = [data[table + i * size : table + (i + 1) * size] for i in range(count)]
    return sum(int.from_bytes(h[16:20], "little") for h in headers if h[:4] == b"\1\0\0\0")


def _read(record: Path) -> dict[str, Any] | None:
    try:
        known = json.loads(record.read_text(encoding="ascii"))
        return known if {"inputs", "sha256", "size_bytes"} <= known.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def _has_hash(path: Path, sha256: object) -> bool:
    return path.is_file() and content_sha256(path) == sha256


def _place(kept: Path, target: Path, executable: bool) -> None:
    """Copy the image to its destination, whole or not at all."""
    mode = 0o755 if executable else 0o644
    write_whole(target, kept.read_bytes(), "Give another folder with -o.", parents=True, mode=mode)
