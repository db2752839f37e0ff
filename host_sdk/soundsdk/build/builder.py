"""Builds the image of a board: firmware, compiled only if C or Python has changed, with a detector written into it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from soundsdk.boards import Board
from soundsdk.boards.ways import no_image
from soundsdk.build import contents, engine_code, image_file, make, prebuilt, sources, toolchain
from soundsdk.build.esp_idf import IdfError
from soundsdk.build.prebuilt import CompiledFacts
from soundsdk.build.sources import Say
from soundsdk.cache import cache_dir, files_sha256, locked
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import CheckError, ToolError
from soundsdk.models.fit import check_fit
from soundsdk.resources import firmware_dir
from soundsdk.whole_file import write_whole

_OTHER_FOLDER = "Give another folder with -o."


@dataclass(frozen=True)
class BuiltImage:
    """An image file. size_bytes: in flash (a program: its file's size); compiled: False if only the detector is new.

    elf: the linker's file with symbols, if it was requested.
    """

    path: Path
    size_bytes: int
    sha256: str
    compiled: bool
    elf: Path | None = None


@dataclass(frozen=True)
class Compiled:
    """The file of an image with an empty region, and its facts; fresh: it was compiled now."""

    data: bytes
    facts: CompiledFacts
    fresh: bool


def build_image(
    board: Board, detector: DetectorFile, given: Path | None, out: Path, say: Say, symbols: bool = False
) -> BuiltImage:
    """Build the image of a board with a detector in it, as `out`/<board>.<suffix>; with `symbols` also <board>.elf.

    given: a folder of sources, instead of fetching them. The file appears whole or not at all. The firmware is compiled
    if C, Python or the compiler has changed; a detector is written into the region of what was compiled before, here or
    for the release, and needs no compiler. Two builds of a board at the same time take turns.
    """
    if board.build is None:
        raise no_image(board)
    check_fit(detector, board)  # what cannot fit is an error before anything is compiled
    target = out / (board.id + Path(board.build.image).suffix)
    compiled = None if symbols or given is not None else _prebuilt(board)
    if compiled is not None:
        return _written(compiled, board, detector, target)
    folder = _folder(board, sources.key(given))
    if not _record(folder).exists():
        toolchain.check(board)  # before anything is made in the cache
    with locked(folder, say):
        made = _written(_compiled(board, given, folder, say), board, detector, target)
        elf = out / f"{board.id}.elf" if symbols else None
        if elf is not None and elf != target:
            write_whole(elf, (folder / "firmware.elf").read_bytes(), _OTHER_FOLDER, parents=True)
    return dataclasses.replace(made, elf=elf)


def compile_board(board: Board, say: Say) -> Compiled:
    """Return a board's image with an empty region, for a release: compiled from the pinned sources."""
    folder = _folder(board, sources.key(None))
    with locked(folder, say):
        return _compiled(board, None, folder, say)


def _folder(board: Board, sources_key: str) -> Path:
    return cache_dir() / "build" / f"{board.id}-{sources_key}"


def _record(folder: Path) -> Path:
    return folder.parent / f"{folder.name}.json"


def _written(compiled: Compiled, board: Board, detector: DetectorFile, target: Path) -> BuiltImage:
    """Write the image file with a detector in it."""
    data, size = image_file.with_detector(
        compiled.data, board, detector.name, detector.data, compiled.facts.flash_bytes
    )  # fmt: skip
    write_whole(target, data, _OTHER_FOLDER, parents=True, mode=0o755 if board.port == "unix" else 0o644)
    return BuiltImage(target, size, hashlib.sha256(data).hexdigest(), compiled.fresh)


def _prebuilt(board: Board) -> Compiled | None:
    """Return the image in this package; None if there is none, or C or Python has changed since."""
    found = prebuilt.load(board.id, _made_from(board, sources.key(None)))
    return Compiled(*found, fresh=False) if found else None


def _compiled(board: Board, given: Path | None, folder: Path, say: Say) -> Compiled:
    """Return the image with an empty region: what was compiled before if it is up to date, else compile it.

    Without a compiler what was compiled before is up to date if C and Python are the same.
    """
    made_from = _made_from(board, sources.key(given))
    compiler = _compiler(board)
    record = _record(folder)
    kept = folder.parent / f"{folder.name}.image"
    facts = CompiledFacts.read(record)
    if facts is not None and facts.made_from == made_from and compiler in ("", facts.compiler):
        data = kept.read_bytes() if kept.is_file() else b""
        if hashlib.sha256(data).hexdigest() == facts.sha256:
            engine_code.note(folder, fresh=False)
            return Compiled(data, facts, fresh=False)
    if not compiler:
        toolchain.check(board)
    source = sources.fetch(given, say)
    say("compiling its C and Python, which is new or has changed; from nothing this takes a minute or two")
    record.unlink(missing_ok=True)
    _empty_if_stale(folder, _configuration(board))
    holds = folder.parent / f"{folder.name}.contents"
    contents.write(board, holds, hashlib.sha256(f"{made_from} {compiler}".encode()).hexdigest())
    made = make.compile_firmware(board, source, holds, folder)
    flash_bytes = measure(board, made)
    data = image_file.from_linker(made.read_bytes(), board)
    kept.write_bytes(data)
    facts = CompiledFacts(made_from, compiler, hashlib.sha256(data).hexdigest(), flash_bytes)
    facts.write(record)
    engine_code.note(folder, fresh=True)
    return Compiled(data, facts, fresh=True)


def _made_from(board: Board, sources_key: str) -> str:
    """Return a hash that changes with any C or Python the firmware is made from, wherever it lies."""
    firmware = firmware_dir()
    steps = _steps("esp_idf", "make")
    files = files_sha256([firmware / "cmodules", firmware / "manifest.py", firmware / "ports", _soundfw(), *steps])
    # Of the board file only what gets into an image: a label, a source or a figure of memory makes no other one.
    facts = (board.id, board.port, board.arch, board.image_bytes, board.build, board.uf2, board.esptool)
    return hashlib.sha256(f"{facts} {sources_key} {files} {contents.texts(board)} {_engine()}".encode()).hexdigest()


def _compiler(board: Board) -> str:
    """Return the version of the compiler, as it gets into the image; empty if the board's build lacks a program."""
    try:
        toolchain.check(board)
    except (ToolError, IdfError):
        return ""
    return toolchain.version(board).partition(" in ")[0]


def _soundfw() -> Path:
    return make.soundfw_parent() / "soundfw"


def _steps(*names: str) -> list[Path]:
    """Return the modules of this package that decide what is compiled, and how."""
    return [Path(__file__).with_name(f"{name}.py") for name in names]


def _configuration(board: Board) -> str:
    """Return a hash that changes with the way things are compiled: make notices a newer file, but not another flag."""
    firmware = firmware_dir()
    files = files_sha256(
        [
            firmware / "ports",
            *sorted(firmware.glob("cmodules/*/*.cmake")),
            *sorted(firmware.glob("cmodules/*/*.mk")),
            *sorted(firmware.glob("cmodules/*/*.list")),
            *_steps("esp_idf", "make"),
        ]
    )
    return hashlib.sha256(f"{board} {toolchain.version(board)} {firmware} {files} {_engine()}".encode()).hexdigest()


def _engine() -> str:
    """Return a hash over the tree of TensorFlow Lite Micro, by names, sizes and times; empty for our own engine."""
    if os.environ.get("SOUNDCORE_ENGINE") != "tflm":
        return ""
    tree = Path(os.environ.get("TFLM_DIR") or "/nowhere")
    digest = hashlib.sha256(f"{tree} {os.environ.get('TFLM_KERNELS', '')}".encode())
    for path in sorted((tree / "tensorflow").rglob("*")):
        status = path.stat()
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _empty_if_stale(folder: Path, configuration: str) -> None:
    """Empty a build folder whose contents were compiled in another way."""
    note = folder / "configuration"
    if not note.is_file() or note.read_text(encoding="ascii") != configuration:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        note.write_text(configuration, encoding="ascii")


def measure(board: Board, made: Path) -> int:
    """Return the size of a linked image in flash, in bytes; CheckError if the board has no room for it."""
    size = _flash_bytes(made) if made.suffix == ".elf" else made.stat().st_size
    if board.image_bytes and size > board.image_bytes:
        raise CheckError(
            f"the firmware is too large for {board.name}: {size} bytes of {board.image_bytes}.",
            "Leave something out of it.",
        )
    return size


def _flash_bytes(elf: Path) -> int:
    """Add up the segments of a 32-bit little-endian ELF file, in bytes."""
    data = elf.read_bytes()
    table = int.from_bytes(data[28:32], "little")
    size, count = (int.from_bytes(data[at : at + 2], "little") for at in (42, 44))
    headers = [data[table + i * size : table + (i + 1) * size] for i in range(count)]
    return sum(int.from_bytes(h[16:20], "little") for h in headers if h[:4] == b"\1\0\0\0")
