"""From a board and a detector to an image file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundsdk.boards import Board
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import ModelError, UsageError
from soundsdk.resources import firmware_dir

from soundsdk.build import contents, make, sources, tools, uf2
from soundsdk.build.lock import only_one
from soundsdk.build.sources import Say

# What MicroPython and soundfw need besides the detector, at least. For a refusal before anything is compiled; the
# linked image is measured as well.
_FIRMWARE_BYTES = 250 * 1024
_HEAP_RESERVE_BYTES = 48 * 1024


@dataclass(frozen=True)
class Image:
    """An image that was made. size_bytes: in flash (of a program: of its file); built: whether anything was done.

    elf: the linker's file with symbols, where it was asked for.
    """

    path: Path
    size_bytes: int
    sha256: str
    built: bool
    elf: Path | None = None


def build(
    board: Board, detector: DetectorFile, given: Path | None, out: Path, say: Say, symbols: bool = False
) -> Image:
    """Makes the image of a board with a detector in it, as `out`/<board>.<suffix>; with `symbols` also <board>.elf.

    The file appears whole or not at all. Nothing is done when nothing it is made from has changed. Two builds of
    a board at the same time take turns.
    """
    if board.build is None:
        raise UsageError(f"{board.name} needs no image.", "It runs the firmware from this installation.")
    _check_room(board, detector)
    tools.check(board)
    source = sources.get(given, say)
    folder = sources.cache_dir() / "build" / f"{board.id}-{source.key}"
    target = out / (board.id + Path(board.build.image).suffix)
    with only_one(folder, say):
        known, fresh = _make(board, detector, source, folder)
        _place(folder.parent / f"{folder.name}.image", target, executable=board.port == "unix")
        elf = out / f"{board.id}.elf" if symbols else None
        if elf is not None and elf != target:
            _place(folder / "firmware.elf", elf, executable=False)
    return Image(target, int(known["size_bytes"]), str(known["sha256"]), fresh, elf)


def _make(board: Board, detector: DetectorFile, source: sources.Sources, folder: Path) -> tuple[dict[str, Any], bool]:
    """Makes <folder>.image if need be; what is known of it, and whether anything was done."""
    key = _inputs(board, detector, source)
    record = folder.parent / f"{folder.name}.json"
    kept = folder.parent / f"{folder.name}.image"
    known = _read(record)
    if known is not None and known["inputs"] == key and _is(kept, known["sha256"]):
        return known, False
    record.unlink(missing_ok=True)
    _renew(folder, _configuration(board))
    holds = folder.parent / f"{folder.name}.contents"
    contents.write(board, detector.data, holds, detector.name, _build_hash(board, detector, source))
    made = make.run(board, source, holds, folder)
    size = _measure(board, made)
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
    """Changes with anything the image is made from."""
    firmware = firmware_dir()
    files = _hash_files([firmware / "cmodules", firmware / "manifest.py", _soundfw()])
    model = hashlib.sha256(detector.data).hexdigest()
    return hashlib.sha256(f"{_configuration(board)} {source} {files} {model}".encode()).hexdigest()


def _build_hash(board: Board, detector: DetectorFile, source: sources.Sources) -> str:
    """Goes into the image: changes with what it is made from, and is the same wherever that lies."""
    firmware = firmware_dir()
    files = _hash_files([firmware / "cmodules", firmware / "manifest.py", firmware / "ports", _soundfw()])
    model = hashlib.sha256(detector.data).hexdigest()
    compiler = tools.version(board).partition(" in ")[0]
    return hashlib.sha256(f"{board} {compiler} {source.key} {files} {model}".encode()).hexdigest()


def _soundfw() -> Path:
    return make.soundfw_parent() / "soundfw"


def _configuration(board: Board) -> str:
    """Changes with what decides how things are compiled: make sees a newer file, but not another flag."""
    firmware = firmware_dir()
    files = _hash_files(
        [
            firmware / "ports",
            *sorted(firmware.glob("cmodules/*/*.cmake")),
            *sorted(firmware.glob("cmodules/*/*.mk")),
            Path(__file__).parent,
        ]
    )
    return hashlib.sha256(f"{board} {tools.version(board)} {firmware} {files} {_engine()}".encode()).hexdigest()


def _engine() -> str:
    """Of another engine than the built-in one: its name and the tree it is compiled from, by names, sizes and times."""
    if os.environ.get("SOUNDCORE_ENGINE") != "tflm":
        return ""
    tree = Path(os.environ.get("TFLM_DIR") or "/nowhere")
    digest = hashlib.sha256(str(tree).encode())
    for path in sorted((tree / "tensorflow").rglob("*")):
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _hash_files(paths: list[Path]) -> str:
    """Over the contents of files, and of all files below folders."""
    digest = hashlib.sha256()
    for top in paths:
        for path in sorted(top.rglob("*") if top.is_dir() else [top]):
            if path.is_file() and path.suffix != ".pyc":
                name = path.relative_to(top).as_posix()
                digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _renew(folder: Path, configuration: str) -> None:
    """Empties a build folder that was made in another way."""
    note = folder / "configuration"
    if not note.is_file() or note.read_text(encoding="ascii") != configuration:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        note.write_text(configuration, encoding="ascii")


def _measure(board: Board, made: Path) -> int:
    """Bytes in flash; ModelError if they are more than the board has room for."""
    size = _flash_bytes(made) if made.suffix == ".elf" else made.stat().st_size
    if board.image_bytes and size > board.image_bytes:
        raise ModelError(
            f"the image is too large for {board.name}: {size} bytes of {board.image_bytes}.",
            "Train a smaller detector.",
        )
    return size


def _flash_bytes(elf: Path) -> int:
    """Bytes of a 32-bit little-endian ELF file's segments."""
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


def _is(path: Path, sha256: object) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def _place(kept: Path, target: Path, executable: bool) -> None:
    """Copies the image to where it was asked for, whole or not at all."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, unfinished)
        unfinished.chmod(0o755 if executable else 0o644)
        unfinished.replace(target)
    except OSError as e:
        raise UsageError(f"{target} cannot be written: {e.strerror or e}.", "Give another folder with -o.") from e
    finally:
        unfinished.unlink(missing_ok=True)
