"""The choice of thresholds: the highest recall among the settings whose false alarms are expected to stay below a rate.

What is tried fits the recordings at hand better than others, so the rate is not only counted (rates.py). False events
come in clusters, from few recordings: the fewer the hours and the larger the clusters, the farther the choice keeps
below the rate. Then the choice is made on either half of the sound and its false events are counted in the other; while
those are too many for the rate, a lower one is aimed at.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import is_background
from soundsdk_train.calibration.event_counts import EventRule, Outcome, ScoreTrace
from soundsdk_train.calibration.heard import HeardRecording, Listener
from soundsdk_train.calibration.rates import CONFIDENCE, ExpectedRates, expected_rates, logit, proved_rate
from soundsdk_train.evaluation.intervals import poisson_interval

POOL_MS = (0, 256, 512, 768)
ON = (
    500, 550, 600, 650, 700, 740, 780, 810, 840, 870, 890, 910, 925, 940, 950, 960, 968, 975, 981, 986, 990, 993, 995,
    997, 998, 999,
)  # fmt: skip
# A low `off` dates an onset back to where the score began to rise, a high one ends an event with its sound.
OFF = (200, 100, 300, 400, 50, 500, 600, 700)
MIN_MS = (0, 256, 512, 768)
# A smoke alarm's longest pause is 1.65 s; a siren may be masked for a moment.
HOLD_MS = {"smoke_alarm": (2000, 2400), "siren": (1000, 1500, 700)}
HOLD_DEFAULT_MS = (700, 1000)
OFF_OF_ON = 0.75  # `off` is at most this share of `on`
_EXTRA_COST = 0.05  # of an event that one sound broke into, against a sound that was missed
_CONFUSED_COST = 0.5  # of a false event in recordings of other labels
_DELAY_COST = 0.02  # per 256 ms of min_ms
LATE_SHARE = 0.05  # of the events found that may end more than heard.AFTER_S after their sound
_LATE_COST = 0.1  # of the recall, where more do; each of them besides counts as half found
_PLATEAU = 0.01  # values of `on` that are worse than the best by no more than this are as good
_TAIL_ON = (50, 100, 200, 300, 400)  # lower than is ever chosen, to see how the scores of false events fall
_TIGHTER = (1.0, 0.5, 0.25)  # shares of the rate to aim at


@dataclass
class ClassChoice:
    """The thresholds chosen for one label, and what to expect of them.

    false: its false events in the background, `hours` long, and scenes: in how many recordings or pieces of long ones.
    expected_per_hour: what is expected of other sound, likely_per_hour: what nine of ten times as many hours do not
    exceed. size: false events of a scene that has any.
    recall: of the true events, None without any. late: share of the events found that end more than heard.AFTER_S
    after their sound, None without any. cross_false: false events in the halves that were not chosen on, None
    if that was not tried. attained: whether the rate is kept, and at least one true event found if there were any.
    """

    label: str
    thresholds: dict[str, int]
    false: int
    scenes: int
    hours: float
    expected_per_hour: float
    likely_per_hour: float
    size: float
    recall: float | None
    events: int
    attained: bool
    cross_false: int | None = None
    late: float | None = None

    @property
    def proved_per_hour(self) -> float:
        """The rate that the true one is below with 95 % confidence."""
        return proved_rate(self.scenes, self.size, self.hours)

    @property
    def least_cross_rate(self) -> float:
        """The lowest rate that the false events of the halves that were not chosen on agree with, 0 without any."""
        return poisson_interval(self.cross_false or 0, CONFIDENCE)[0] / self.hours if self.hours else 0.0

    def least_hours(self, max_per_hour: float) -> float:
        """Return the hours below which a rate cannot be told: in them it would give one scene with false events.

        With fewer, silence is as likely at twice the rate, and what the tail lets expect is not to be relied on: the
        false alarms of a half of some recordings came from one source that the other half had nothing like.
        """
        return self.size / max_per_hour


@dataclass
class Choice:
    """Detector settings for a file's metadata, and per label what they were chosen for."""

    detector: dict[str, Any]
    classes: list[ClassChoice]
    max_per_hour: float
    hours: float

    @property
    def hours_to_prove(self) -> float:
        """The hours without any false event that prove the rate of every label with 95 % confidence."""
        return max((proved_rate(0, c.size, 1.0) for c in self.classes), default=0.0) / self.max_per_hour

    def entry(self, sources: Sequence[str]) -> dict[str, Any]:
        """Return the metadata's `calibration`: the rate, the hours, and per label false events and recall."""
        classes = []
        for c in self.classes:
            one: dict[str, Any] = {"label": c.label, "false": c.false, "proved": round(c.proved_per_hour, 3)}
            if c.cross_false is not None:
                one["cross_false"] = c.cross_false
            if c.recall is not None:
                one |= {"recall": round(c.recall, 4), "events": c.events}
            if c.late is not None:
                one["late"] = round(c.late, 4)
            if not c.attained:
                one["attained"] = False
            classes.append(one)
        return {
            "max_fa_per_hour": self.max_per_hour,
            "hours": round(self.hours, 4),
            "sources": list(sources),
            "classes": classes,
        }


@dataclass
class _Material:
    """Backgrounds and events with their scores for every pool_ms; outcomes of the events are kept.

    in_time: by pool_ms, label, `off` and hold_ms, of each claim whether the firmware ends its events in time.
    """

    listener: Listener
    quiet: Sequence[HeardRecording]
    events: Sequence[HeardRecording]
    scores: dict[int, tuple[list[NDArray[np.int32]], list[NDArray[np.int32]]]] = field(default_factory=dict)
    judged: dict[tuple[int, int, EventRule], Outcome] = field(default_factory=dict)
    in_time: dict[tuple[int, int, int, int], NDArray[np.bool_]] = field(default_factory=dict)

    def pooled(self, pool_ms: int) -> tuple[list[NDArray[np.int32]], list[NDArray[np.int32]]]:
        if pool_ms not in self.scores:
            pool = self.listener.pooled
            self.scores[pool_ms] = [pool(r, pool_ms) for r in self.quiet], [pool(r, pool_ms) for r in self.events]
        return self.scores[pool_ms]

    def trace(self, pool_ms: int, index: int, which: Sequence[int] | None) -> ScoreTrace:
        """Return the trace of a label in the backgrounds numbered by `which`; None is all recordings of events."""
        recordings = self.events if which is None else [self.quiet[i] for i in which]
        quiet, events = self.pooled(pool_ms)
        scores = events if which is None else [quiet[i] for i in which]
        return score_trace(self.listener, recordings, scores, index, pool_ms)

    def judge(self, trace: ScoreTrace, pool_ms: int, index: int, rule: EventRule, on_values: Sequence[int]) -> Outcome:
        """Return the outcome of a label's trace in the recordings of events for each value of `on`, ascending.

        Its late ends are those of the firmware: where the score stays up, the sound ends the event. That hardly depends
        on `on` and min_ms, and the firmware's detector is slow, so the lowest `on` without min_ms stands for all.
        """
        key = pool_ms, index, rule
        if key not in self.judged:
            judged = trace.outcome(rule, on_values)
            if judged.late.any():
                judged = trace.outcome(rule, on_values, self._ended(pool_ms, index, rule, on_values[0]))
            self.judged[key] = judged
        return self.judged[key]

    def _ended(self, pool_ms: int, index: int, rule: EventRule, on: int) -> NDArray[np.bool_]:
        key = pool_ms, index, rule.off, rule.hold_ms
        if key not in self.in_time:
            thresholds = {"on": on, "off": rule.off, "min_ms": 0, "hold_ms": rule.hold_ms}
            late = self.listener.lateness(self.events, self.pooled(pool_ms)[1], index, thresholds)
            self.in_time[key] = np.array([one is False for one in late], np.bool_)
        return self.in_time[key]


def score_trace(
    listener: Listener,
    recordings: Sequence[HeardRecording],
    scores: Sequence[NDArray[np.int32]],
    index: int,
    pool_ms: int,
) -> ScoreTrace:
    """Return the trace of a label, given the scores (steps, labels) of each recording after pooling."""
    label = listener.labels[index]
    return ScoreTrace(
        [s[:, index] for s in scores],
        [r.ends for r in recordings],
        [[c for c in r.claims if c.label == label] for r in recordings],
        listener.rate_hz,
        listener.step_samples,
        pool_ms,
        [r.source for r in recordings],
    )


def choose(
    listener: Listener,
    quiet: Sequence[HeardRecording],
    events: Sequence[HeardRecording],
    max_per_hour: float,
    *,
    pools: Sequence[int] = POOL_MS,
    highest: Callable[[int], Sequence[int]] | None = None,
    raise_only: bool = False,
    on_stage: Callable[[str], None] = lambda text: None,
) -> Choice:
    """Choose pooling and thresholds so that every label has at most max_per_hour false events an hour.

    quiet: recordings whose sound_s count. events: recordings of true events,
    may be empty; labels without any keep their durations, and get the lowest `on` with few enough false events.
    pools: the values of pool_ms to try, the one in the file besides. highest: maps pool_ms to the highest score that
    each label can reach. raise_only: try no `on` below the one in the file. A label for which nothing is good enough
    has `attained` False and its quietest thresholds. ValueError if there is no background or the rate is not
    above zero.
    """
    if not sum(r.sound_s for r in quiet) > 0 or not max_per_hour > 0:
        raise ValueError("a choice needs background sound and a rate above zero")
    material = _Material(listener, quiet, events)
    present = int(listener.metadata["detector"]["pool_ms"])
    true = any(r.claims for r in events)
    tried = list(dict.fromkeys([present, *pools])) if true else [present]
    # Pooling that forgets in less than a step is none.
    step_ms = 1000 * listener.step_samples / listener.rate_hz
    tried = [p for p in tried if p in (0, present) or p >= step_ms]
    limits = {p: list(highest(p)) if highest else [1000] * len(listener.labels) for p in tried}
    everything = range(len(quiet))
    halves = _halves(quiet)
    counts: list[int] | None = None
    for share in _TIGHTER:
        on_stage(f"choosing thresholds for {max_per_hour * share:g} an hour")
        search = _Search(material, tried, limits, max_per_hour * share, raise_only)
        choice = search.run(everything)
        if halves is None:
            break
        counts = [0] * len(choice.classes)
        for here, there in (halves, halves[::-1]):
            half = search.run(here)
            for i, one in enumerate(half.classes):
                counts[i] += search.false(half.detector["pool_ms"], one, there)
        hours = choice.hours
        if all(_keeps(n, max_per_hour, hours) for n in counts):
            break
    for i, one in enumerate(choice.classes):
        one.cross_false = counts[i] if counts is not None else None
        # What was aimed at may be lower than what was asked for.
        one.attained = one.likely_per_hour <= max_per_hour and one.recall != 0.0
        one.attained &= counts is None or _keeps(counts[i], max_per_hour, choice.hours)
        if one.recall:
            scores = material.pooled(choice.detector["pool_ms"])[1]
            lateness = listener.lateness(events, scores, listener.labels.index(one.label), one.thresholds)
            found = [late for late in lateness if late is not None]
            one.late = sum(found) / len(found) if found else None
    choice.max_per_hour = max_per_hour
    return choice


def _keeps(count: int, max_per_hour: float, hours: float) -> bool:
    """Return whether so many false events are no more than chance makes of the rate."""
    return poisson_interval(count, CONFIDENCE)[0] <= max_per_hour * hours


def _halves(quiet: Sequence[HeardRecording]) -> tuple[list[int], list[int]] | None:
    """Return two halves of every kind of background, sources whole and neighbours together.

    None if a half would have no sound.
    """
    one: list[int] = []
    two: list[int] = []
    kinds: dict[str, dict[str | int, list[int]]] = {}
    for i, recording in enumerate(quiet):
        kinds.setdefault(recording.kind, {}).setdefault(recording.source or i, []).append(i)
    for sources in kinds.values():
        lengths = [sum(quiet[i].sound_s for i in numbers) for numbers in sources.values()]
        total, heard = sum(lengths), 0.0
        for numbers, length in zip(sources.values(), lengths, strict=True):
            (one if heard + length / 2 <= total / 2 else two).extend(numbers)
            heard += length
    if not all(sum(quiet[i].sound_s for i in half) > 0 for half in (one, two)):
        return None
    return one, two


@dataclass
class _Candidate:
    thresholds: dict[str, int]
    false: int
    scenes: int
    expected: float
    likely: float
    size: float
    recall: float | None
    events: int
    utility: float
    feasible: bool


class _Search:
    """One search of all settings at one rate to aim at."""

    def __init__(
        self,
        material: _Material,
        pools: Sequence[int],
        limits: dict[int, list[int]],
        max_per_hour: float,
        raise_only: bool,
    ) -> None:
        self._material, self._pools, self._limits, self._max = material, pools, limits, max_per_hour
        self._raise_only = raise_only

    def run(self, which: Sequence[int]) -> Choice:
        """Choose on the backgrounds numbered by `which`."""
        material = self._material
        labels = material.listener.labels
        hours = sum(material.quiet[i].sound_s for i in which) / 3600
        best: tuple[tuple[int, float], int, list[_Candidate | None]] | None = None
        for pool_ms in self._pools:
            found = [
                None if is_background(label) else self._label(pool_ms, i, which, hours)
                for i, label in enumerate(labels)
            ]
            made = [c for c in found if c is not None]
            rank = sum(c.feasible for c in made), sum(c.utility for c in made)
            if best is None or rank > best[0]:
                best = rank, pool_ms, found
        assert best is not None
        present = material.listener.metadata["detector"]["classes"]
        rules = [c.thresholds if c else dict(present[i]) for i, c in enumerate(best[2])]
        classes = [
            ClassChoice(
                label,
                c.thresholds,
                c.false,
                c.scenes,
                hours,
                c.expected,
                c.likely,
                c.size,
                c.recall,
                c.events,
                c.feasible,
            )
            for label, c in zip(labels, best[2], strict=True)
            if c is not None
        ]
        return Choice({"pool_ms": best[1], "classes": rules}, classes, self._max, hours)

    def false(self, pool_ms: int, one: ClassChoice, which: Sequence[int]) -> int:
        """Count the false events of chosen thresholds in the backgrounds numbered by `which`."""
        index = self._material.listener.labels.index(one.label)
        t = one.thresholds
        trace = self._material.trace(pool_ms, index, which)
        return int(trace.outcome(EventRule(t["off"], t["min_ms"], t["hold_ms"]), [t["on"]]).false[0])

    def _label(self, pool_ms: int, index: int, which: Sequence[int], hours: float) -> _Candidate:
        material = self._material
        label = material.listener.labels[index]
        quiet = material.trace(pool_ms, index, which)
        events = material.trace(pool_ms, index, None)
        present = material.listener.metadata["detector"]["classes"][index]
        most, least = self._limits[pool_ms][index], present["on"] if self._raise_only else 0
        on_values = [on for on in sorted({*ON, least}) if least <= on <= most and on] or [max(most, least)]
        true = len(events.starts)
        best: _Candidate | None = None
        for rule in _rules(label, present, true > 0):
            usable = [on for on in on_values if rule.off <= (OFF_OF_ON if true else 1.0) * on and rule.off < on]
            if not usable:
                continue
            heard = _hear(quiet, rule, usable, hours)
            judged = material.judge(events, pool_ms, index, rule, usable)
            candidate = _best_on(rule, usable, heard, judged, true, self._max)
            if best is None or (candidate.feasible, candidate.utility) > (best.feasible, best.utility):
                best = candidate
        if best is None:
            # The network reaches no score above any `off`: nothing that fires can be chosen.
            rule = EventRule(max(1, on_values[-1] // 2), present["min_ms"], present["hold_ms"])
            last = on_values[-1:]
            heard = _hear(quiet, rule, last, hours)
            best = _best_on(rule, last, heard, events.outcome(rule, last), true, self._max)
            best.feasible, best.expected, best.likely = False, math.inf, math.inf
        return best


def _rules(label: str, present: dict[str, int], true: bool) -> list[EventRule]:
    """Return the rules to try. Without true events nothing tells what durations cost: only longer min_ms are tried."""
    if not true:
        mins = [m for m in sorted({present["min_ms"], *MIN_MS}) if m >= present["min_ms"]]
        return [EventRule(present["off"], m, present["hold_ms"]) for m in mins]
    holds = HOLD_MS.get(label, HOLD_DEFAULT_MS)
    return [EventRule(off, m, hold) for hold, m, off in itertools.product(holds, MIN_MS, OFF)]


@dataclass
class _Quiet:
    """The false events in the background for each value of `on`, the scenes they lie in, and what to expect."""

    false: NDArray[np.float64]
    scenes: NDArray[np.float64]
    expected: ExpectedRates


def _hear(trace: ScoreTrace, rule: EventRule, on_values: Sequence[int], hours: float) -> _Quiet:
    lower = [on for on in _TAIL_ON if on < on_values[0]]
    outcome = trace.outcome(rule, [*lower, *on_values])
    rates = expected_rates([*lower, *on_values], outcome, hours)
    n = len(lower)
    return _Quiet(outcome.false[n:], outcome.scenes[n:], rates.beyond(n))


def late_cost(events: Outcome, true: int) -> NDArray[np.float64]:
    """Return what it costs, as recall, that events end long after their sound; for each value of `on`."""
    return np.where(events.late > LATE_SHARE * events.found, _LATE_COST + 0.5 * events.late / true, 0.0)


def _best_on(
    rule: EventRule, on_values: Sequence[int], quiet: _Quiet, events: Outcome, true: int, max_per_hour: float
) -> _Candidate:
    """Return the value of `on` in the middle of the best ones that are quiet enough, or the quietest one."""
    delay = _DELAY_COST * rule.min_ms / 256
    if true:
        found = events.found / true
        cost = _EXTRA_COST * events.extra + _CONFUSED_COST * events.false
        utility = found - cost / true - delay - late_cost(events, true)
        # Sound that is a little fainter or louder than here meets the neighbouring values.
        padded = np.pad(utility, 1, mode="edge")
        utility = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    else:
        found = np.full(len(on_values), np.nan)
        utility = -np.array([logit(on) for on in on_values]) / 10 - delay
    usable = quiet.expected.likely_per_hour <= max_per_hour
    if true:
        usable &= found > 0
    feasible = bool(usable.any())
    if feasible:
        top = float(utility[usable].max())
        # Without true events the lowest `on` misses least.
        near = np.flatnonzero(usable & (utility >= top - (_PLATEAU if true else 0.0)))
        first = int(near[utility[near].argmax()])
        low = high = first
        while low - 1 in near:
            low -= 1
        while high + 1 in near:
            high += 1
        i = (low + high + 1) // 2
        value = top
    else:
        i = len(on_values) - 1
        value = -float(quiet.expected.likely_per_hour[i])
    return _Candidate(
        {"on": int(on_values[i]), "off": rule.off, "min_ms": rule.min_ms, "hold_ms": rule.hold_ms},
        int(quiet.false[i]),
        int(quiet.scenes[i]),
        float(quiet.expected.per_hour[i]),
        float(quiet.expected.likely_per_hour[i]),
        float(quiet.expected.size[i]),
        float(found[i]) if true else None,
        true,
        value,
        feasible,
    )
