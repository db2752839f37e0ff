"""Intervals of confidence: exact ones of a Poisson rate, and those that resampling gives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
MIN_SOURCES = 5  # resamples of fewer are so few different ones that their middle share says nothing


def poisson_interval(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of the mean of a Poisson distribution of which `count` was observed.

    Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28, 1936: the lower end is the mean with which
    `count` or more has the probability (1 - confidence) / 2, the upper end the one with which `count` or fewer has it.
    """
    if count < 0 or not 0 < confidence < 1:
        raise ValueError("a count is not negative, and a confidence lies between 0 and 1")
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else _mean_with(count - 1, 1 - tail)
    return low, _mean_with(count, tail)


def rate_interval(count: int, hours: float) -> tuple[float, float]:
    """Return poisson_interval() per hour; (0, inf) without any hours."""
    if hours <= 0:
        return 0.0, math.inf
    low, high = poisson_interval(count)
    return low / hours, high / hours


def resample_counts(sources: Sequence[str], resamples: int = RESAMPLES, seed: int = 0) -> NDArray[np.float64]:
    """Draw how often each recording is in each resample of a bootstrap: (resamples, recordings).

    Recordings with the same source are cut from one recording and are drawn together.
    """
    groups = {source: i for i, source in enumerate(dict.fromkeys(sources))}
    if not groups:
        return np.zeros((resamples, 0))
    drawn = np.random.default_rng(seed).multinomial(len(groups), np.full(len(groups), 1 / len(groups)), resamples)
    return drawn[:, [groups[source] for source in sources]].astype(np.float64)


def percentile_interval(values: NDArray[np.floating], confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the middle share of resampled values; those that are not finite are left out, None if none is left."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    low, high = np.quantile(finite, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _mean_with(count: int, probability: float) -> float:
    """Return the mean of the Poisson distribution that gives `count` or fewer with a probability, by bisection."""
    low, high = 0.0, count + 10 * math.sqrt(count + 1) + 20
    for _ in range(200):
        middle = (low + high) / 2
        if _at_most(count, middle) > probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _at_most(count: int, mean: float) -> float:
    """Return the probability that a Poisson variable is at most `count`."""
    if mean == 0:
        return 1.0
    k = np.arange(count + 1)
    logs = k * math.log(mean) - mean - np.array([math.lgamma(i + 1.0) for i in range(count + 1)])
    return min(1.0, float(np.exp(logs).sum()))
