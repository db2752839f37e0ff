"""False alarms and near misses: moments at which a detector gives a label a score that nothing explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan
from soundsdk_train.evaluation.deployed import ScoredRecording

FALSE_ALARM = "false_alarm"
NEAR_MISS = "near_miss"

_BEFORE_S = 0.5  # a label's true sound explains its score this long before it ...
_AFTER_S = 1.5  # ... and after it: the network remembers, and a hold lasts


@dataclass(frozen=True)
class Candidate:
    """One moment. at_s: end of the step with the highest score; score: 0..1; kind: false_alarm or near_miss."""

    at_s: float
    label: str
    score: float
    kind: str


def candidates(
    scored: ScoredRecording, events: Sequence[LabelledSpan], labels: Sequence[str], *, min_score: float, apart_s: float
) -> list[Candidate]:
    """Return the moments of a recording that its truth does not explain, the highest scores first.

    events: what the detector reported. labels: those to look at. min_score: 0..1, for near misses; an event is a false
    alarm whatever its score. Two moments are at least apart_s from each other: of all labels and steps nearer than
    that, the highest score stays, a false alarm before any near miss.
    """
    ends_s = scored.ends / scored.rate_hz
    found: list[Candidate] = []
    for i, label in enumerate(scored.labels):
        if label not in labels:
            continue
        row = scored.scores[:, i]
        explained = [(t.onset_s - _BEFORE_S, t.offset_s + _AFTER_S) for t in scored.truth if t.label == label]
        free = np.ones(len(row), np.bool_)
        for begin, end in explained:
            free &= (ends_s < begin) | (ends_s > end)
        for event in events:
            if event.label == label and not any(event.onset_s < e and event.offset_s > b for b, e in explained):
                at = _highest(row, ends_s, event)
                found.append(Candidate(float(ends_s[at]), label, row[at] / 1000, FALSE_ALARM))
        for at in _peaks(np.where(free, row, -1), round(min_score * 1000)):
            found.append(Candidate(float(ends_s[at]), label, row[at] / 1000, NEAR_MISS))
    kept: list[Candidate] = []
    for one in sorted(found, key=lambda c: (c.kind, -c.score, c.at_s)):
        if all(abs(one.at_s - other.at_s) >= apart_s for other in kept):
            kept.append(one)
    return kept


def _highest(row: NDArray[np.int32], ends_s: NDArray[np.float64], event: LabelledSpan) -> int:
    inside = np.flatnonzero((ends_s > event.onset_s) & (ends_s <= event.offset_s))
    if not len(inside):  # an event shorter than a step
        return int(np.abs(ends_s - event.offset_s).argmin())
    return int(inside[row[inside].argmax()])


def _peaks(row: NDArray[np.int32], least: int) -> NDArray[np.int64]:
    """Return the steps with a score of `least` or more that is higher than before and no lower than after."""
    padded = np.concatenate([[-1], row, [-1]])
    return np.flatnonzero((row >= max(1, least)) & (row > padded[:-2]) & (row >= padded[2:]))
