"""The worst errors of a detector, with the sound around them: what a report shows and plays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan
from soundsdk_train.evaluation.outcomes import JudgedRecording

FALSE_ALARM = "false alarm"
MISS = "miss"
PER_LABEL = 4
_BEFORE_S, _AFTER_S, _LONGEST_S = 1.5, 1.0, 8.0


@dataclass
class Exhibit:
    """A false alarm or a miss. severity: the higher, the worse; for a false alarm the peak of its score, 0-1.

    pcm is a piece of the recording that begins at start_s; scores (steps, labels) in 1/1000 and ends_s (steps,) are
    those of the piece, in seconds of the recording.
    """

    what: str
    span: LabelledSpan
    recording: str
    kind: str
    severity: float
    start_s: float
    rate_hz: int
    pcm: NDArray[np.int16]
    scores: NDArray[np.int32]
    ends_s: NDArray[np.float64]
    truth: list[LabelledSpan]
    events: list[LabelledSpan]

    @property
    def end_s(self) -> float:
        """Time in the recording at which the piece ends."""
        return self.start_s + len(self.pcm) / self.rate_hz


class ExhibitCollector:
    """Keeps, per label, the false alarms with the highest scores and the misses with the lowest."""

    def __init__(self, per_label: int = PER_LABEL) -> None:
        self._per_label = per_label
        self._kept: dict[tuple[str, str], list[Exhibit]] = {}

    def add(self, judged: JudgedRecording, pcm: NDArray[np.int16]) -> None:
        """Consider the errors of one recording, of which pcm is the sound."""
        recording = judged.recording
        for event in judged.false:
            self._keep(FALSE_ALARM, event, event.score or 0.0, judged, pcm)
        for true, own in judged.pairs:
            if not own:
                column = recording.scores[:, recording.labels.index(true.label)]
                ends = recording.ends / recording.rate_hz
                inside = column[(ends > true.onset_s) & (ends <= true.offset_s)]
                self._keep(MISS, true, 1.0 - (int(inside.max()) / 1000 if len(inside) else 0.0), judged, pcm)

    def worst(self, what: str, label: str) -> list[Exhibit]:
        """Return the worst errors of a label, the worst first."""
        return list(self._kept.get((what, label), []))

    def _keep(
        self, what: str, span: LabelledSpan, severity: float, judged: JudgedRecording, pcm: NDArray[np.int16]
    ) -> None:
        kept = self._kept.setdefault((what, span.label), [])
        if len(kept) == self._per_label and kept[-1].severity >= severity:
            return
        kept.append(_cut(what, span, severity, judged, pcm))
        kept.sort(key=lambda exhibit: -exhibit.severity)
        del kept[self._per_label :]


def _cut(what: str, span: LabelledSpan, severity: float, judged: JudgedRecording, pcm: NDArray[np.int16]) -> Exhibit:
    recording = judged.recording
    rate = recording.rate_hz
    first = max(0, round((span.onset_s - _BEFORE_S) * rate))
    after = min(len(pcm), round((span.offset_s + _AFTER_S) * rate), first + round(_LONGEST_S * rate))
    inside = (recording.ends > first) & (recording.ends <= after)
    return Exhibit(
        what,
        span,
        recording.name,
        recording.kind,
        severity,
        first / rate,
        rate,
        pcm[first:after].copy(),
        recording.scores[inside],
        recording.ends[inside] / rate,
        list(recording.truth),
        list(judged.events),
    )
