"""Operators whose loops are made for ARMv6-M equal this computer's, on random models on an emulated Cortex-M0.

This computer's equal TensorFlow Lite Micro's on the same kinds of models (tests/core/test_model_operators.py).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import program
import pytest

from images import image_of
from soundsdk.boards import find_board
from soundsdk_sim.targets.qemu_machine import QemuMachine

MODELS_EACH = int(os.environ.get("SOUNDSDK_MODELS_EACH", "24"))
PIECE_S = 300
OPERATORS = ("ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "LOGISTIC", "MUL", "QUANTIZE", "SUB", "TANH")


def test_random_models_give_the_same_bytes(tmp_path: Path) -> None:
    board = find_board("qemu_arm")
    assert board.qemu is not None
    if shutil.which(board.qemu.program) is None:
        pytest.skip(f"{board.qemu.program} is not installed")
    pieces = list(program.operators(OPERATORS, MODELS_EACH))
    expected = program.run_here(pieces)
    printed = ""
    with QemuMachine(board, image_of("qemu_arm", tmp_path)) as machine:
        for piece in pieces:
            printed += machine.exec(piece, PIECE_S)
    assert printed.splitlines() == expected
    # Three inputs each; a few models are beyond what soundcore takes.
    assert sum(line.startswith("invoked") for line in expected) > 2 * len(OPERATORS) * MODELS_EACH
