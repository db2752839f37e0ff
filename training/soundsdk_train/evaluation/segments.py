"""Scores of segments of a second, for average precision."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from soundsdk_train.evaluation.event_metrics import SEGMENT_S


def segment_scores(scores: NDArray[np.number], edges_s: NDArray[np.float64], length_s: float) -> NDArray[np.float64]:
    """Return the highest score of the steps that touch each segment: (segments, labels), 0 where there are none.

    scores: (steps, labels); edges_s: (steps + 1,), when each step begins and the last ends.
    """
    out = np.zeros((math.ceil(length_s / SEGMENT_S), scores.shape[1]))
    edges = np.round(edges_s, 6)
    for i, row in enumerate(out):
        first = max(int(np.searchsorted(edges, i * SEGMENT_S, side="right")) - 1, 0)
        after = min(int(np.searchsorted(edges, (i + 1) * SEGMENT_S, side="left")), len(scores))
        if after > first:
            row[:] = scores[first:after].max(0)
    return out


def weighted_average_precision(
    truth: NDArray[np.floating], scores: NDArray[np.floating], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return average precision, ties counted together, with each segment counted as often as its weight says.

    truth, scores: (segments,); weights: (..., segments). NaN where nothing true is left.
    """
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # ends of runs of equal scores
    ordered = weights[..., order]
    found = np.cumsum(ordered * truth[order], axis=-1)[..., last]
    seen = np.cumsum(ordered, axis=-1)[..., last]
    total = found[..., -1]
    gained = np.diff(found, axis=-1, prepend=0.0)
    return np.where(total > 0, (gained * found / np.maximum(seen, 1e-12)).sum(-1) / np.maximum(total, 1e-12), np.nan)
