"""Figures of events: known answers, and equal to sed_eval and sed_scores_eval on random pairs of labels."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import numpy as np
import pytest

from soundsdk.labels import LabelledSpan
from soundsdk_train.evaluation.clip_metrics import average_precision
from soundsdk_train.evaluation.event_metrics import event_counts, segment_counts, segment_roll, stack
from soundsdk_train.evaluation.intervals import percentile_interval, poisson_interval, rate_interval, resample_counts
from soundsdk_train.evaluation.psds import PSDS1, PSDS2, PsdsCounts, PsdsSettings, ScoredTruth
from soundsdk_train.evaluation.segments import segment_scores

LABELS = ["siren", "bark", "cry"]
PAIRS = 50
SEEDS = range(PAIRS)


def reference(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed: pip install 'soundsdk[dev]'")


def spans(rng: np.random.Generator, label: str, length_s: float) -> list[LabelledSpan]:
    """Draw a few spans that do not overlap; some begin and end on a whole second."""
    times = np.sort(rng.uniform(0, length_s, 2 * rng.integers(0, 5)))
    times = np.unique(np.round(times) if rng.random() < 0.2 else np.round(times, 3))
    times = times[: len(times) // 2 * 2]
    return [LabelledSpan(float(a), float(b), label) for a, b in times.reshape(-1, 2)]


def pair(seed: int) -> tuple[list[LabelledSpan], list[LabelledSpan], float]:
    """Draw the truth and what was found: late, short, missing, of another label, or in pieces."""
    rng = np.random.default_rng(seed)
    length_s = float(rng.uniform(8, 30))
    truth = [s for label in LABELS for s in spans(rng, label, length_s)]
    found = [s for label in LABELS for s in spans(rng, label, length_s) if rng.random() < 0.3]
    for true in truth:
        if rng.random() < 0.2:
            continue
        onset = max(0.0, true.onset_s + rng.normal(0, 0.15))
        offset = min(length_s, max(onset + 0.05, true.offset_s + rng.normal(0, 0.3)))
        label = true.label if rng.random() < 0.85 else LABELS[rng.integers(3)]
        found.append(LabelledSpan(onset, max(onset, offset), label))
        if rng.random() < 0.2:
            found.append(LabelledSpan(onset + 0.05, max(onset + 0.05, offset), label))
    return truth, found, length_s


def scored(seed: int, whole: bool = True) -> ScoredTruth:
    """Scores that follow the truth with noise; in 1/1000, as the firmware's, or of any value."""
    rng = np.random.default_rng(1000 + seed)
    truth, _, length_s = pair(seed)
    edges = np.append(np.arange(0, length_s, 0.128), length_s)
    scores = np.zeros((len(edges) - 1, len(LABELS)))
    for c, label in enumerate(LABELS):
        on = np.zeros(len(edges) - 1)
        for true in (t for t in truth if t.label == label):
            on[(edges[1:] > true.onset_s) & (edges[:-1] < true.offset_s)] = 1
        noisy = np.convolve(on * rng.uniform(0.3, 1) + rng.normal(0, 0.3, len(on)), np.ones(5) / 5, "same")
        scores[:, c] = 1 / (1 + np.exp(-8 * (noisy - 0.4)))
    if whole:
        scores = np.round(scores * 1000).astype(np.int32)
    return ScoredTruth(scores, edges, truth, length_s)


def rows(given: list[LabelledSpan], file: str) -> list[dict[str, Any]]:
    keys = ("onset", "offset", "event_label")
    return [dict(zip(keys, (s.onset_s, s.offset_s, s.label), strict=True)) | {"filename": file} for s in given]


def near(ours: float, theirs: float) -> bool:
    return (math.isnan(ours) and math.isnan(theirs)) or abs(ours - theirs) < 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_f1_of_events_and_segments_equals_sed_eval(seed: int) -> None:
    sed_eval = reference("sed_eval").sound_event
    truth, found, length_s = pair(seed)
    events = event_counts(truth, found, LABELS)
    segments = segment_counts(truth, found, LABELS, length_s)
    theirs = sed_eval.EventBasedMetrics(LABELS, t_collar=0.2, percentage_of_length=0.2)
    theirs.evaluate(rows(truth, "a"), rows(found, "a"))
    by_segment = sed_eval.SegmentBasedMetrics(LABELS, time_resolution=1.0)
    by_segment.evaluate(rows(truth, "a"), rows(found, "a"), length_s)
    for counts, metrics in ((events, theirs), (segments, by_segment)):
        if counts.true.sum() and counts.found.sum():
            assert near(float(counts.micro_f1()), metrics.overall_f_measure()["f_measure"])
        for c, label in enumerate(LABELS):
            assert metrics.class_wise[label]["Nref"] == counts.true[c]
            assert metrics.class_wise[label]["Nsys"] == counts.found[c]
            assert metrics.class_wise[label]["Ntp"] == counts.hits[c]
            if counts.true[c] and counts.found[c]:  # theirs is not a number otherwise
                wise = metrics.class_wise_f_measure(label)
                assert near(counts.f1()[c], wise["f_measure"])
                assert near(counts.precision()[c], wise["precision"])
                assert near(counts.recall()[c], wise["recall"])


def test_the_mean_f1_over_recordings_equals_sed_eval() -> None:
    sed_eval = reference("sed_eval").sound_event
    events = sed_eval.EventBasedMetrics(LABELS, t_collar=0.2, percentage_of_length=0.2)
    segments = sed_eval.SegmentBasedMetrics(LABELS, time_resolution=1.0)
    ours: tuple[list, list] = ([], [])
    for seed in SEEDS:
        truth, found, length_s = pair(seed)
        events.evaluate(rows(truth, str(seed)), rows(found, str(seed)))
        segments.evaluate(rows(truth, str(seed)), rows(found, str(seed)), length_s)
        ours[0].append(event_counts(truth, found, LABELS))
        ours[1].append(segment_counts(truth, found, LABELS, length_s))
    for counts, theirs in zip(ours, (events, segments), strict=True):
        total = stack(counts).weighted(np.ones(PAIRS))
        assert near(float(total.micro_f1()), theirs.overall_f_measure()["f_measure"])
        average = theirs.results_class_wise_average_metrics()["f_measure"]["f_measure"]
        assert near(float(total.macro_f1()), average)


def their_input(recordings: dict[str, ScoredTruth]) -> tuple[dict, dict, dict]:
    reference("sed_scores_eval")
    from sed_scores_eval.base_modules.scores import create_score_dataframe

    scores = {
        name: create_score_dataframe(r.scores.astype(float), r.edges_s, LABELS) for name, r in recordings.items()
    }
    truth = {name: [(t.onset_s, t.offset_s, t.label) for t in r.truth] for name, r in recordings.items()}
    return scores, truth, {name: r.length_s for name, r in recordings.items()}


@pytest.mark.parametrize("settings", [PSDS1, PSDS2], ids=["PSDS1", "PSDS2"])
@pytest.mark.parametrize("first", range(0, PAIRS, 5))
def test_psds_equals_sed_scores_eval(first: int, settings: PsdsSettings) -> None:
    theirs = reference("sed_scores_eval")
    recordings = {str(i): scored(i, whole=i % 2 == 0) for i in range(first, first + 5)}
    ours = PsdsCounts(list(recordings.values()), LABELS, settings).psds()
    scores, truth, durations = their_input(recordings)
    total, single, *_ = theirs.intersection_based.psds(
        scores,
        truth,
        durations,
        dtc_threshold=settings.detection_tolerance,
        gtc_threshold=settings.truth_coverage,
        cttc_threshold=settings.cross_tolerance,
        alpha_ct=settings.cross_weight,
        alpha_st=settings.spread_weight,
        max_efpr=settings.max_rate,
    )
    assert ours.score == pytest.approx(total, abs=1e-6)
    assert ours.labels == pytest.approx([single[label] for label in LABELS], abs=1e-6)
    assert max(ours.labels) > 0.05, "too little was found for the comparison to mean anything"


@pytest.mark.parametrize("seed", SEEDS)
def test_average_precision_of_segments_equals_sed_scores_eval(seed: int) -> None:
    theirs = reference("sed_scores_eval")
    recording = scored(seed)
    scores, truth, durations = their_input({"a": recording})
    true = sorted({label for _, _, label in truth["a"]})  # theirs refuses labels that are not in the truth
    if true:
        scores["a"] = scores["a"][["onset", "offset", *true]]
        expected, _ = theirs.segment_based.average_precision(scores, truth, durations, segment_length=1.0)
    wanted = segment_roll(recording.truth, LABELS, recording.length_s)
    given = segment_scores(recording.scores, recording.edges_s, recording.length_s)
    for c, label in enumerate(LABELS):
        if label in true:
            ours = average_precision(wanted[:, c].astype(float), given[:, c])
            assert ours == pytest.approx(expected[label], abs=1e-6)


def test_a_perfect_detector_has_a_psds_of_one_and_a_silent_one_of_zero() -> None:
    truth = [LabelledSpan(1.0, 2.0, "siren"), LabelledSpan(4.0, 5.0, "bark")]
    edges = np.arange(0, 10.5, 0.5)
    scores = np.zeros((20, 2), np.int32)
    silent = PsdsCounts([ScoredTruth(scores, edges, truth, 10.0)], ["siren", "bark"], PSDS1)
    assert silent.psds().score == 0
    scores = scores.copy()
    scores[2:4, 0] = scores[8:10, 1] = 900
    assert PsdsCounts([ScoredTruth(scores, edges, truth, 10.0)], ["siren", "bark"], PSDS1).psds().score == 1


def test_psds_of_a_resample_is_that_of_the_recordings_drawn() -> None:
    recordings = [scored(i) for i in range(4)]
    drawn = PsdsCounts([recordings[0], recordings[0], recordings[2]], LABELS, PSDS2).psds()
    weighted = PsdsCounts(recordings, LABELS, PSDS2).psds(np.array([2.0, 0.0, 1.0, 0.0]))
    assert weighted.score == pytest.approx(drawn.score, abs=1e-9)


def test_a_resample_is_not_punished_for_a_label_that_it_lacks() -> None:
    edges = np.arange(0, 10.5, 0.5)
    scores = np.zeros((20, 2), np.int32)
    scores[2:4, 0] = 900
    siren = ScoredTruth(scores, edges, [LabelledSpan(1.0, 2.0, "siren")], 10.0)
    bark = ScoredTruth(scores[:, ::-1], edges, [LabelledSpan(1.0, 2.0, "bark")], 10.0)
    counts = PsdsCounts([siren, bark], ["siren", "bark"], PSDS1)
    assert counts.psds().score == 1
    assert counts.psds(np.array([2.0, 0.0])).score == 1


def test_an_event_is_paired_once_and_as_many_as_can_be() -> None:
    truth = [LabelledSpan(1.0, 2.0, "bark"), LabelledSpan(1.15, 2.1, "bark")]
    # The first fits both true ones, the second only the first: a greedy pairing would find one.
    found = [LabelledSpan(1.1, 2.0, "bark"), LabelledSpan(0.9, 1.95, "bark")]
    counts = event_counts(truth, found, ["bark"])
    assert (counts.hits[0], counts.true[0], counts.found[0]) == (2, 2, 2)
    assert event_counts(truth[:1], [LabelledSpan(1.21, 2.0, "bark")], ["bark"]).hits[0] == 0
    long = [LabelledSpan(0.0, 10.0, "bark")]
    assert event_counts(long, [LabelledSpan(0.0, 8.1, "bark")], ["bark"]).hits[0] == 1
    assert event_counts(long, [LabelledSpan(0.0, 7.9, "bark")], ["bark"]).hits[0] == 0


@pytest.mark.parametrize(
    ("count", "low", "high"),
    # The table of exact intervals in Garwood's article and in every textbook since.
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (3, 0.6187, 8.7673), (10, 4.7954, 18.3904), (50, 37.1110, 65.9188)],
)
def test_poisson_intervals_are_the_exact_ones(count: int, low: float, high: float) -> None:
    assert poisson_interval(count) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert rate_interval(count, 2.0) == (pytest.approx(low / 2, abs=1e-4), pytest.approx(high / 2, abs=1e-4))


def test_poisson_intervals_agree_with_the_chi_square_quantiles() -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed: pip install 'soundsdk[train]'")
    for count in [*range(1, 40), 250, 1000]:
        expected = (stats.chi2.ppf(0.025, 2 * count) / 2, stats.chi2.ppf(0.975, 2 * count + 2) / 2)
        assert poisson_interval(count) == pytest.approx(expected, rel=1e-9)


def test_no_hours_give_no_bound() -> None:
    assert rate_interval(0, 0.0) == (0.0, math.inf)


def test_takes_of_one_recording_are_drawn_together() -> None:
    counts = resample_counts(["a", "b", "a", "c"], 200, seed=1)
    assert counts.shape == (200, 4)
    assert (counts[:, 0] == counts[:, 2]).all()
    assert (counts[:, [0, 1, 3]].sum(1) == 3).all()
    assert len(np.unique(counts[:, 1])) > 2


def test_percentiles_leave_out_what_is_undefined() -> None:
    assert percentile_interval(np.array([np.nan, np.nan])) is None
    interval = percentile_interval(np.array([np.nan, *np.linspace(0, 1, 101)]))
    assert interval == (pytest.approx(0.025), pytest.approx(0.975))


def test_psds_of_long_sound_needs_little_memory() -> None:
    rng = np.random.default_rng(1)
    # All detections of 3000 steps of noise at 1001 thresholds against 25 true events at once would be 400 MB.
    truth = [LabelledSpan(12.0 * i, 12.0 * i + 4, "siren") for i in range(25)]
    scores = rng.integers(0, 1001, (3000, 1))
    tracemalloc.start()
    counts = PsdsCounts([ScoredTruth(scores, np.arange(3001) / 10, truth, 300.0)], ["siren"], PSDS1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6
    highest = np.flatnonzero(np.diff((scores[:, 0] == scores.max()).astype(int), prepend=0) == 1)
    outside = int((highest % 120 >= 40).sum())  # steps are 0.1 s
    assert counts.curves[0][:, 0, -2].tolist() == [0, outside, 0]
