"""From a board and a detector to a report: builds the image, finds what can run it, measures."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from soundsdk.boards import Board, all_boards
from soundsdk.build.builder import build_image
from soundsdk.build.sources import Say
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import UsageError
from soundsdk_sim.profile import qemu_profile, rp2040_profile
from soundsdk_sim.profile.report import Report

_RV32 = "rv32imc"


def stand_in(board: Board) -> Board:
    """The board whose image is run: this one, or one in QEMU with its instruction set. UsageError if there is none."""
    if (board.arch, board.port) == ("armv6m", "rp2") or (board.arch == _RV32 and board.qemu is not None):
        return board
    if board.port in ("cpython", "unix"):
        raise UsageError(f"{board.name} is no board that could be profiled.", "Profile rpi_pico, or another board.")
    for other in all_boards():
        if board.arch == _RV32 == other.arch and other.qemu is not None:
            return other
    if board.arch == "armv6m":
        raise UsageError(
            f"{board.name} counts neither cycles nor instructions.", "Profile rpi_pico: the same processor, in cycles."
        )
    raise UsageError(
        f"nothing here emulates the processor of {board.name} ({board.arch}).",
        "Profile rpi_pico (Cortex-M0+) or qemu_rv32 for an idea.",
    )


def profile(board: Board, detector: DetectorFile, sources: Path | None, say: Say) -> Report:
    """Measures a detector on a board. ModelError if it does not fit, DeviceError if an emulator is missing."""
    if os.environ.get("SOUNDCORE_ENGINE") == "tflm":
        raise UsageError("the operators of the engine tflm cannot be told apart.", "Unset SOUNDCORE_ENGINE.")
    runs_on = stand_in(board)
    with tempfile.TemporaryDirectory(prefix="soundsdk-") as folder:
        image = build_image(runs_on, detector, sources, Path(folder), say, symbols=True)
        assert image.elf is not None
        say("measuring in the emulator")
        profiler = rp2040_profile if runs_on.qemu is None else qemu_profile
        measured = profiler.measure(runs_on, detector, image.path, image.elf)
    return Report(board, runs_on, detector, measured, image.size_bytes)
