"""Profiles a detector on a board: builds the image, picks the emulator, measures."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from soundsdk.boards import Board, find_board
from soundsdk.build.builder import build_image
from soundsdk.build.native import native_module
from soundsdk.build.sources import Say
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import ToolError, UsageError
from soundsdk.stock.fits import needed_bytes
from soundsdk_sim.profile import cycles, instructions
from soundsdk_sim.profile.report import Report
from soundsdk_sim.rp2040 import prerequisites
from soundsdk_sim.targets.names import TARGETS
from soundsdk_sim.targets.qemu_machine import find_emulator


def measured_board(board: Board) -> Board:
    """Return the board whose image is run: this one, or the one in QEMU with its instruction set.

    Raises UsageError if there is none.
    """
    pico, rv32 = (find_board(TARGETS[target]) for target in ("rp2040", "qemu-rv32"))
    if (board.arch, board.port) in ((pico.arch, pico.port), (rv32.arch, rv32.port)):
        return board
    if board.port in ("cpython", "unix"):
        raise UsageError(f"{board.name} is not a board that could be profiled.", "Profile rpi_pico, or another board.")
    if board.arch == rv32.arch:
        return rv32
    if board.arch == pico.arch:
        raise UsageError(
            f"{board.name} counts neither cycles nor instructions.", "Profile rpi_pico: the same processor, in cycles."
        )
    raise UsageError(
        f"nothing here emulates the processor of {board.name} ({board.arch}).",
        "Profile rpi_pico (Cortex-M0+) or qemu_rv32 for an idea.",
    )


def profile_detector(board: Board, detector: DetectorFile, sources: Path | None, say: Say, at_hz: int = 0) -> Report:
    """Build the image of a board with a detector in it, run it in an emulator, and return what it costs.

    sources: a folder with MicroPython and its parts, None to fetch them. at_hz: see Report. say: gets a line for each
    stage. Raises CheckError if the detector does not fit the board, ToolError if a compiler or an emulator is missing,
    UsageError for a board that nothing here emulates.
    """
    if os.environ.get("SOUNDCORE_ENGINE") == "tflm":
        raise UsageError("the operators of the engine tflm cannot be measured apart.", "Unset SOUNDCORE_ENGINE.")
    runs_on = measured_board(board)
    # A missing emulator is reported before an image is built.
    if runs_on.qemu is None:
        prerequisites.check()
    else:
        find_emulator(runs_on)
    with tempfile.TemporaryDirectory(prefix="soundsdk-") as folder:
        image = build_image(runs_on, detector, sources, Path(folder), say, symbols=True)
        assert image.elf is not None
        say("measuring in the emulator")
        emulator = cycles if runs_on.qemu is None else instructions
        measured = emulator.measure(runs_on, detector, image.path, image.elf)
    return Report(board, runs_on, detector, measured, image.size_bytes, _stock_bytes(board, detector, say), at_hz)


def _stock_bytes(board: Board, detector: DetectorFile, say: Say) -> int | None:
    """Return the heap that a detector takes on MicroPython's own image; None without one, or without its module."""
    if board.stock is None:
        return None
    try:
        module = native_module(board.stock.native, say)
    except ToolError:
        return None
    return needed_bytes(board, len(module.data), detector)
