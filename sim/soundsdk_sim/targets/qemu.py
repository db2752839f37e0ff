"""A chip in QEMU: sound and detector lie in its memory from the start, the firmware runs at its REPL."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.boards import find_board
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import DataError
from soundsdk_sim.board import BLOCK_SAMPLES, STATUS_S
from soundsdk_sim.targets.images import image
from soundsdk_sim.targets.lines import SILENCE_S, Lines
from soundsdk_sim.targets.qemu_machine import Qemu, emulator

_ALIGN = 16  # a detector is used in place only if it is aligned

# The sound comes block by block and never waits, so a ring of two blocks is enough.
_PROGRAM = """
import sys, uctypes
from soundfw.main import App
from soundfw.mic.microphone import open_source
from soundfw.settings import Settings
settings = Settings({settings!r})
model = uctypes.bytearray_at({at}, {size})
app = App(settings, lambda rate_hz: open_source(settings.mic, rate_hz), sys.stdout.write, model=model)
app.start()
while app.step(): pass
"""


def run(
    board_id: str, detector: DetectorFile, pcm: NDArray[np.int16], on_line: Callable[[bytes], None] | None = None
) -> list[bytes]:
    """Every line, in order. ModelError if the firmware refuses the detector; DeviceError without QEMU or if it stops.

    board_id: a board with [qemu]. DataError if the sound does not fit into its memory.
    """
    board = find_board(board_id)
    emulator(board)  # what is missing is named before anything is built for it
    assert board.qemu is not None
    model_at = board.qemu.data_at
    sound_at = model_at + -(-len(detector.data) // _ALIGN) * _ALIGN
    room = model_at + board.qemu.data_bytes - sound_at
    if 2 * len(pcm) > room:
        minutes = room / 2 / int(detector.metadata["frontend"]["rate_hz"]) / 60
        raise DataError(
            f"the recording does not fit into the memory of {board.name}, which has room for {minutes:.0f} minutes.",
            "Cut it into parts.",
        )
    settings = {
        "board": "sim",
        "status_s": STATUS_S,
        "block_samples": BLOCK_SAMPLES,
        "blocks": 2,
        "mic": {"kind": "memory", "address": sound_at, "samples": len(pcm)},
    }
    firmware = image(board.id)
    lines = Lines(on_line)
    with tempfile.TemporaryDirectory() as folder:
        extra: list[str] = []
        contents = {"detector": (model_at, detector.data), "sound": (sound_at, pcm.astype("<i2").tobytes())}
        for name, (address, data) in contents.items():
            path = Path(folder) / name
            path.write_bytes(data)
            # In such an argument a comma is written twice.
            file = str(path).replace(",", ",,")
            extra += ["-device", f"loader,file={file},addr={address:#x},force-raw=on"]
        program = _PROGRAM.format(settings=settings, at=model_at, size=len(detector.data))
        with Qemu(board, firmware, tuple(extra)) as machine:
            for data in machine.stream(program, SILENCE_S):
                lines.add(data)
    return lines.lines
