"""One call that runs a recording on any target."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from soundsdk.boards import find_board
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import UsageError
from soundsdk_sim.board import RunResult, Sound, events_of, run_recording
from soundsdk_sim.outputs import OutputChange
from soundsdk_sim.targets.names import DEFAULT, TARGETS


def run_on_target(
    target: str,
    detector: DetectorFile,
    pcm: Sound,
    on_line: Callable[[bytes], None] | None = None,
    realtime: bool = False,
    rules: Mapping[str, str] | None = None,
    on_output: Callable[[OutputChange], None] | None = None,
) -> RunResult:
    """Run the firmware over a recording at the detector's rate; on_line gets each line as soon as it comes.

    realtime: on cpython and unix only. Only cpython plays blocks as they come; for the others they are joined first.
    rules, on_output: see run_recording; on cpython only.

    Event lines are the same bytes on cpython, unix, qemu-arm and qemu-rv32, `seq` included. In status lines `step_us`
    and `heap_free` are the target's own. rp2040 is the board rpi_pico, whose sound never ends: see on_rp2040.

    Raises ModelError if the firmware refuses the detector; DeviceError or ToolError if an emulator or a compiler is
    missing, or if the target stops or sends nothing for too long.
    """
    if target not in TARGETS:
        raise UsageError(f"there is no target {target}.", "soundsdk knows: " + ", ".join(TARGETS) + ".")
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    if target == DEFAULT:
        return run_recording(detector.data, pcm, rate_hz, on_line, realtime, rules=rules, on_output=on_output)
    if rules:
        raise UsageError(f"the outputs of {target} cannot be watched.", f"Leave the rules out, or use {DEFAULT}.")
    if not isinstance(pcm, np.ndarray):
        pcm = np.concatenate([np.zeros(0, np.int16), *pcm])
    board = find_board(TARGETS[target])
    end_s: float | None = None
    if target == "unix":
        from soundsdk_sim.targets import on_unix

        lines = on_unix.collect_lines(detector, pcm, on_line, realtime)
    elif board.qemu is not None:
        from soundsdk_sim.targets import on_qemu

        lines = on_qemu.collect_lines(board, detector, pcm, on_line)
    else:
        from soundsdk_sim.targets import on_rp2040

        lines = on_rp2040.collect_lines(board, detector, pcm, on_line)
        end_s = len(pcm) / rate_hz  # there events end after the recording
    return RunResult(lines, events_of(lines, rate_hz, end_s))
