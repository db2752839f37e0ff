"""False alarms and near misses: moments at which a detector gives a label a score that nothing explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan
from soundsdk_train.mining.listener import Heard

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
    heard: Heard, labels: Sequence[str], truth: Sequence[LabelledSpan], *, min_score: float, apart_s: float
) -> list[Candidate]:
    """Return the moments of a recording that no truth explains, the highest scores first.

    labels: of the scores, in order. truth: spans in which a label's score is right. min_score: 0..1, for near misses;
    an event is a false alarm whatever its score. Two moments are at least apart_s from each other: of all labels
    and steps nearer than that, the highest score stays, a false alarm before any near miss.
    """
    found: list[Candidate] = []
    for i, label in enumerate(labels):
        explained = [(t.onset_s - _BEFORE_S, t.offset_s + _AFTER_S) for t in truth if t.label == label]
        free = np.ones(len(heard.ends_s), np.bool_)
        for begin, end in explained:
            free &= (heard.ends_s < begin) | (heard.ends_s > end)
        for event in heard.events:
            if event.label == label and not any(event.onset_s < e and event.offset_s > b for b, e in explained):
                at = _highest(heard, i, event.onset_s, event.offset_s)
                found.append(Candidate(float(heard.ends_s[at]), label, heard.scores[at, i] / 1000, FALSE_ALARM))
        row = np.where(free, heard.scores[:, i], -1)
        for at in _peaks(row, round(min_score * 1000)):
            found.append(Candidate(float(heard.ends_s[at]), label, row[at] / 1000, NEAR_MISS))
    kept: list[Candidate] = []
    for one in sorted(found, key=lambda c: (c.kind, -c.score, c.at_s)):
        if all(abs(one.at_s - other.at_s) >= apart_s for other in kept):
            kept.append(one)
    return kept


def _highest(heard: Heard, label: int, begin_s: float, end_s: float) -> int:
    inside = np.flatnonzero((heard.ends_s > begin_s) & (heard.ends_s <= end_s))
    if not len(inside):  # an event shorter than a step
        return int(np.abs(heard.ends_s - end_s).argmin())
    return int(inside[heard.scores[inside, label].argmax()])


def _peaks(row: NDArray[np.int32], least: int) -> NDArray[np.int64]:
    """Return the steps with a score of `least` or more that is higher than before and no lower than after."""
    padded = np.concatenate([[-1], row, [-1]])
    return np.flatnonzero((row >= max(1, least)) & (row > padded[:-2]) & (row >= padded[2:]))
