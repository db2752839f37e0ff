"""What the tests of the targets need: skipped aloud where it is missing."""

from __future__ import annotations

import pytest
from rp2040_needs import need_emulator

from soundsdk.boards import find_board
from soundsdk.build import toolchain
from soundsdk.errors import DeviceError
from soundsdk_sim.targets.qemu_machine import emulator


def need(target: str) -> None:
    """Skips unless the target's emulator and the compiler for its image are there."""
    if target == "cpython":
        return
    if target == "rp2040":
        need_emulator()
    board = find_board("rpi_pico" if target == "rp2040" else target.replace("-", "_"))
    try:
        if board.qemu is not None:
            emulator(board)
        toolchain.check(board)
    except (DeviceError, toolchain.ToolError) as error:
        pytest.skip(f"{error.message} {error.hint}")
