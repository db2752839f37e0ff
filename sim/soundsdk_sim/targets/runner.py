"""The targets by name, and one call for all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from soundsdk.detector_file import DetectorFile
from soundsdk.errors import UsageError
from soundsdk.labels import LabelledSpan
from soundsdk_sim.board import Run, events_of, features_of
from soundsdk_sim.board import run as run_here
from soundsdk_sim.targets.names import TARGETS

OnLine = Callable[[bytes], None]


def run(
    target: str,
    detector: DetectorFile,
    pcm: NDArray[np.int16],
    on_line: OnLine | None = None,
    realtime: bool = False,
    features: bool = False,
) -> Run:
    """Runs the firmware over a recording at the detector's rate; on_line sees each line as soon as it comes.

    realtime: of cpython and unix only. features: for a plot.

    Event lines are the same bytes on cpython, unix, qemu-arm and qemu-rv32, `seq` included. In status lines `step_us`
    and `heap_free` are the target's own. rp2040 is the board rpi_pico, whose sound never ends: see rp2040.run.

    ModelError if the firmware refuses the detector; DeviceError or ToolError if an emulator or a compiler is missing,
    or if the target stops or says nothing for too long.
    """
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    if target == "cpython":
        return run_here(detector.data, pcm, rate_hz, on_line, realtime, features)
    events: list[LabelledSpan] | None = None
    if target == "unix":
        from soundsdk_sim.targets import unix

        lines = unix.run(detector, pcm, on_line, realtime)
    elif target in ("qemu-arm", "qemu-rv32"):
        from soundsdk_sim.targets import qemu

        lines = qemu.run(target.replace("-", "_"), detector, pcm, on_line)
    elif target == "rp2040":
        from soundsdk_sim.targets import rp2040

        lines = rp2040.run(detector, pcm, on_line)
        events = rp2040.events(lines, rate_hz, len(pcm))
    else:
        raise UsageError(f"there is no target {target}.", "soundsdk knows: " + ", ".join(TARGETS) + ".")
    result = Run(lines, events_of(lines, rate_hz) if events is None else events)
    if features:
        # The chip keeps none; the same C over the same samples gives the same bytes here (tests/conformance).
        result.features = features_of(detector.data, pcm)
    return result
