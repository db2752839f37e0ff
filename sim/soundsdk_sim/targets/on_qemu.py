"""The target in QEMU: sound and detector are in the chip's memory from the start, the firmware runs at its REPL."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.boards import Board
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import DataError
from soundsdk_sim.board import BLOCK_SAMPLES, STATUS_S
from soundsdk_sim.targets.images import cached_image
from soundsdk_sim.targets.line_collector import SILENCE_S, LineCollector
from soundsdk_sim.targets.qemu_machine import QemuMachine, find_emulator

_ALIGN = 16  # a detector is used in place only if it is aligned

PROGRAM = """
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


def collect_lines(
    board: Board,
    detector: DetectorFile,
    pcm: NDArray[np.int16],
    on_line: Callable[[bytes], None] | None = None,
    program: str = PROGRAM,
) -> list[bytes]:
    """Run the firmware over a recording and return every line, in order.

    board: one with [qemu]; program: what runs at its REPL. Raises ModelError if the firmware refuses the detector,
    DataError if the sound does not fit into the board's memory, ToolError if QEMU is missing, DeviceError if it stops.
    """
    find_emulator(board)  # a missing emulator is reported before an image is built for it
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
        "mic": {"kind": "memory", "address": sound_at, "samples": len(pcm)},
    }
    firmware = cached_image(board.id)
    lines = LineCollector(on_line)
    with tempfile.TemporaryDirectory() as folder:
        extra: list[str] = []
        contents = {"detector": (model_at, detector.data), "sound": (sound_at, pcm.astype("<i2").tobytes())}
        for name, (address, data) in contents.items():
            path = Path(folder) / name
            path.write_bytes(data)
            # QEMU reads two commas in an argument as one.
            file = str(path).replace(",", ",,")
            extra += ["-device", f"loader,file={file},addr={address:#x},force-raw=on"]
        code = program.format(settings=settings, at=model_at, size=len(detector.data))
        with QemuMachine(board, firmware, tuple(extra)) as machine:
            for data in machine.stream(code, SILENCE_S):
                lines.add(data)
    return lines.lines
