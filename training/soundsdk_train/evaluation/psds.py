"""The polyphonic sound detection score (PSDS), from scores: exact over all thresholds.

Bilen, Ferroni, Tuveri, Azcarreta and Krstulović, "A framework for the robust evaluation of sound event detection",
ICASSP 2020; computed from scores instead of from a few thresholds as proposed by Ebbers, Serizel and Haeb-Umbach,
"Threshold-independent evaluation of sound event detection scores", ICASSP 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan

F64 = NDArray[np.float64]
_CELLS = 1 << 22  # of one array, in the counting of detections
_DECIMALS = 6  # of sums of seconds, before they are compared: what they differ by beyond is rounding


@dataclass(frozen=True)
class PsdsSettings:
    """Rules by which a detection counts. Shares are 0..1.

    detection_tolerance (DTC): share of a detected event that lies in true ones, for it not to be false. truth_coverage
    (GTC): share of a true event that such detections cover, for it to be found. cross_tolerance (CTTC): share of a
    false one that lies in another label, for it to be a cross trigger. cross_weight (alpha_ct) and spread_weight
    (alpha_st): weights of cross triggers and of the standard deviation over labels. max_rate: false positives per hour.
    """

    detection_tolerance: float
    truth_coverage: float
    cross_tolerance: float | None
    cross_weight: float
    spread_weight: float
    max_rate: float = 100.0


# DCASE task 4: PSDS1 asks for exact times, PSDS2 for the right label.
PSDS1 = PsdsSettings(0.7, 0.7, None, 0.0, 1.0)
PSDS2 = PsdsSettings(0.1, 0.1, 0.3, 0.5, 1.0)


@dataclass
class ScoredTruth:
    """The scores of one recording, (steps, labels), the times at which steps begin and the last ends, and its truth."""

    scores: NDArray[np.number]
    edges_s: F64  # (steps + 1,)
    truth: Sequence[LabelledSpan]
    length_s: float


@dataclass
class Psds:
    """The score of all labels together, and that of each alone, without the spread between them. All are 0..1."""

    score: float
    labels: list[float]


class PsdsCounts:
    """Counts at every threshold of each recording, from which the score of any resample follows.

    Spans of one label that overlap or touch in the truth are taken as one.
    """

    def __init__(self, recordings: Sequence[ScoredTruth], labels: Sequence[str], settings: PsdsSettings) -> None:
        self.settings = settings
        self.hours: F64 = np.array([r.length_s / 3600 for r in recordings])
        spans = [[_merged(r.truth, label) for label in labels] for r in recordings]
        self.true: F64 = np.array([[len(s) for s in row] for row in spans], np.float64)  # (recordings, labels)
        self.true_hours: F64 = np.array([[(s[:, 1] - s[:, 0]).sum() / 3600 for s in row] for row in spans])
        # Per label: (1 + 1 + labels, recordings, thresholds): true positives, false positives, cross triggers.
        self.curves: list[F64] = []
        for c in range(len(labels)):
            parts = [
                _count(r.scores[:, c], r.edges_s, row, c, settings) for r, row in zip(recordings, spans, strict=True)
            ]
            self.curves.append(_on_common_thresholds(parts))

    def psds(self, weights: F64 | None = None) -> Psds:
        """Compute the score; weights: (recordings,), how often each recording counts (default: once).

        Where weights leave nothing true of a label, it does not count; NaN if that is so of all.
        """
        once = np.ones(len(self.hours)) if weights is None else weights
        counted = [c for c in range(len(self.curves)) if weights is None or weights @ self.true[:, c] > 0]
        if not counted:
            return Psds(np.nan, [np.nan] * len(self.curves))
        every = [self._roc(c, once) for c in range(len(self.curves))]
        rocs = [every[c] for c in counted]
        limit = self.settings.max_rate
        rates = np.unique(np.concatenate([rate for rate, _ in rocs]))
        found = np.array([_previous(rate, share, rates) for rate, share in rocs])
        together = np.maximum(found.mean(0) - self.settings.spread_weight * found.std(0), 0.0)
        alone = [_staircase(rate, share, limit) / limit for rate, share in every]
        return Psds(_staircase(rates, together, limit) / limit, alone)

    def _roc(self, c: int, weights: F64) -> tuple[F64, F64]:
        """Return effective false positives per hour, ascending, and the highest share of true events found so far."""
        hits, false, *crossed = np.einsum("r,krt->kt", weights, self.curves[c])
        share = hits / max(float(weights @ self.true[:, c]), 1.0)
        rate = false / float(weights @ self.hours)
        if self.settings.cross_tolerance is not None and len(crossed) > 1:
            hours = weights @ self.true_hours
            other = [x / max(float(hours[k]), 1e-12 / 3600) for k, x in enumerate(crossed) if k != c]
            rate = rate + self.settings.cross_weight * np.mean(other, axis=0)
        order = np.lexsort((share, rate))
        rate, share = rate[order], np.maximum.accumulate(share[order])
        last = np.append(np.flatnonzero(np.diff(rate)), len(rate) - 1)
        rate, share = rate[last], share[last]
        inside = rate <= self.settings.max_rate
        return rate[inside], share[inside]


def _merged(truth: Sequence[LabelledSpan], label: str) -> F64:
    """Return the spans of a label as (spans, 2) onsets and offsets, those that overlap or touch made one."""
    out: list[list[float]] = []
    for onset, offset in sorted((t.onset_s, t.offset_s) for t in truth if t.label == label):
        if out and onset <= out[-1][1]:
            out[-1][1] = max(out[-1][1], offset)
        else:
            out.append([onset, offset])
    return np.array(out, np.float64).reshape(len(out), 2)


def _count(
    scores: NDArray[np.number], edges_s: F64, spans: Sequence[F64], c: int, settings: PsdsSettings
) -> tuple[F64, F64]:
    """Count for one recording and label c what is detected when a score of each of its values or more detects.

    Returns (thresholds,) ascending and (2 + labels, thresholds): true positives, false positives, cross triggers.
    """
    values = np.unique(scores)
    # An hour has 28,000 steps, and any of them may begin a detection: not all thresholds at once.
    at_once = max(1, _CELLS // ((len(scores) + 2) * (1 + max(map(len, spans), default=0))))
    blocks = [values[i : i + at_once] for i in range(0, len(values), at_once)] or [values]
    counts = [_count_at(block, scores, edges_s, spans, c, settings) for block in blocks]
    return values.astype(np.float64), np.concatenate(counts, axis=1)


def _count_at(
    values: NDArray[np.number],
    scores: NDArray[np.number],
    edges_s: F64,
    spans: Sequence[F64],
    c: int,
    settings: PsdsSettings,
) -> F64:
    """Return the counts (2 + labels, thresholds) at some thresholds."""
    padded = np.zeros((len(values), len(scores) + 2), np.int8)
    padded[:, 1:-1] = scores >= values[:, None]
    change = np.diff(padded, axis=1)
    # Both are in order of threshold, then time: the ends belong to the beginnings, one by one.
    threshold, begin = np.nonzero(change == 1)
    onset, offset = edges_s[begin], edges_s[np.nonzero(change == -1)[1]]
    length = offset - onset
    own = _overlap(onset, offset, spans[c])  # (detections, spans)
    relevant = _rounded(own.sum(1)) >= _rounded(settings.detection_tolerance * length)

    def per_threshold(weights: NDArray[Any]) -> F64:
        return np.bincount(threshold, weights.astype(np.float64), len(values)).astype(np.float64)

    out = np.zeros((2 + len(spans), len(values)))
    for k, (true_onset, true_offset) in enumerate(spans[c]):
        covered = _rounded(per_threshold(own[:, k] * relevant))
        out[0] += covered >= _rounded(np.float64(settings.truth_coverage * (true_offset - true_onset)))
    out[1] = per_threshold(~relevant)
    if settings.cross_tolerance is not None:
        for k, other in enumerate(spans):
            if k != c and len(other):
                shared = _rounded(_overlap(onset, offset, other).sum(1) * ~relevant)
                out[2 + k] = per_threshold(shared >= _rounded(settings.cross_tolerance * length))
    return out


def _on_common_thresholds(parts: Sequence[tuple[F64, F64]]) -> F64:
    """Return the counts (kinds, recordings, thresholds) at the thresholds of all recordings, and above the highest."""
    common = np.unique(np.concatenate([values for values, _ in parts]))
    out = np.zeros((len(parts[0][1]), len(parts), len(common) + 1))
    for r, (values, counts) in enumerate(parts):
        at = np.searchsorted(values, common)  # what detects is the same up to the next value that occurs
        inside = at < len(values)
        out[:, r, :-1][:, inside] = counts[:, at[inside]]
    return out


def _overlap(onset: F64, offset: F64, spans: F64) -> F64:
    return np.maximum(np.minimum(offset[:, None], spans[:, 1]) - np.maximum(onset[:, None], spans[:, 0]), 0.0)


def _rounded(seconds: F64 | np.float64) -> F64:
    return np.round(seconds, _DECIMALS)


def _previous(rate: F64, share: F64, at: F64) -> F64:
    """Return the share at the last rate that is not above `at`, 0 before the first."""
    index = np.searchsorted(rate, at, side="right") - 1
    return np.where(index >= 0, share[np.maximum(index, 0)], 0.0)


def _staircase(rate: F64, share: F64, limit: float) -> float:
    """Return the area below steps that begin at each rate, up to the limit."""
    return float(np.sum(share * np.diff(np.append(rate, limit))))
