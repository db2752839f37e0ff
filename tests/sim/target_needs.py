"""Prerequisites of the tests of emulated boards, and the Pico's image: a test without its tools is skipped aloud."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from images import image_of
from soundsdk.boards import find_board
from soundsdk.build import toolchain
from soundsdk.cache import cache_dir
from soundsdk.errors import ToolError
from soundsdk_sim.rp2040 import prerequisites
from soundsdk_sim.targets.names import TARGETS
from soundsdk_sim.targets.qemu_machine import find_emulator


def need_rp2040() -> None:
    """Skip unless Node, rp2040js and the boot ROM are there or can be made."""
    try:
        prerequisites.check()
    except ToolError as error:
        pytest.skip(f"{error.message} {error.hint}")


def need_board(board_id: str) -> None:
    """Skip unless the emulator of a board and the compiler for its image are there."""
    board = find_board(board_id)
    if board.port == "rp2":
        need_rp2040()
    try:
        if board.qemu is not None:
            find_emulator(board)
        if board.build is not None:
            toolchain.check(board)
    except ToolError as error:
        pytest.skip(f"{error.message} {error.hint}")


def need_target(target: str) -> None:
    """Skip unless the emulator of a target and the compiler for its image are there."""
    need_board(TARGETS[target])


@cache
def micropython_uf2(model: str = "home") -> Path:
    """Return the image of rpi_pico with that detector: SOUNDSDK_PICO_UF2, or what soundsdk build makes in its cache."""
    need_rp2040()
    if named := os.environ.get("SOUNDSDK_PICO_UF2"):
        return Path(named)
    return image_of("rpi_pico", cache_dir() / "tests", model)
