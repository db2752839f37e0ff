"""The rate of false events to expect of other sound, from those that were counted and what lies beyond the highest one.

Scenes are independent of one another and false events are not, so the tail is fitted to the scenes' highest scores, and
what a scene with a false event has of them follows from those that were seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundsdk_train.calibration.event_counts import Outcome
from soundsdk_train.evaluation.intervals import poisson_interval

CONFIDENCE = 0.9  # two-sided: 95 % that the rate is not above the upper end
_TAIL = 20  # highest scenes that the tail is fitted to
_TAIL_SCALE = 1.0  # logits: of a tail with too few scenes to tell
_ENOUGH = 5  # scenes that tell how the tail falls, and how false events cluster
_DEVIATIONS = 1.28  # above what is expected: nine in ten are not

F64 = NDArray[np.float64]


@dataclass
class ExpectedRates:
    """The rates to expect of other sound for each value of `on`, ascending.

    per_hour: false events. likely_per_hour: what nine of ten times as many hours of other sound do not exceed.
    size: how many false events come in a scene that has any.
    """

    per_hour: F64
    likely_per_hour: F64
    size: F64

    def beyond(self, first: int) -> ExpectedRates:
        """Return the rates without those for the first values of `on`."""
        return ExpectedRates(self.per_hour[first:], self.likely_per_hour[first:], self.size[first:])


def expected_rates(on_values: Sequence[int], heard: Outcome, hours: float) -> ExpectedRates:
    """Return what to expect of other sound for each value of `on`, ascending.

    heard: the false events in `hours` for each value. Above the n-th highest scene, whose logit is u, the number of
    scenes falls as n exp(-(z - u) / b), where b is the mean of what the higher ones exceed u by: the maximum likelihood
    of an exponential tail (the generalised Pareto tail of shape 0). It is never below what was counted, nor above one
    scene more, which is what the rank of the threshold among the scenes lets expect (Wilks, Ann. Math. Stat. 12, 1941).
    Where no scene fires, one is taken to be just below the lowest value. The dispersion of a compound Poisson
    distribution is the mean square of the clusters' sizes over their mean (McCullagh and Nelder, Generalized Linear
    Models, 1989, chapter 6, call its use quasi-likelihood); with fewer than _ENOUGH scenes at a value of `on`, those at
    the next lower one that has so many tell it.

    What is likely is 1.28 standard deviations above what is expected. Their square is the variance of a count in other
    hours, dispersion times mean, and that of the expectation itself, by the delta method its square times
    (1 + ((z - u) / b)^2) / n: few scenes say little about what lies far beyond them.
    """
    counted = np.maximum.accumulate(heard.scenes[::-1])[::-1]
    z = np.array([logit(on) for on in on_values])
    # The scenes between two values of `on` are placed half-way; those above the last one are not seen to end.
    middle = np.append((z[:-1] + z[1:]) / 2, z[-1] + _TAIL_SCALE / 2)
    number = -np.diff(np.append(counted, 0))
    place = np.repeat(middle, number.astype(int))[::-1][:_TAIL]
    u, n = (float(place[-1]), len(place)) if len(place) else (float(z[0]), 1)
    scale = float(np.mean(place[:-1] - u)) if n >= _ENOUGH else _TAIL_SCALE
    far = np.maximum(z - u, 0) / max(scale, 0.1)
    scenes = np.maximum(counted, np.minimum(n * np.exp(-far), counted + 1))
    size, dispersion = _clusters(heard)
    mean = np.maximum(heard.false, scenes * size)
    deviation = np.sqrt(dispersion * mean + mean**2 * (1 + far**2) / np.maximum(n, counted))
    return ExpectedRates(mean / hours, (mean + _DEVIATIONS * deviation) / hours, size)


def _clusters(heard: Outcome) -> tuple[F64, F64]:
    """Return size and dispersion for each value of `on`."""
    size, dispersion = np.ones(len(heard.false)), np.ones(len(heard.false))
    at = 0  # where there are never so many, the lowest value has most
    for i, scenes in enumerate(heard.scenes):
        if scenes >= _ENOUGH:
            at = i
        if heard.scenes[at]:
            size[i] = heard.false[at] / heard.scenes[at]
            dispersion[i] = heard.squares[at] / heard.false[at]
    return size, dispersion


def proved_rate(scenes: int, size: float, hours: float) -> float:
    """Return the rate of false events that the true one is below with 95 % confidence; inf without any hours.

    scenes: how many had a false event in those hours; size: how many such a scene has.
    """
    return size * poisson_interval(scenes, CONFIDENCE)[1] / hours if hours else math.inf


def logit(score: int) -> float:
    """Return the logit of a score in 1/1000, finite for 0 and 1000."""
    p = (score + 0.5) / 1001
    return math.log(p / (1 - p))
