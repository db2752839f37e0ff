"""Events of a recording, found by the firmware's own code: `soundsdk sim` as a function."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from os import PathLike
from pathlib import Path
from typing import Any

from soundsdk.detector_file import DetectorFile
from soundsdk.errors import ToolError
from soundsdk.labels import LabelledSpan

# A simulator registers here how it plays a recording to a detector: it returns the events, by onset.
SIMULATORS = "soundsdk.simulators"
Simulator = Callable[[DetectorFile, Path], list[LabelledSpan]]


def detect(path: str | PathLike[str], model: str | PathLike[str] | None = None) -> list[LabelledSpan]:
    """Return the events that a detector finds in a recording, by onset; what a board with it would report.

    for event in soundsdk.detect("clip.wav", model="home"):
        print(f"{event.onset_s:.2f} to {event.offset_s:.2f} s: {event.label} ({event.score:.0%})")

    path: a file of any kind that libsndfile or ffmpeg decodes, of any rate, number of channels and length. model: a
    .tflite file, or a detector that comes with soundsdk (default: home). An event still on at the end ends with the
    recording. score is the highest probability of the event, 0 to 1. Each call starts a fresh board. DataError if the
    recording cannot be used, ModelError if the detector cannot, UsageError for what is no path.
    """
    from soundsdk.models.arguments import check_path
    from soundsdk.models.shipped import load_model

    sound = Path(check_path(path, "a recording"))
    return _simulator()(load_model(model), sound)


def _simulator() -> Simulator:
    found: Any = next(iter(entry_points(group=SIMULATORS)), None)
    if found is None:
        raise ToolError("no installed package simulates a board.", "Install soundsdk again.")
    simulator: Simulator = found.load()
    return simulator
