"""Scores and events of a detector on continuous sound, by the code that runs on the device.

soundcore.Stream computes frontend and model, soundfw the pooling and the events; nothing here needs TensorFlow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan


@dataclass
class HeardLevels:
    """The levels of a recording: (steps, groups of bands), in the units of the firmware's rise.Levels.

    frontend: its settings, of the metadata.
    """

    rows: NDArray[np.int16]
    frontend: dict[str, int]

    def replay(self, step_samples: int) -> Any:
        """Return the firmware's Levels for the detector, before the first step."""
        from soundfw.detect.rise import Levels

        values = step_samples // self.frontend["hop"] * (self.frontend["coefficients"] or self.frontend["bands"])
        return Levels(memoryview(bytes(values)).cast("b"), self.frontend, step_samples)


@dataclass
class ScoredRecording:
    """The scores of one recording, and what is true of it.

    scores: (steps, labels), probabilities in 1/1000 after the firmware's pooling. ends: (steps,), the sample at which
    each step ended. kind: of sound without any label of the model, such as "speech"; "" where there is truth.
    source: the recording it was cut from, "" if it stands for itself. sound_s: seconds of the sound that was given,
    without the quiet that was laid around it. levels: by which events end with their sound; None: by their score alone.
    """

    name: str
    labels: list[str]
    scores: NDArray[np.int32]
    ends: NDArray[np.int64]
    length_samples: int
    rate_hz: int
    step_samples: int
    truth: list[LabelledSpan]
    kind: str = ""
    source: str = ""
    sound_s: float = 0.0
    levels: HeardLevels | None = None

    def __post_init__(self) -> None:
        self.sound_s = self.sound_s or self.length_s

    @property
    def length_s(self) -> float:
        """Duration of all that was scored, in seconds."""
        return self.length_samples / self.rate_hz


@dataclass(frozen=True)
class ReportedEvent(LabelledSpan):
    """One event of the detector; reported_s is when the device would have sent it, its onset is dated back."""

    reported_s: float = 0.0


def score_recording(
    model: bytes,
    pcm: NDArray[np.int16],
    *,
    name: str = "",
    truth: Sequence[LabelledSpan] = (),
    kind: str = "",
    source: str = "",
    sound_s: float = 0.0,
) -> ScoredRecording:
    """Run a detector over mono sound at its rate, from a cold start, and return the scores of every step.

    Raises soundcore.Error if the model cannot be used.
    """
    import soundcore

    from soundfw.detect import detector as firmware

    stream = soundcore.Stream(model)
    metadata = json.loads(bytes(stream.metadata))
    detector = firmware.from_stream(stream, metadata)
    sound = np.ascontiguousarray(pcm, np.int16).tobytes()
    scores: list[list[int]] = []
    levels: list[list[int]] = []
    ends: list[int] = []
    at = 0
    while at < len(pcm):
        at += stream.feed(sound, at)
        if stream.stepped:
            detector.step(stream.scores, stream.attention, at)
            scores.append(list(detector.scores))
            levels.append(list(detector.levels.now))
            ends.append(at)
    labels = list(metadata["labels"])
    return ScoredRecording(
        name,
        labels,
        np.asarray(scores, np.int32).reshape(len(ends), len(labels)),
        np.asarray(ends, np.int64),
        len(pcm),
        int(metadata["frontend"]["rate_hz"]),
        int(stream.step_samples),
        list(truth),
        kind,
        source,
        sound_s,
        HeardLevels(np.asarray(levels, np.int16).reshape(len(ends), len(detector.levels.now)), metadata["frontend"]),
    )


def detect_events(scored: ScoredRecording, detector_settings: Mapping[str, Any]) -> list[ReportedEvent]:
    """Return the events of all labels, by onset, that the firmware's detector makes of the scores and levels.

    detector_settings: the `detector` table of a model's metadata, of which `classes` is read: one dictionary of
    thresholds per label (on, off, min_ms, hold_ms). pool_ms is already in the scores. Raises FirmwareError if a
    threshold is out of range.
    """
    from soundfw.detect import detector as firmware
    from soundfw.detect.thresholds import Thresholds

    thresholds = [
        Thresholds(c["on"], c["off"], c["min_ms"], c["hold_ms"]) for c in detector_settings["classes"]
    ]
    levels = scored.levels.replay(scored.step_samples) if scored.levels else None
    detector = firmware.EventDetector(
        scored.labels, "sigmoid", thresholds, 0, scored.rate_hz, scored.step_samples, (1.0, 0), levels=levels
    )
    found: list[ReportedEvent] = []
    begun: dict[int, tuple[float, float]] = {}
    rate = float(scored.rate_hz)

    def note(now: int) -> None:
        for i, edge in enumerate(detector.edge):
            at_s = detector.time[i] / rate
            if edge == firmware.ON:
                begun[i] = (at_s, now / rate)
            elif edge == firmware.OFF:
                onset_s, reported_s = begun.pop(i)
                found.append(ReportedEvent(onset_s, at_s, scored.labels[i], detector.peak[i] / 1000, reported_s))

    heard = scored.levels.rows.tolist() if scored.levels else [[]] * len(scored.ends)
    for row, level, end in zip(scored.scores.tolist(), heard, scored.ends.tolist(), strict=True):
        detector.scores[:] = row
        if levels is not None:
            levels.now[:] = level
            levels.add()
        if detector.update(end):
            note(end)
    if detector.close(scored.length_samples):
        note(scored.length_samples)
    return sorted(found, key=lambda f: (f.onset_s, f.label))
