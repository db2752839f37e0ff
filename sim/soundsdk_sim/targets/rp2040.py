"""The UF2 of rpi_pico on an emulated RP2040: sound through an I2S microphone, lines over USB."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from soundsdk.boards import find_board
from soundsdk.detector_file import DetectorFile
from soundsdk.device import protocol
from soundsdk.errors import DeviceError
from soundsdk.labels import LabelledSpan
from soundsdk_sim.board import events_of
from soundsdk_sim.rp2040 import Rp2040, tools
from soundsdk_sim.rp2040.wiring import microphone_of
from soundsdk_sim.targets.images import image
from soundsdk_sim.targets.lines import Lines

BOARD = "rpi_pico"
_SLICE_MS = 50.0
_AFTER_MS = 1000.0  # the firmware's buffer holds a quarter of a second, and a step may still be at work
_OPEN_MS = 15000.0  # for events to close in the silence after the recording
_QUIET_MS = 30000.0  # status lines come every 10 s
_ANSWER_MS = 3000.0


def run(detector: DetectorFile, pcm: NDArray[np.int16], on_line: Callable[[bytes], None] | None = None) -> list[bytes]:
    """Every line, in order. ModelError if the firmware refuses the detector; DeviceError if something is missing.

    The board's microphone hears the recording from its first sample on, then silence: until open events have ended,
    but for no more than 15 s. So an event at the end of a recording ends later than on the other targets. The last line
    is a status: how much was captured, and what was lost.
    """
    for needed in (tools.node, tools.node_modules, tools.bootrom):
        needed()  # what is missing is named before anything is built for it
    microphone = microphone_of(find_board(BOARD))
    firmware = image(BOARD, detector)
    lines = Lines(on_line)
    open_events: set[int] = set()
    with Rp2040(firmware, microphone) as board:
        # Before the start: the firmware may listen as soon as it is up.
        board.feed(pcm)
        lines.add(board.boot())
        over_ms = quiet_ms = 0.0
        while over_ms < _AFTER_MS or (open_events and over_ms < _OPEN_MS):
            if not board.sound_waiting:
                over_ms += _SLICE_MS
            new = lines.add(board.run(_SLICE_MS))
            _follow(new, open_events)
            quiet_ms = 0.0 if new else quiet_ms + _SLICE_MS
            if quiet_ms > _QUIET_MS:
                raise _silent(lines, _QUIET_MS)
        board.send(b"\n" + protocol.encode({"type": "status"}) + b"\n")
        begin = len(lines.lines)
        for _ in range(int(_ANSWER_MS / _SLICE_MS)):
            lines.add(board.run(_SLICE_MS))
            if any(b'"type":"status"' in line for line in lines.lines[begin:]):
                return lines.lines
        raise _silent(lines, _ANSWER_MS)


def _silent(lines: Lines, ms: float) -> DeviceError:
    seconds = f"{ms / 1000:.0f} s"
    return DeviceError(f"the emulated board has said nothing for {seconds} of its time; before: {lines.said()}")


def events(lines: list[bytes], rate_hz: int, samples: int) -> list[LabelledSpan]:
    """The events of a recording of so many samples, by onset: as elsewhere, they end with it at the latest."""
    end_s = samples / rate_hz
    found = events_of(lines, rate_hz)
    begun: dict[int, LabelledSpan] = {}
    for message in map(protocol.decode, lines):
        if message is not None and message["type"] == "event":
            if message["edge"] == "on":
                onset_s = message["t"] / rate_hz
                begun[message["id"]] = LabelledSpan(onset_s, math.inf, message["label"], message["score"])
            else:
                begun.pop(message["id"], None)
    found += begun.values()
    within = [replace(e, offset_s=min(e.offset_s, end_s)) for e in found if e.onset_s < end_s]
    return sorted(within, key=lambda e: (e.onset_s, e.label))


def _follow(lines: list[bytes], open_events: set[int]) -> None:
    """Keeps the ids of events that have begun and not ended."""
    for message in map(protocol.decode, lines):
        if message is not None and message["type"] == "event":
            (open_events.add if message["edge"] == "on" else open_events.discard)(message["id"])
