"""Explanations: the states of each step are those of the firmware's detector, and the verdicts are its reasons."""

from __future__ import annotations

import itertools
import json
import re
from array import array

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import BURSTS, build, metadata, tones

from soundfw.detect import detector as firmware
from soundfw.detect.rise import Levels
from soundfw.detect.thresholds import Thresholds
from soundsdk_sim.board import run_recording
from soundsdk_sim.drawing.vector import Vector
from soundsdk_sim.explain import steps
from soundsdk_sim.explain.report import explain_sound, json_objects, text_lines
from soundsdk_sim.explain.state_strip import NAMES, draw_state
from soundsdk_sim.explain.steps import follow
from soundsdk_sim.explain.verdicts import CUT_OFF, FIRED, TOO_LOW, TOO_SHORT
from soundsdk_sim.explain.whatif import fires, highest_on, near_misses

STEP_S = 0.128


def model(pool_ms: int = 300, **rule: int) -> bytes:
    one = {"on": 600, "off": 400, "min_ms": 256, "hold_ms": 500, **rule}
    return build(metadata(detector={"pool_ms": pool_ms, "classes": [dict(one), dict(one)]}))


def sound(seconds: float, *bursts: tuple[float, float], noise: float = 1e-3) -> np.ndarray:
    x = tones(seconds, [(a, b, "high") for a, b in bursts], noise=noise)
    return np.round(x * 32768).astype(np.int16)


def explained(data: bytes, pcm: np.ndarray):  # type: ignore[no-untyped-def]
    found = explain_sound(data, pcm)
    assert found is not None
    return found


def test_events_are_those_that_the_firmware_sends(model: bytes, pcm: np.ndarray) -> None:
    trace = follow(model, pcm)
    firings = sorted((f.onset_s, f.offset_s, c.label, f.peak / 1000) for c in trace.classes for f in c.firings)
    sent = run_recording(model, pcm, 16000).events
    assert len(sent) == 3
    assert firings == [(e.onset_s, e.offset_s, e.label, e.score) for e in sent]


@settings(max_examples=150, deadline=None)
@given(
    scores=st.lists(st.sampled_from([0, 250, 399, 400, 500, 599, 600, 601, 900, 1000]), min_size=1, max_size=60),
    rule=st.tuples(st.sampled_from([400, 600]), st.sampled_from([0, 1, 128, 129, 300]), st.sampled_from([0, 128, 500])),
)
def test_states_follow_the_rules_of_the_detector(scores: list[int], rule: tuple[int, int, int]) -> None:
    # The states against the definition in the docstring of soundfw.detect.detector, written as sets of steps.
    on, min_ms, hold_ms = rule
    found = follow_scores(scores, Thresholds(on, 400, min_ms, hold_ms))
    open_ = False
    for i, step in enumerate(found.steps):
        low = scores[i] < 400
        if step.state == steps.FIRED:
            assert not open_
            assert not low
            run = int(step.above_ms / 128)
            assert step.above_ms == 128 * run
            assert scores[i - run + 1] >= on
            assert min(scores[i - run + 1 : i + 1]) >= 400
            assert step.above_ms >= min_ms
            assert run == 1 or 128 * (run - 1) < min_ms
            open_ = True
        elif step.state == steps.ENDED:
            assert open_
            assert low
            open_ = False
        elif step.state == steps.HOLDING:
            run = next(n for n in range(i + 1) if scores[i - n] >= 400)
            assert step.hold_left_ms == hold_ms - 128 * run > 0
        elif step.state in (steps.RUNNING, steps.MERGED):
            assert open_
            assert not low
            assert (step.state == steps.MERGED) == (scores[i - 1] < 400)
        elif step.state == steps.RISING:
            assert not open_
            assert not low
            assert step.above_ms < min_ms
        elif step.state == steps.TOO_SHORT:
            assert not open_
            assert low
            assert found.steps[i - 1].state == steps.RISING
        else:
            assert step.state == steps.IDLE
            assert not open_
            assert scores[i] < on
        assert (step.state in steps.OPEN_STATES) == open_
    assert bool(found.firings) == any(step.state == steps.FIRED for step in found.steps)


def follow_scores(scores: list[int], rule: Thresholds) -> steps.ClassTrace:
    """Return the trace of one class with given scores, one per 128 ms."""
    real = steps.given_scores(["a"], [rule], 16000, 2048)
    follower = steps.StateFollower(real, 16000, 2048)
    for i, score in enumerate(scores, 1):
        real.scores[0] = score
        real.update(2048 * i)
        follower.step(2048 * i, [score])
    real.close(2048 * len(scores))
    follower.close()
    return follower.classes[0]


def test_a_burst_below_min_ms_is_an_attempt_with_its_duration() -> None:
    found = follow_scores([0, 650, 700, 500, 300, 0], Thresholds(600, 400, 500, 500))
    assert [s.state for s in found.steps] == ["idle", "rising", "rising", "rising", "too_short", "idle"]
    assert found.attempts == [steps.Attempt(0.128, 384.0, 700)]
    assert found.firings == []


def test_a_gap_below_the_hold_is_merged_and_a_longer_one_ends_the_event() -> None:
    found = follow_scores([700, 700, 0, 0, 450, 0, 0, 0, 0, 0], Thresholds(600, 400, 128, 300))
    assert [s.state for s in found.steps][:8] == [
        "fired", "running", "holding", "holding", "merged", "holding", "holding", "ended",
    ]  # fmt: skip
    assert [s.hold_left_ms for s in found.steps][2:4] == [172.0, 44.0]
    (firing,) = found.firings
    assert firing.merged_s == [4 * STEP_S]
    assert (firing.offset_s, firing.cut_off) == (5 * STEP_S, False)


def test_an_event_whose_sound_has_gone_is_quiet_then_over_and_its_score_stale() -> None:
    frontend = {"rate_hz": 16000, "window": 512, "hop": 256, "bands": 40, "coefficients": 0, "step_mdb": 400}
    features = array("b", bytes(320))
    levels = Levels(memoryview(features), frontend, 2048)
    rule = Thresholds(600, 400, 0, 300)
    real = firmware.EventDetector(["a"], "sigmoid", [rule], 0, 16000, 2048, (1.0, 0), levels=levels)
    follower = steps.StateFollower(real, 16000, 2048)
    heard = [(0, -60)] * 40 + [(900, 20)] * 10 + [(900, -60)] * 5 + [(900, 20)] * 2 + [(900, -60)] * 18 + [(0, -60)] * 2
    for i, (score, level) in enumerate(heard, 1):
        features[:] = array("b", [level] * 320)
        real.levels.step()
        real.scores[0] = score
        real.update(2048 * i)
        follower.step(2048 * i, [score])
    real.close(2048 * len(heard))
    follower.close()
    (found,) = follower.classes
    names = [(state, len(list(run))) for state, run in itertools.groupby(step.state for step in found.steps)]
    assert names == [
        ("idle", 40), ("fired", 1), ("running", 9), ("quiet", 5), ("merged", 1), ("running", 1), ("quiet", 14),
        ("ended", 1), ("stale", 3), ("idle", 2),
    ]  # fmt: skip
    assert found.steps[50].hold_left_ms == 1800 - 128
    assert [(f.onset_s, f.offset_s, f.merged_s) for f in found.firings] == [(40 * STEP_S, 57 * STEP_S, [55 * STEP_S])]
    assert found.attempts == []


def test_an_event_and_an_attempt_that_the_end_cuts_off_say_so() -> None:
    rule = Thresholds(600, 400, 256, 500)
    assert follow_scores([700, 700, 700], rule).firings[0].cut_off
    assert follow_scores([0, 700], rule).attempts == [steps.Attempt(0.128, 128.0, 700, cut_off=True)]


def test_raw_scores_are_those_of_a_detector_without_pooling(pcm: np.ndarray) -> None:
    pooled, alone = (follow(model(pool_ms), pcm) for pool_ms in (1000, 0))
    for a, b in zip(pooled.classes, alone.classes, strict=True):
        assert [s.raw for s in a.steps] == [s.score for s in b.steps]
        assert [s.score for s in a.steps] != [s.score for s in b.steps]


@pytest.mark.parametrize(
    ("rule", "bursts", "outcome", "says"),
    [
        ({}, [(1, 2)], FIRED, "fired 1 time: "),
        ({"on": 999}, [(1, 1.3)], TOO_LOW, "threshold 1.00: too low by "),
        ({"min_ms": 2000}, [(1, 2)], TOO_SHORT, "min 2000 ms: too short"),
        ({"min_ms": 2000}, [(3, 4)], CUT_OFF, "when the recording ended, min 2000 ms: cut off"),
        ({"hold_ms": 3000}, [(1, 1.8), (2.6, 3.4)], FIRED, "1 gap bridged by the hold, still on at the end"),
    ],
)
def test_the_verdict_names_the_reason(rule: dict, bursts: list, outcome: str, says: str) -> None:  # type: ignore[type-arg]
    verdict = explained(model(**rule), sound(4, *bursts)).verdicts[0]
    assert verdict.outcome == outcome
    assert says in verdict.sentence
    assert verdict.sentence.startswith("high: ")


def test_a_score_that_pooling_levels_out_is_told() -> None:
    verdict = explained(model(pool_ms=20000), sound(20, (15, 15.5))).verdicts[0]
    assert verdict.outcome == TOO_LOW
    assert "which pooling over 20000 ms levels out" in verdict.text


@pytest.mark.parametrize(("rule", "burst"), [({"on": 990}, 1.4), ({"min_ms": 1500}, 2.0), ({"min_ms": 60000}, 2.0)])
def test_the_advice_is_exact(rule: dict[str, int], burst: float) -> None:
    data = model(**rule)
    trace = follow(data, sound(4, (1, burst)))
    of = trace.classes[0]
    on = highest_on(trace, of)
    if on is None:
        assert rule["min_ms"] == 60000
        assert not fires(trace, of, Thresholds(1, 1, 60000, 0))
        return
    # The changed rule in the model itself: at that threshold it fires, one above it does not.
    fired = [
        bool(follow(model(**{**rule, "on": value, "off": min(400, value)}), sound(4, (1, burst))).classes[0].firings)
        for value in (on, on + 1)
    ]
    assert fired == [True, False]


def near(scores: list[int], rule: Thresholds) -> list[tuple[int, int, int, int]]:
    """Return the near misses of a class with given scores: first step, the one after the last, peak, fires at."""
    ends = np.arange(1, len(scores) + 1) * 2048
    of = follow_scores(scores, rule)
    found = near_misses(steps.Trace({}, 16000, 2048, int(ends[-1]), ends, np.zeros((0, 1), np.int8), [of]), of)
    return [(round(one.start_s / STEP_S), round(one.end_s / STEP_S), one.peak, one.fires_at) for one in found]


def test_a_near_miss_is_a_stretch_of_its_own_and_no_part_of_an_event() -> None:
    rule = Thresholds(800, 500, 256, 300)
    event = [600, 700, 900, 900, 600, 600]  # leads up to it, and away from it
    quiet = [0] * 5
    assert near([*quiet, *event, *quiet], rule) == []
    assert near([*event, *quiet, 660, 640, *quiet], rule) == [(11, 13, 660, 660)]
    # A gap that the hold bridges makes no second one; what fires with less than half of `on` is not near.
    assert near([*event, *quiet, 660, 640, 0, 700, 700, *quiet], rule) == [(11, 16, 700, 700)]
    assert [at for *_, at in near([*event, *quiet, 660, 640, *quiet, 550, 550, *quiet], rule)] == [660, 550]
    assert near([*event, *quiet, 390, 390, *quiet], rule) == []
    assert near([*event, *quiet, 790, *quiet], rule) == []  # one step, and min_ms needs two
    # Where `off` lies above it, it has to come down too.
    high = Thresholds(800, 750, 256, 300)
    assert [at for *_, at in near([*event, *quiet, 660, 660, *quiet], high)] == [660]


def test_the_near_miss_of_a_class_that_fired_is_told_with_its_exact_threshold() -> None:
    quieter = sound(9, (1, 3), (5, 5.45))
    found = explained(model(on=900), quieter)
    (one,) = found.verdicts[0].near
    told = re.search(
        r"fired 1 time: .*; nearly 1 time: 5\.\d-\d\.\d s, highest (\S+), fires at a threshold of (\S+)\.$",
        found.verdicts[0].sentence,
    )
    assert told is not None, found.verdicts[0].sentence
    assert (told[1], told[2]) == (f"{one.peak / 1000:.2f}", f"{one.fires_at / 1000:.3f}")
    # The threshold in the model itself: there it fires twice, one above it once.
    events = [len(follow(model(on=on), quieter).classes[0].firings) for on in (one.fires_at, one.fires_at + 1)]
    assert events == [2, 1]
    verdict = next(o for o in json_objects(found, "a.wav") if o["type"] == "verdict" and o["label"] == "high")
    assert [(o["peak"], o["fires_at"]) for o in verdict["near"]] == [(one.peak / 1000, one.fires_at / 1000)]


def test_a_clip_without_a_hit_names_the_threshold_even_below_off() -> None:
    clip = sound(4, (1, 1.3))
    verdict = explained(model(on=999, off=998, min_ms=0), clip).verdicts[0]
    assert verdict.outcome == TOO_LOW
    assert verdict.fires_at_on is not None
    assert verdict.advice == f"fires with a threshold and off of {verdict.fires_at_on:.3f} or less"
    at = round(1000 * verdict.fires_at_on)
    assert follow(model(on=at, off=at, min_ms=0), clip).classes[0].firings


def test_no_two_states_of_the_strip_look_alike() -> None:
    seen = set()
    for state in NAMES:
        strip = Vector(100, 20, "#ffffff")
        draw_state(strip, (0, 0, 100, 20), state, "#1f77b4")
        seen.add(strip.data().replace(NAMES[state].encode(), b""))
    assert len(seen) == len(NAMES)


def test_silence_and_clipping_are_told(pcm: np.ndarray) -> None:
    silent = explained(model(), np.zeros(32000, np.int16))
    assert silent.notes == ["every sample is 0: the recording is digital silence."]
    assert all(one.silent for one in silent.inputs)
    loud = np.clip(pcm.astype(int) * 30, -32768, 32767).astype(np.int16)
    clipped = explained(model(), loud)
    assert any("cut off flat" in note or "full scale" in note for note in clipped.notes)
    in_burst = [any(a < end < b + STEP_S for a, b, _ in BURSTS) for end in (clipped.trace.ends / 16000).tolist()]
    assert [one.clipped for one in clipped.inputs] == in_burst
    half = explained(model(), np.concatenate([pcm[:32000], np.zeros(32000, np.int16)]))
    assert any(note.startswith("digital silence for ") for note in half.notes)
    assert not explained(model(), pcm).notes


def test_every_second_and_every_step_is_told(pcm: np.ndarray) -> None:
    found = explained(model(), pcm)
    objects = list(json_objects(found, "clip.wav"))
    assert json.loads(json.dumps(objects)) == objects
    kinds = [one["type"] for one in objects]
    assert kinds == ["recording"] + ["step"] * len(found.trace.ends) + ["verdict"] * 2
    assert [row.second for row in found.seconds] == list(range(10))
    text = "\n".join(text_lines(found, "clip.wav"))
    for firing in found.trace.classes[0].firings:
        assert f"fired at {firing.fired_s:.2f} s" in text


def test_long_quiet_is_one_line() -> None:
    found = explained(model(), sound(30, (20, 21)))
    lines = list(text_lines(found, "clip.wav"))
    assert any(line.strip().startswith("0-19 ") and "no class above its off" in line for line in lines)
    assert len(lines) < 12


def test_sound_shorter_than_a_step_is_no_explanation() -> None:
    assert explain_sound(model(), np.zeros(1000, np.int16)) is None
