"""The target on an emulated RP2040: the UF2 of rpi_pico, sound through an I2S microphone, lines over USB."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from soundfw.wire import framing
from soundsdk.boards import Board
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import DeviceError
from soundsdk_sim.rp2040 import Rp2040, microphone_of, prerequisites
from soundsdk_sim.targets.images import cached_image
from soundsdk_sim.targets.line_collector import LineCollector

_SLICE_MS = 50.0
_AFTER_MS = 1000.0  # the firmware buffers a quarter of a second, and a step may still be running
_OPEN_MS = 15000.0  # for events to end in the silence after the recording
_QUIET_MS = 30000.0  # status lines come every 10 s
_ANSWER_MS = 3000.0


def collect_lines(
    board: Board, detector: DetectorFile, pcm: NDArray[np.int16], on_line: Callable[[bytes], None] | None = None
) -> list[bytes]:
    """Run the firmware over a recording and return every line, in order.

    The board's microphone gets the recording from its first sample on, then silence until open events have ended, but
    for no more than 15 s. So an event at the end of a recording ends later than on the other targets. The last line
    is a status: how much was captured, and how much was lost.

    Raises ModelError if the firmware refuses the detector, ToolError if a tool is missing, DeviceError if the board
    falls silent.
    """
    prerequisites.check()  # a missing tool is reported before an image is built
    microphone = microphone_of(board)
    firmware = cached_image(board.id, detector)
    lines = LineCollector(on_line)
    with Rp2040(firmware, microphone) as chip:
        # Before power-on: the firmware may read the microphone as soon as it is up.
        chip.feed(pcm)
        lines.add(chip.boot())
        over_ms = quiet_ms = 0.0
        while over_ms < _AFTER_MS or (_open_events(lines.lines) and over_ms < _OPEN_MS):
            if not chip.sound_waiting:
                over_ms += _SLICE_MS
            new = lines.add(chip.run(_SLICE_MS))
            quiet_ms = 0.0 if new else quiet_ms + _SLICE_MS
            if quiet_ms > _QUIET_MS:
                raise _silent(lines, _QUIET_MS)
        chip.send(b"\n" + framing.encode({"type": "status"}) + b"\n")
        begin = len(lines.lines)
        for _ in range(int(_ANSWER_MS / _SLICE_MS)):
            lines.add(chip.run(_SLICE_MS))
            if any(b'"type":"status"' in line for line in lines.lines[begin:]):
                return lines.lines
        raise _silent(lines, _ANSWER_MS)


def _silent(lines: LineCollector, ms: float) -> DeviceError:
    seconds = f"{ms / 1000:.0f} s"
    return DeviceError(f"the emulated board has sent nothing for {seconds} of its time; before: {lines.last_text()}")


def _open_events(lines: list[bytes]) -> int:
    """Return how many events have begun and not ended."""
    return sum((b'"edge":"on"' in line) - (b'"edge":"off"' in line) for line in lines)
