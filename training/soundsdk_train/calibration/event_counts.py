"""Events that the firmware's detector would make of stored scores, counted for many values of `on` at once.

With `off`, min_ms and hold_ms fixed, the steps at or above `off` form runs, and runs with gaps shorter than hold_ms
form islands. A run fires if it reaches `on` min_ms before its end. An island gives one event if any of its runs fires,
as runs that follow within hold_ms prolong it, and ends with its last run. tests/training/test_calibration.py compares
this with the detector.

False events come in clusters: one siren-like organ gives six. What counts as independent is a scene: all recordings
cut from one source, or SCENE_S of a longer recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soundsdk_train.calibration.heard import Claim

_BACK_MS = 1000  # as soundfw.detect.detector dates an onset back, if pool_ms is not longer
_APART = 1 << 40  # samples between recordings on their common time
SCENE_S = 300  # of a long recording, in which other things sound later


@dataclass(frozen=True)
class EventRule:
    """The thresholds of a class without `on`."""

    off: int
    min_ms: int
    hold_ms: int


class ScoreTrace:
    """The scores of one class in recordings laid one after another, and the claims on its events.

    scores: per recording (steps,) in 1/1000; ends: per recording (steps,), the sample at which each step ended.
    sources: per recording what it was cut from; "", and all recordings without `sources`, stand for themselves.
    """

    def __init__(
        self,
        scores: Sequence[NDArray[np.int32]],
        ends: Sequence[NDArray[np.int64]],
        claims: Sequence[Sequence[Claim]],
        rate_hz: int,
        step_samples: int,
        pool_ms: int,
        sources: Sequence[str] = (),
    ) -> None:
        self.rate_hz, self.step_samples = rate_hz, step_samples
        self._back = max(pool_ms, _BACK_MS) * rate_hz // 1000
        self.scores = np.concatenate([*scores, np.zeros(0, np.int32)])
        lengths = np.array([len(s) for s in scores], np.int64)
        self._recording = np.repeat(np.arange(len(scores)), lengths)
        base = self._recording * _APART
        self._begins = np.concatenate([*ends, np.zeros(0, np.int64)]) - step_samples + base
        # Where a run that is a recording's first began, if nothing was below `off` before it.
        self._zero = base
        placed = [(i * _APART, claim) for i, own in enumerate(claims) for claim in own]
        placed.sort(key=lambda pair: pair[0] + pair[1].start)
        self.starts = np.array([at + c.start for at, c in placed], np.int64)
        self.ends = np.array([at + c.end for at, c in placed], np.int64)
        self._over = np.array([at + (c.end if c.over is None else c.over) for at, c in placed], np.int64)
        self._scene, self._of_one_source = _first_scenes(ends, sources, SCENE_S * rate_hz)

    def events(self, rule: EventRule, on_values: Sequence[int]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Return onsets and ends of the events for each value of `on`, ascending, on the recordings' common time."""
        above = self.scores >= rule.off
        if not above.any():
            return [(np.zeros(0, np.int64), np.zeros(0, np.int64)) for _ in on_values]
        other = np.diff(self._recording, prepend=-1) != 0
        before = np.concatenate([[False], above[:-1]]) & ~other
        first = np.flatnonzero(above & ~before)
        after = np.concatenate([above[1:], [False]]) & ~np.concatenate([other[1:], [True]])
        last = np.flatnonzero(above & ~after)
        step = self.step_samples
        gap = first[1:] - last[:-1] - 1
        joined = (gap * step * 1000 < rule.hold_ms * self.rate_hz) & ~_other_between(self._recording, first, last)
        island = np.concatenate([[0], np.cumsum(~joined)])
        # An island ends with its last run.
        over = self._begins[last[np.flatnonzero(np.diff(island, append=-1))]] + step
        needed = max(1, -(-rule.min_ms * self.rate_hz // (1000 * step)))
        # The first step of a recording has no step below `off` before it: the detector's clock starts at 0.
        run_start = np.where(other[first], self._zero[first], self._begins[first])
        out = []
        for on in on_values:
            reached = np.flatnonzero(self.scores >= max(on, rule.off))
            found = np.searchsorted(reached, first)
            has = found < len(reached)
            at = np.where(has, reached[np.minimum(found, len(reached) - 1)] if len(reached) else 0, 0)
            fires = has & (at + needed - 1 <= last)
            chosen = np.flatnonzero(fires)
            chosen = chosen[np.diff(island[chosen], prepend=-1) != 0]
            onsets = np.maximum(run_start[chosen], self._begins[at[chosen]] - self._back)
            out.append((onsets, over[island[chosen]]))
        return out

    def outcome(self, rule: EventRule, on_values: Sequence[int], in_time: NDArray[np.bool_] | None = None) -> Outcome:
        """Judge the events for each value of `on` by the claims.

        in_time: per claim, in the order of recordings and of their starts, whether its events end with their sound
        however long the score stays up.
        """
        false = np.zeros(len(on_values))
        found = np.zeros(len(on_values))
        extra = np.zeros(len(on_values))
        late = np.zeros(len(on_values))
        scenes, squares = np.zeros(len(on_values)), np.zeros(len(on_values))
        for i, (onsets, ends) in enumerate(self.events(rule, on_values)):
            low = np.searchsorted(onsets, self.starts, "left")
            high = np.searchsorted(onsets, self.ends, "right")
            number = high - low
            edge = np.zeros(len(onsets) + 1, np.int64)
            np.add.at(edge, low, number > 0)
            np.add.at(edge, high, -(number > 0).astype(np.int64))
            unclaimed = onsets[np.cumsum(edge[:-1]) == 0]
            false[i] = len(unclaimed)
            if len(unclaimed):
                _, sizes = np.unique(self._scene_of(unclaimed), return_counts=True)
                scenes[i], squares[i] = len(sizes), np.square(sizes).sum()
            extra[i] = np.maximum(number - 1, 0).sum()
            found[i] = (number > 0).sum()
            own = np.flatnonzero(number)
            outlasts = ends[high[own] - 1] > self._over[own]
            late[i] = (outlasts if in_time is None else outlasts & ~in_time[own]).sum()
        return Outcome(false, found, extra, scenes, squares, late)

    def _scene_of(self, onsets: NDArray[np.int64]) -> NDArray[np.int64]:
        recording, at = onsets // _APART, onsets % _APART
        later = np.where(self._of_one_source[recording], 0, at // (SCENE_S * self.rate_hz))
        return self._scene[recording] + later


@dataclass
class Outcome:
    """The false events, the true ones that were found and further events for those, for each value of `on`.

    scenes: those in which a false event lies; squares: the sum over scenes of the square of their false events.
    late: true events whose last event ends more than heard.AFTER_S after their sound, by the score alone but for those
    that are known to end in time.
    """

    false: NDArray[np.float64]
    found: NDArray[np.float64]
    extra: NDArray[np.float64]
    scenes: NDArray[np.float64]
    squares: NDArray[np.float64]
    late: NDArray[np.float64]


def _other_between(
    recording: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return for each gap between runs whether it lies between two recordings."""
    return recording[first[1:]] != recording[last[:-1]]


def _first_scenes(
    ends: Sequence[NDArray[np.int64]], sources: Sequence[str], scene_samples: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the number of each recording's first scene, and whether it shares that one with others of its source."""
    known: dict[str, int] = {}
    first, shared, number = [], [], 0
    for i, own in enumerate(ends):
        source = sources[i] if sources else ""
        shared.append(bool(source))
        if source in known:
            first.append(known[source])
            continue
        first.append(number)
        if source:
            known[source] = number
        number += 1 if source else 1 + int(own[-1] if len(own) else 0) // scene_samples
    return np.array(first, np.int64), np.array(shared, np.bool_)
