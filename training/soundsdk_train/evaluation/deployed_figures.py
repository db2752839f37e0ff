"""All figures of a detector on continuous sound, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk_train.evaluation.deployed import ScoredRecording
from soundsdk_train.evaluation.event_metrics import MatchCounts, event_counts, segment_counts, segment_roll, stack
from soundsdk_train.evaluation.intervals import MIN_SOURCES, percentile_interval, rate_interval, resample_counts
from soundsdk_train.evaluation.outcomes import JudgedRecording, hours_without
from soundsdk_train.evaluation.psds import PSDS1, PSDS2, PsdsCounts, PsdsSettings, ScoredTruth
from soundsdk_train.evaluation.segments import segment_scores, weighted_average_precision

BETWEEN = "between events"  # the kind of false alarm on recordings that have true events
ALL_NEGATIVES = "all negatives"
_CURVE_RESAMPLES = 200  # of figures that need a whole curve for each
F64 = NDArray[np.float64]


@dataclass
class Estimate:
    """A figure with its interval of 95 %; None where it is not defined, or rests on too few sources for one."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass
class FalseAlarmRate:
    """False alarms of a label on one kind of sound. low, high: exact Poisson interval of 95 %; None without hours."""

    kind: str
    count: int
    hours: float
    per_hour: float | None
    low: float
    high: float | None


@dataclass
class Spread:
    """Middle and 95th percentile of seconds, None where there are none. For errors the latter is of absolute values."""

    median_s: float | None
    p95_s: float | None


@dataclass
class LabelFigures:
    """All figures of one label. events: true ones, of which `found` have an event that begins in them or 1 s after.

    onset_error, offset_error: detected minus true time. latency: from the true onset until the device reports it.
    """

    label: str
    events: int
    found: int
    recall: Estimate
    event_f1: Estimate
    segment_f1: Estimate
    average_precision: Estimate
    psds1: float | None
    psds2: float | None
    false_alarms: list[FalseAlarmRate]
    onset_error: Spread
    offset_error: Spread
    latency: Spread

    def rate(self, kind: str = ALL_NEGATIVES) -> FalseAlarmRate | None:
        """Return the false alarms on one kind of sound; None if there was none of it."""
        return next((rate for rate in self.false_alarms if rate.kind == kind), None)


@dataclass
class DeployedFigures:
    """The figures of a detector on continuous sound. F1 and mAP are 0..1; *_f1 is the mean of the labels with truth."""

    recordings: int
    hours: float
    negative_hours: float
    recall: Estimate
    event_f1: Estimate
    event_f1_micro: Estimate
    segment_f1: Estimate
    segment_f1_micro: Estimate
    psds1: Estimate
    psds2: Estimate
    mean_average_precision: Estimate
    labels: list[LabelFigures]

    def as_dict(self) -> dict[str, Any]:
        """Return all figures as a plain dictionary, for JSON."""
        return asdict(self)


def deployed_figures(judged: Sequence[JudgedRecording], labels: Sequence[str], seed: int = 0) -> DeployedFigures:
    """Compute all figures of judged recordings.

    Intervals of rates are exact Poisson ones. The others come from a bootstrap over recordings, with the seed: takes
    of one source are drawn together; a figure to which fewer than MIN_SOURCES sources with events contribute has none.
    PSDS and means over labels cover the labels that are in the truth.
    """
    recordings = [j.recording for j in judged]
    weights = resample_counts([r.source or r.name for r in recordings], seed=seed)
    once = np.ones(len(recordings))
    events = stack([event_counts(r.truth, j.events, labels) for r, j in zip(recordings, judged, strict=True)])
    segments = stack(
        [segment_counts(r.truth, j.events, labels, r.length_s) for r, j in zip(recordings, judged, strict=True)]
    )
    found = stack([_found_counts(j, labels) for j in judged])
    precision = _Precision(recordings, labels, weights[:_CURVE_RESAMPLES])
    psds1, psds2 = (_Psds(recordings, labels, settings, weights[:_CURVE_RESAMPLES]) for settings in (PSDS1, PSDS2))
    recall = found.weighted(once).recall()
    recalls = found.weighted(weights).recall()
    out = []
    all_sources = len({source for label in labels for source in _sources(recordings, label)})
    for c, label in enumerate(labels):
        pairs = [(true, own) for j in judged for true, own in j.pairs if true.label == label and own]
        own_sources = len(_sources(recordings, label))
        out.append(
            LabelFigures(
                label,
                int(found.true[:, c].sum()),
                int(found.hits[:, c].sum()),
                _estimate(recall[c], recalls[:, c], own_sources),
                _estimate(events.weighted(once).f1()[c], events.weighted(weights).f1()[:, c], own_sources),
                _estimate(segments.weighted(once).f1()[c], segments.weighted(weights).f1()[:, c], own_sources),
                _estimate(precision.values[c], precision.resampled[:, c], own_sources),
                psds1.labels.get(label),
                psds2.labels.get(label),
                _false_alarms(judged, label),
                _spread([own[0].onset_s - true.onset_s for true, own in pairs], True),
                _spread([own[-1].offset_s - true.offset_s for true, own in pairs], True),
                _spread([own[0].reported_s - true.onset_s for true, own in pairs], False),
            )
        )
    return DeployedFigures(
        len(recordings),
        sum(r.length_s for r in recordings) / 3600,
        sum(r.sound_s for r in recordings if r.kind) / 3600,
        _estimate(_mean(recall), _mean(recalls), all_sources),
        _estimate(events.weighted(once).macro_f1(), events.weighted(weights).macro_f1(), all_sources),
        _estimate(events.weighted(once).micro_f1(), events.weighted(weights).micro_f1(), all_sources),
        _estimate(segments.weighted(once).macro_f1(), segments.weighted(weights).macro_f1(), all_sources),
        _estimate(segments.weighted(once).micro_f1(), segments.weighted(weights).micro_f1(), all_sources),
        psds1.estimate,
        psds2.estimate,
        _estimate(_mean(precision.values), _mean(precision.resampled), all_sources),
        out,
    )


class _Precision:
    """Average precision per label, (labels,), and of each resample, (resamples, labels)."""

    def __init__(self, recordings: Sequence[ScoredRecording], labels: Sequence[str], weights: F64) -> None:
        truth = [segment_roll(r.truth, labels, r.length_s) for r in recordings]
        scores = [segment_scores(r.scores, _edges_s(r), r.length_s) for r in recordings]
        owner = np.repeat(np.arange(len(recordings)), [len(t) for t in truth])
        true, given = np.concatenate(truth).astype(np.float64), np.concatenate(scores)
        resampled = weights[:, owner]
        self.values = np.array(
            [float(weighted_average_precision(true[:, c], given[:, c], np.ones(len(true)))) for c in range(len(labels))]
        )
        self.resampled = np.stack(
            [weighted_average_precision(true[:, c], given[:, c], resampled) for c in range(len(labels))], axis=1
        )


class _Psds:
    """PSDS of the labels in the truth, together with an interval and each alone."""

    def __init__(
        self, recordings: Sequence[ScoredRecording], labels: Sequence[str], settings: PsdsSettings, weights: F64
    ) -> None:
        self.labels: dict[str, float] = {}
        self.estimate = Estimate(None)
        true = {t.label for r in recordings for t in r.truth}
        chosen = [c for c, label in enumerate(labels) if label in true]
        if not chosen:
            return
        scored = [ScoredTruth(r.scores[:, chosen], _edges_s(r), r.truth, r.length_s) for r in recordings]
        sources = len({source for c in chosen for source in _sources(recordings, labels[c])})
        counts = PsdsCounts(scored, [labels[c] for c in chosen], settings)
        whole = counts.psds()
        self.labels = dict(zip([labels[c] for c in chosen], whole.labels, strict=True))
        self.estimate = _estimate(whole.score, np.array([counts.psds(row).score for row in weights]), sources)


def _edges_s(recording: ScoredRecording) -> F64:
    """Return when each step of a recording begins, and when the last one ends."""
    if not len(recording.ends):
        return np.zeros(1)
    return np.append(recording.ends[0] - recording.step_samples, recording.ends) / recording.rate_hz


def _found_counts(judged: JudgedRecording, labels: Sequence[str]) -> MatchCounts:
    true = np.array([sum(t.label == label for t, _ in judged.pairs) for label in labels], np.float64)
    hits = np.array([sum(t.label == label and bool(own) for t, own in judged.pairs) for label in labels], np.float64)
    return MatchCounts(hits, true, hits)


def _false_alarms(judged: Sequence[JudgedRecording], label: str) -> list[FalseAlarmRate]:
    """Return the rates on each kind of negative, on all of them, and on recordings with true events."""
    counts: dict[str, list[float]] = {}
    for j in judged:
        count, hours = sum(e.label == label for e in j.false), hours_without(j.recording, label)
        for kind in (j.recording.kind, ALL_NEGATIVES) if j.recording.kind else (BETWEEN,):
            so_far = counts.setdefault(kind, [0, 0.0])
            so_far[0] += count
            so_far[1] += hours
    order = sorted(counts, key=lambda kind: (kind == BETWEEN, kind == ALL_NEGATIVES, kind))
    rates = []
    for kind in order:
        count, hours = int(counts[kind][0]), counts[kind][1]
        low, high = rate_interval(count, hours)
        per_hour = count / hours if hours > 0 else None
        rates.append(FalseAlarmRate(kind, count, hours, per_hour, low, high if math.isfinite(high) else None))
    return rates


def _sources(recordings: Sequence[ScoredRecording], label: str) -> set[str]:
    """Return the sources that hold an event of the label."""
    return {r.source or r.name for r in recordings if any(true.label == label for true in r.truth)}


def _estimate(value: float | F64 | np.floating, resampled: F64, sources: int) -> Estimate:
    """Return a figure with the interval of its resamples, without one if too few sources hold what it is about."""
    if not np.isfinite(value):
        return Estimate(None)
    if sources < MIN_SOURCES:
        return Estimate(float(value))
    return Estimate(float(value), *(percentile_interval(resampled) or (None, None)))


def _mean(values: F64) -> F64:
    """Return the mean over the last axis of what is a number, NaN if nothing is."""
    present = np.isfinite(values)
    total = np.where(present, values, 0.0).sum(-1)
    return np.where(present.any(-1), total / np.maximum(present.sum(-1), 1), np.nan)


def _spread(seconds: Sequence[float], absolute: bool) -> Spread:
    if not seconds:
        return Spread(None, None)
    values = np.asarray(seconds)
    return Spread(float(np.median(values)), float(np.quantile(np.abs(values) if absolute else values, 0.95)))
