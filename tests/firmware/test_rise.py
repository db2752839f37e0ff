"""An event ends with its sound: levels of groups of bands, the rise above the background, and the detector's ends."""

from __future__ import annotations

import itertools
import json
import math
import random
from array import array
from typing import Any

import numpy as np
import pytest
import soundcore

from soundfw.detect.detector import ACTIVE, OFF, ON, OVER, QUIET, EventDetector, from_stream
from soundfw.detect.rise import Levels, Rise
from soundfw.detect.thresholds import Thresholds
from soundsdk.models.shipped import load_model

RATE, STEP = 16000, 2048
FRONTEND = {"rate_hz": RATE, "window": 512, "hop": 256, "bands": 40, "coefficients": 0, "step_mdb": 400}
MFCC = {**FRONTEND, "coefficients": 13}
STEPS_PER_S = 8  # of 128 ms, near enough
BACKGROUND, STALE = 30.0, 900  # dB above the floor; a score that stays up

Step = tuple[int, float]  # score in 1/1000, level in dB above the floor


def levels_of(frontend: dict[str, int] = FRONTEND, step_samples: int = STEP) -> tuple[Levels, array[int]]:
    width = frontend["coefficients"] or frontend["bands"]
    features = array("b", bytes(step_samples // frontend["hop"] * width))
    return Levels(memoryview(features), frontend, step_samples), features


class Detector:
    """The firmware's detector of one label, fed with scores and levels."""

    def __init__(self, **rule: int) -> None:
        self.levels, self.features = levels_of()
        rules = [Thresholds(**{"on": 600, "off": 400, "min_ms": 0, "hold_ms": 500, **rule})]
        self.firmware = EventDetector(["a"], "sigmoid", rules, 0, RATE, STEP, (1.0, 0), levels=self.levels)
        self.now = 256
        self.edges: list[tuple[str, int]] = []  # and the step in which the edge lies

    def hear(self, steps: list[Step], bands: range = range(40)) -> list[tuple[str, int]]:
        """Feed steps; the level of the other bands is that of the background. Return the edges so far."""
        for score, level in steps:
            for i in range(len(self.features)):
                here = level if i % 40 in bands else BACKGROUND
                self.features[i] = max(-128, min(127, round(here / 0.4) - 128))
            self.levels.step()
            self.now += STEP
            self.firmware.scores[0] = score
            if self.firmware.update(self.now):
                edge = "on" if self.firmware.edge[0] == ON else "off"
                self.edges.append((edge, (self.firmware.time[0] - 256) // STEP))
        return self.edges


def quiet(seconds: float, score: int = 0) -> list[Step]:
    return [(score, BACKGROUND)] * round(seconds * STEPS_PER_S)


def sound(seconds: float, level: float = 60.0, score: int = STALE) -> list[Step]:
    return [(score, level)] * round(seconds * STEPS_PER_S)


def test_an_event_ends_where_its_sound_ends_although_the_score_stays_up() -> None:
    d = Detector()
    assert d.hear([*quiet(5), *sound(3), *quiet(20, STALE)]) == [("on", 40), ("off", 64)]
    assert d.firmware.state[0] == OVER
    assert d.hear([*quiet(1), *sound(2), *quiet(4, STALE)])[2:] == [("on", 232), ("off", 248)]


def test_the_end_is_sent_when_a_pause_would_be_over() -> None:
    d = Detector()
    d.hear([*quiet(5), *sound(3)])
    sent = 0
    while len(d.edges) == 1:
        d.hear(quiet(0.125, STALE))
        sent += 1
        assert d.firmware.state[0] in (QUIET, OVER)
    assert 1800 <= sent * 128 < 1800 + 128


@pytest.mark.parametrize("pause_steps", [4, 8, 12])  # 0.5, 1.0 and 1.5 s; a smoke alarm's pause is 1.5 s
def test_pauses_are_part_of_the_event(pause_steps: int) -> None:
    pulses = [step for _ in range(6) for step in [*sound(0.5), *[(STALE, BACKGROUND)] * pause_steps]]
    edges = Detector().hear([*quiet(5), *pulses, *quiet(5)])
    assert edges == [("on", 40), ("off", 40 + 6 * (4 + pause_steps) - pause_steps)]


def test_where_the_score_falls_in_each_pause_hold_ms_decides_as_before() -> None:
    pulses = [step for _ in range(4) for step in [*sound(0.5), *quiet(1.0)]]
    assert len(Detector(hold_ms=2000).hear([*quiet(5), *pulses, *quiet(5)])) == 2
    assert len(Detector(hold_ms=500).hear([*quiet(5), *pulses, *quiet(5)])) == 8


def test_a_score_that_falls_after_its_sound_has_all_of_its_hold() -> None:
    # 4 steps of quiet with the score still up, 3 below `off`: 0.9 s from the sound's end, 0.4 s from the score's.
    gap = [*[(STALE, BACKGROUND)] * 4, *[(0, BACKGROUND)] * 3]
    edges = Detector(hold_ms=500).hear([*quiet(5), *sound(1), *gap, *sound(1), *gap, *quiet(2)])
    assert edges == [("on", 40), ("off", 40 + 8 + 7 + 8)]


def test_a_steady_sound_of_three_hours_stays_one_event() -> None:
    rng = random.Random(3)
    d = Detector()
    d.hear(quiet(5))
    minute = [(STALE, 60 + rng.uniform(-3, 3)) for _ in range(469)]
    for _ in range(180):
        d.hear(minute[: rng.randint(400, 469)])
    assert d.edges == [("on", 40)]
    assert d.firmware.state[0] == ACTIVE
    assert d.hear(quiet(4, STALE))[1][0] == "off"


def test_a_sound_that_was_there_at_the_start_is_left_to_its_score() -> None:
    # Nothing is known of the background, so the level's fall tells nothing.
    d = Detector()
    assert d.hear([*sound(4), *quiet(30, STALE)]) == [("on", -1)]
    assert d.hear([*quiet(2)])[1:] == [("off", 272)]


def test_a_stale_score_makes_no_second_event_of_a_fainter_or_a_short_sound() -> None:
    d = Detector()
    fainter, short = sound(2, BACKGROUND + 10), sound(0.8, 70.0)
    d.hear([*quiet(5), *sound(3), *quiet(2, STALE), *fainter, *quiet(1, STALE), *short, *quiet(1, STALE)])
    assert d.edges == [("on", 40), ("off", 64)]
    # It has to fall first, as after any event.
    assert d.hear([*quiet(1), *sound(1)])[2][0] == "on"


def test_a_sound_that_is_as_loud_again_for_a_second_is_an_event_although_the_score_never_fell() -> None:
    # An alarm of beeps: the network cannot tell that it stopped for a while, but a board must not be silent about it.
    beeps = [step for _ in range(4) for step in (*sound(0.5), *quiet(0.5, STALE))]
    d = Detector()
    d.hear([*quiet(5), *sound(3), *quiet(5, STALE), *beeps, *quiet(5, STALE)])
    assert [edge for edge, _ in d.edges] == ["on", "off", "on", "off"]
    assert d.edges[2] == ("on", 104)  # where the first of them began


@pytest.mark.parametrize("seconds", [0.25, 0.5, 1.5])
@pytest.mark.parametrize(("alarm_db", "bang_db"), [(8, 30), (12, 40), (20, 60), (30, 45)])
def test_a_bang_beside_an_alarm_does_not_silence_it(alarm_db: int, bang_db: int, seconds: float) -> None:
    # Whatever the bang does to the event, the alarm is reported again while it goes on.
    d = Detector()
    alarm = BACKGROUND + alarm_db
    d.hear([*quiet(5), *sound(5, alarm), *sound(seconds, BACKGROUND + bang_db), *sound(60, alarm)])
    lost = 0
    for (edge, off), (_, on) in itertools.pairwise([*d.edges, ("end", d.now // STEP)]):
        lost += on - off if edge == "off" else 0
    assert d.edges[0] == ("on", 40)
    assert d.firmware.state[0] == ACTIVE
    assert lost <= 12 * STEPS_PER_S
    assert len(d.edges) <= 3


def test_a_bang_at_the_onset_of_an_alarm_does_not_silence_it() -> None:
    d = Detector()
    d.hear([*quiet(5), *sound(0.5, BACKGROUND + 45), *sound(60, BACKGROUND + 12)])
    assert d.firmware.state[0] == ACTIVE


def test_a_score_that_dips_in_a_bang_does_not_make_the_alarm_its_own_background() -> None:
    d = Detector()
    d.hear([*quiet(5), *sound(5, 50.0), *sound(1.5, 80.0, 100), *sound(40, 50.0)])
    assert d.firmware.state[0] == ACTIVE


@pytest.mark.parametrize(("hop", "step"), [(256, 2048), (320, 320), (160, 160), (512, 512), (256, 512)])
def test_a_rise_is_forgotten_and_a_bang_passes_whatever_the_length_of_a_step(hop: int, step: int) -> None:
    frontend = {**FRONTEND, "hop": hop, "window": max(hop, 512)}
    levels, features = levels_of(frontend, step)
    rise = Rise(levels)

    def hear(seconds: float, level: float) -> None:
        for _ in range(round(seconds * RATE / step)):
            for i in range(len(features)):
                features[i] = round(level / 0.4) - 128
            levels.step()
            rise.follow(False)

    for _ in range(round(5 * RATE / step)):
        for i in range(len(features)):
            features[i] = round(BACKGROUND / 0.4) - 128
        levels.step()
    hear(5, BACKGROUND + 30)
    assert not rise.over()
    hear(0.3, BACKGROUND + 45)
    hear(5, BACKGROUND + 30)
    assert not rise.over()
    hear(10, BACKGROUND + 12)  # after a while that is what the sound is
    assert not rise.over()


@pytest.mark.parametrize("gain_db", [-18, 0, 18])
def test_the_microphones_gain_changes_no_edge(gain_db: int) -> None:
    rng = random.Random(1)
    steps: list[Step] = []
    for rise in (25, 14, 40, 9):
        steps += [*quiet(4), *sound(2, BACKGROUND + rise), *quiet(3, STALE), *sound(0.5, BACKGROUND + 12, 300)]
    steps = [(score, level + rng.uniform(-1, 1)) for score, level in steps]

    def edges(by_db: int) -> list[tuple[str, int]]:
        d = Detector()
        return d.hear([(score, level + by_db) for score, level in steps])

    assert len(edges(0)) == 8
    assert edges(gain_db) == edges(0)


@pytest.mark.parametrize("rise_db", [1, 3, 5, 7])
def test_a_sound_that_hardly_rises_is_left_to_its_score(rise_db: int) -> None:
    d = Detector()
    d.hear([*quiet(5), *sound(3, BACKGROUND + rise_db), *quiet(10, STALE), *quiet(2)])
    assert d.edges == [("on", 40), ("off", 144)]


def test_a_sound_in_a_few_bands_below_a_louder_noise_is_followed() -> None:
    # The noise is in the lowest bands and 20 dB louder: it changes nothing of what the others tell.
    d = Detector()
    features = d.features
    steps = [*quiet(5), *sound(3, 50.0), *quiet(6, STALE)]
    for score, level in steps:
        for i in range(len(features)):
            band = i % 40
            features[i] = round((70.0 if band < 8 else level if 24 <= band < 27 else BACKGROUND) / 0.4) - 128
        d.levels.step()
        d.now += STEP
        d.firmware.scores[0] = score
        if d.firmware.update(d.now):
            d.edges.append(("on" if d.firmware.edge[0] == ON else "off", (d.firmware.time[0] - 256) // STEP))
    assert d.edges == [("on", 40), ("off", 64)]


def test_a_background_that_grows_louder_leaves_the_end_to_the_score() -> None:
    d = Detector()
    d.hear([*quiet(5), *sound(3), *sound(10, 55.0)])
    assert d.edges == [("on", 40)]
    assert d.hear([(0, 55.0)] * 8)[1] == ("off", 144)


def test_a_siren_may_drive_away_slowly() -> None:
    d = Detector()
    away = [(STALE, max(BACKGROUND + 8, 80 - 0.25 * n)) for n in range(160)]  # 2 dB a second
    d.hear([*quiet(5), *sound(3, 80.0), *away])
    assert d.edges == [("on", 40)]


def test_after_a_gap_only_the_same_loudness_or_a_clear_score_goes_on() -> None:
    start = [*quiet(5), *sound(2)]
    gap = quiet(0.5)

    def edges(*more: Step, hold_ms: int = 1000) -> list[tuple[str, int]]:
        return Detector(hold_ms=hold_ms).hear([*start, *gap, *more, *quiet(3)])

    fainter = sound(1.0, BACKGROUND + 22, 500)
    assert edges(*fainter) == [("on", 40), ("off", 56)]
    assert edges(*sound(1.0, 60.0, 500)) == [("on", 40), ("off", 68)]  # the event goes on
    assert edges(*sound(1.0, BACKGROUND + 22, 600)) == [("on", 40), ("off", 68)]


def test_the_background_is_that_of_the_event_and_not_of_an_old_score() -> None:
    # The score hovers below `on` for minutes, and the place grows quieter and louder meanwhile.
    d = Detector()
    d.hear([*quiet(5), *sound(60, 50.0, 450), *quiet(60, 450), *sound(3, 50.0), *quiet(6, 450)])
    assert d.edges[-1] == ("off", 40 + 480 + 480 + 24)


def test_reset_forgets_the_background() -> None:
    d = Detector()
    d.hear([*quiet(5), *sound(3)])
    d.firmware.reset()
    d.edges.clear()
    assert d.hear([*sound(1), *quiet(10, STALE)])[1:] == []


def test_levels_are_the_loudest_bands_of_every_other_frame() -> None:
    levels, features = levels_of()
    rng = np.random.default_rng(2)
    for _ in range(20):
        frames = rng.integers(-128, 128, (8, 40)).astype(np.int8)
        features[:] = array("b", frames.tobytes())
        levels.step()
        expected = (frames[1::2].reshape(4, 5, 8).max(2).astype(int) + 128).sum(0)
        assert levels.now == expected.tolist()
    assert levels.db == 10  # four frames of 0.4 dB a step


@pytest.mark.parametrize("bands", [1, 3, 5, 7, 40, 128])
@pytest.mark.parametrize("frames", [1, 2, 5, 8, 30])
def test_every_frontend_has_levels(bands: int, frames: int) -> None:
    frontend = {**FRONTEND, "bands": bands}
    levels, features = levels_of(frontend, frames * 256)
    features[:] = array("b", [27] * len(features))
    levels.step()
    assert len(levels.now) == min(5, bands)
    assert len(set(levels.now)) == 1
    assert levels.now[0] % 155 == 0
    assert 1 <= levels.now[0] // 155 <= 8
    assert levels.block_steps >= 1


def test_the_first_coefficient_stands_for_the_bands_of_an_mfcc() -> None:
    levels, features = levels_of(MFCC)
    before, after = [0], [0]
    for q, out in ((-100, before), (-50, after)):
        for frame in range(8):
            features[13 * frame] = q
        levels.step()
        out[0] = levels.now[0]
    # An orthonormal transform: 50 steps of 0.4 dB are 20 dB, a mean over 40 bands of 20 / sqrt(40).
    assert (after[0] - before[0]) / levels.db == pytest.approx(20 / math.sqrt(40), rel=0.05)


def test_the_background_is_the_quieter_of_two_seconds_that_are_over() -> None:
    levels, features = levels_of()
    out = [0] * 5
    heard: list[float] = []
    rng = random.Random(5)
    for n in range(400):
        if n % 7 == 0:
            heard_db = rng.choice([20.0, 30.0, 44.0])
        heard.append(heard_db)
        features[:] = array("b", [round(heard_db / 0.4) - 128] * len(features))
        levels.step()
        block = levels.block_steps
        full = n // block
        assert levels.before(out) == (full >= 2)
        if full >= 2:
            means = [sum(heard[(full - k) * block : (full - k + 1) * block]) / block for k in (2, 3) if full >= k]
            assert abs(out[0] / levels.db - min(means)) < 0.5


def test_a_rise_fades_from_memory() -> None:
    levels, features = levels_of()
    rise = Rise(levels)

    def hear(db: float, steps: int, waiting: bool) -> None:
        for _ in range(steps):
            features[:] = array("b", [round(db / 0.4) - 128] * len(features))
            levels.step()
            rise.follow(waiting)

    hear(30, 24, True)
    rise.reset()
    hear(70, 4, False)
    assert rise.top == 40 * levels.db
    assert not rise.over()
    assert rise.back()
    hear(48, 1, False)
    assert rise.over()
    assert not rise.back()
    hear(48, 50, False)
    assert not rise.over()


def test_old_files_follow_the_sound_as_they_are() -> None:
    # No key of the metadata turns it on.
    for name in ("home", "esc10", "knock_doorbell"):
        stream: Any = soundcore.Stream(load_model(name).data)
        detector = from_stream(stream, json.loads(bytes(stream.metadata)))
        assert detector.levels is not None
        assert OFF not in detector.edge
