"""F1 of events and of segments, as sed_eval defines them.

Mesaros, Heittola and Virtanen, "Metrics for polyphonic sound event detection", Applied Sciences 6(6), 2016.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan

ONSET_COLLAR_S = 0.2
OFFSET_COLLAR_S = 0.2
OFFSET_SHARE = 0.2  # of the true event's length, where that is more than OFFSET_COLLAR_S
SEGMENT_S = 1.0


@dataclass
class MatchCounts:
    """Counts of events or segments that are right, true and found: each (labels,), or (recordings, labels) unsummed."""

    hits: NDArray[np.float64]
    true: NDArray[np.float64]
    found: NDArray[np.float64]

    def f1(self) -> NDArray[np.float64]:
        """Return 2 * hits / (true + found), NaN where there is nothing true."""
        return np.where(self.true > 0, 2 * self.hits / np.maximum(self.true + self.found, 1), np.nan)

    def precision(self) -> NDArray[np.float64]:
        """Return hits / found, 0 where nothing was found."""
        return self.hits / np.maximum(self.found, 1)

    def recall(self) -> NDArray[np.float64]:
        """Return hits / true, NaN where there is nothing true."""
        return np.where(self.true > 0, self.hits / np.maximum(self.true, 1), np.nan)

    def micro_f1(self) -> NDArray[np.float64]:
        """Return the F1 of all labels together: of sums over the last axis."""
        return MatchCounts(self.hits.sum(-1), self.true.sum(-1), self.found.sum(-1)).f1()

    def macro_f1(self) -> NDArray[np.float64]:
        """Return the mean F1 of the labels that are in the truth."""
        f1 = self.f1()
        present = ~np.isnan(f1)
        total = np.where(present, f1, 0.0).sum(-1)
        return np.where(present.any(-1), total / np.maximum(present.sum(-1), 1), np.nan)

    def weighted(self, weights: NDArray[np.float64]) -> MatchCounts:
        """Sum over recordings; weights: (..., recordings), how often each counts."""
        return MatchCounts(weights @ self.hits, weights @ self.true, weights @ self.found)


def stack(counts: Sequence[MatchCounts]) -> MatchCounts:
    """Join the counts of recordings, each (labels,), to (recordings, labels)."""
    return MatchCounts(
        np.array([c.hits for c in counts]), np.array([c.true for c in counts]), np.array([c.found for c in counts])
    )


def event_counts(truth: Sequence[LabelledSpan], found: Sequence[LabelledSpan], labels: Sequence[str]) -> MatchCounts:
    """Count the events of one recording that are right.

    One is if its onset is within ONSET_COLLAR_S of a true one's and its offset within OFFSET_COLLAR_S or OFFSET_SHARE
    of that one's length, whichever is more. Each event is paired once at most, and as many as can be.
    """
    rows = []
    for label in labels:
        wanted = [t for t in truth if t.label == label]
        given = [f for f in found if f.label == label]
        fitting = [[j for j, t in enumerate(wanted) if _fits(t, f)] for f in given]
        rows.append((_pairs(fitting), len(wanted), len(given)))
    return _counts(rows)


def segment_counts(
    truth: Sequence[LabelledSpan], found: Sequence[LabelledSpan], labels: Sequence[str], length_s: float
) -> MatchCounts:
    """Count the segments of SEGMENT_S in which a label is found, is true, and both, in one recording."""
    wanted, given = segment_roll(truth, labels, length_s), segment_roll(found, labels, length_s)
    return MatchCounts((wanted & given).sum(0).astype(float), wanted.sum(0).astype(float), given.sum(0).astype(float))


def segment_roll(spans: Sequence[LabelledSpan], labels: Sequence[str], length_s: float) -> NDArray[np.bool_]:
    """Return which segments each label touches: (segments, labels). Spans that go on after the end are cut there."""
    roll = np.zeros((math.ceil(length_s / SEGMENT_S), len(labels)), np.bool_)
    index = {label: i for i, label in enumerate(labels)}
    for span in spans:
        if span.label in index:
            roll[math.floor(span.onset_s / SEGMENT_S) : math.ceil(span.offset_s / SEGMENT_S), index[span.label]] = True
    return roll


def _fits(true: LabelledSpan, found: LabelledSpan) -> bool:
    collar = max(OFFSET_COLLAR_S, OFFSET_SHARE * (true.offset_s - true.onset_s))
    return abs(true.onset_s - found.onset_s) <= ONSET_COLLAR_S and abs(true.offset_s - found.offset_s) <= collar


def _pairs(fitting: Sequence[Sequence[int]]) -> int:
    """Return the size of the largest matching; fitting: for each found event the true ones it may be paired with."""
    owner: dict[int, int] = {}

    def place(found: int, tried: set[int]) -> bool:
        """Pair a found event, moving others out of its way (an augmenting path)."""
        for true in fitting[found]:
            if true in tried:
                continue
            tried.add(true)
            if true not in owner or place(owner[true], tried):
                owner[true] = found
                return True
        return False

    return sum(place(found, set()) for found in range(len(fitting)))


def _counts(rows: Sequence[tuple[int, int, int]]) -> MatchCounts:
    columns = np.array(rows, np.float64).reshape(len(rows), 3).T
    return MatchCounts(*columns)
