"""Doorbells and knocks have the pitch, rhythm and decay of their kind, differ from each other, and depend on a seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from soundsdk_sim.scenes import bells, chime_voices, door_scene, doorbells, impacts, knocks
from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, frame_levels
from soundsdk_sim.scenes.scene import DOOR_LABELS
from soundsdk_sim.scenes.struck import Modes, bar, blow_spectrum, plate, strike

RATE = float(RATE_HZ)


def strongest_hz(x: Signal) -> float:
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    return float(np.fft.rfftfreq(len(x), 1 / RATE)[spectrum.argmax()])


def centroid_hz(x: Signal) -> float:
    power = np.abs(np.fft.rfft(x)) ** 2
    return float((np.fft.rfftfreq(len(x), 1 / RATE) * power).sum() / power.sum())


def level_db(x: Signal, start_s: float, end_s: float) -> float:
    part = x[int(start_s * RATE) : int(end_s * RATE)]
    return 10 * np.log10(float(np.mean(part**2)) + 1e-20)


def blow_onsets(x: Signal) -> list[float]:
    """Return the times at which the level of 8 ms frames rises by more than 12 dB, 60 ms apart at least."""
    level = 20 * np.log10(frame_levels(x, 128) + 1e-6 * np.abs(x).max())
    before = np.array([level[max(0, i - 4) : i].min() if i else -200.0 for i in range(len(level))])
    out: list[float] = []
    for i in np.flatnonzero(level - before > 12.0):
        at = float(i) * 128 / RATE
        if not out or at - out[-1] > 0.06:
            out.append(at)
    return out


def test_a_struck_mode_has_its_pitch_and_decay_and_a_soft_blow_leaves_the_treble_out() -> None:
    one = Modes(np.array([1000.0]), np.array([0.6]), np.array([1.0]))
    sound = strike(one, 0.0002, 2.0)
    assert strongest_hz(sound[:8000]) == pytest.approx(1000.0, abs=3.0)
    assert level_db(sound, 0.05, 0.1) - level_db(sound, 0.35, 0.4) == pytest.approx(30.0, abs=0.5)  # 60 dB in 0.6 s
    assert len(sound) < 0.85 * RATE  # it ends when it has died away
    hz = np.array([0.0, 100.0, 250.0, 1000.0])
    driven = blow_spectrum(hz, 0.002)
    assert driven[0] == pytest.approx(1.0)
    assert driven[2] == pytest.approx(np.pi / 4)  # f = 1 / (2 T), where the formula is 0 / 0
    assert driven[3] < 0.1 < driven[1]
    body = plate(np.random.default_rng(1), 100.0, 0.1)
    assert centroid_hz(strike(body, 0.008, 1.0)) < 0.7 * centroid_hz(strike(body, 0.0003, 1.0))


def test_the_partials_of_a_bar_are_inharmonic_and_none_lies_beyond_half_the_rate() -> None:
    modes = bar(np.random.default_rng(0), 600.0, 2.0)
    assert modes.hz[0] == 600.0
    assert modes.hz[1] / 600.0 == pytest.approx(2.756, rel=0.05)
    assert (np.diff(modes.decay_s) < 0).all()
    high = strike(bar(np.random.default_rng(0), 3000.0, 1.0), 0.0002, 1.0)
    assert np.isfinite(high).all()
    assert not len(strike(bar(np.random.default_rng(0), 9000.0, 1.0), 0.0002, 1.0))


@pytest.mark.parametrize("kind", [*doorbells.KINDS, *doorbells.UNLABELLED_KINDS])
def test_a_doorbell_sounds_where_it_says_and_a_seed_decides_it(kind: str) -> None:
    for seed in range(15):
        made = doorbells.doorbell_sound(np.random.default_rng(seed), 4.0, kind)
        again = doorbells.doorbell_sound(np.random.default_rng(seed), 4.0, kind)
        assert np.array_equal(made.sound, again.sound)
        assert np.isfinite(made.sound).all()
        assert made.spans[0][0] == 0
        assert all(0 <= a < b <= len(made.sound) <= 4 * RATE_HZ for a, b in made.spans)
        assert all(b <= c for (_, b), (c, _) in zip(made.spans, made.spans[1:], strict=False))
        loud = float(np.sqrt(np.mean(made.sound**2)))
        assert loud > 0.005
        assert level_db(made.sound, 0.0, 0.08) > 20 * np.log10(loud) - 25  # it starts at once
    with pytest.raises(ValueError, match="no such doorbell"):
        doorbells.doorbell_sound(np.random.default_rng(0), 4.0, "gong")


def test_ding_is_about_a_third_above_dong() -> None:
    ratios = []
    for seed in range(60):
        high_hz, low_hz, gap_s = doorbells.two_tones(np.random.default_rng(seed))
        assert 480 <= high_hz <= 1150
        assert 0.2 < gap_s < 1.0
        ratios.append(high_hz / low_hz)
    assert 1.1 < min(ratios) < 1.15
    assert 1.3 < max(ratios) < 1.37
    assert 1.15 < np.median(ratios) < 1.3
    # In the sound: the strongest pitch before the second tone is a third above that long after it.
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        made = doorbells.doorbell_sound(rng, 4.0, "ding_dong")
        start, end = made.spans[0]
        found.append(strongest_hz(made.sound[start : start + 3200]) / strongest_hz(made.sound[end - 9600 : end]))
    assert np.mean([1.08 < ratio < 1.42 for ratio in found]) > 0.6


def test_a_chime_is_known_with_its_second_tone_and_ends_when_it_has_died_away() -> None:
    assert not set(doorbells.KINDS) & set(doorbells.UNLABELLED_KINDS)
    lengths = []
    for seed in range(40):
        single = doorbells.doorbell_sound(np.random.default_rng(seed), 6.0, "ding")
        two = doorbells.doorbell_sound(np.random.default_rng(seed), 6.0, "ding_dong")
        assert single.known_s == 0.7
        # Not before the second tone has begun, 0.22 to 0.95 s after the first, and soon after.
        assert 0.33 < two.known_s < 1.08
        strongest = float(np.abs(two.sound).max())
        assert np.abs(two.sound[-320:]).max() > 1e-4 * strongest  # no silence after it
        lengths.append(len(two.sound) / RATE)
    assert min(lengths) < 3.5
    assert max(lengths) <= 6.0
    # The second tone is there when it is known: the pitch of the next 60 ms is not that of the first 100 ms alone.
    changed = 0
    for seed in range(40):
        two = doorbells.doorbell_sound(np.random.default_rng(seed), 6.0, "electronic")
        at = round((two.known_s - 0.12) * RATE)
        before, after = (np.abs(np.fft.rfft(two.sound[a : a + 1600] * np.hanning(1600))) for a in (at - 1600, at + 160))
        changed += float((before * after).sum() / np.sqrt((before**2).sum() * (after**2).sum())) < 0.95
    assert changed >= 36


def test_a_buzzer_shakes_with_the_mains() -> None:
    shares = []
    for seed in range(20):
        sound = doorbells.doorbell_sound(np.random.default_rng(seed), 4.0, "buzzer").sound[: RATE_HZ // 4]
        power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
        hz = np.fft.rfftfreq(len(sound), 1 / RATE)
        low = hz < 2000
        combs = [power[low & (np.abs((hz + base / 2) % base - base / 2) < 7.0)].sum() for base in (50.0, 60.0)]
        shares.append(max(combs) / power[low].sum())
    assert np.median(shares) > 0.7  # 0.28 of the band if it had no pitch
    assert np.mean([share > 0.4 for share in shares]) > 0.9


def test_the_clapper_strikes_10_to_25_times_a_second() -> None:
    for seed in range(8):
        made = doorbells.doorbell_sound(np.random.default_rng(seed), 3.0, "ringing")
        start, end = made.spans[0]
        level = np.diff(np.log(frame_levels(made.sound[start:end], 64) + 1e-6))
        spectrum = np.abs(np.fft.rfft(level - level.mean()))
        rates = np.fft.rfftfreq(len(level), 64 / RATE)
        inside = (rates > 8.5) & (rates < 28)
        assert spectrum[inside].max() > 3.0 * np.median(spectrum)


def test_a_melody_has_three_notes_or_more_and_a_voice_its_pitch() -> None:
    lengths = [len(doorbells.tune(np.random.default_rng(seed))) for seed in range(40)]
    assert min(lengths) >= 3
    assert max(lengths) <= 12
    for kind in chime_voices.VOICES:
        voice = chime_voices.draw_voice(np.random.default_rng(3), 1.5, kind)
        note = voice(700.0, 1.0, 1.0)
        spectrum = np.abs(np.fft.rfft(note * np.hanning(len(note))))
        near = spectrum[round(690 * len(note) / RATE) : round(710 * len(note) / RATE) + 1].max()
        assert near > 0.2 * spectrum.max(), kind
        assert level_db(note, 0.05, 0.1) > level_db(note, 0.8, 0.85) + 10, kind
    with pytest.raises(ValueError, match="no such voice"):
        chime_voices.draw_voice(np.random.default_rng(0), 1.0, "organ")


@pytest.mark.parametrize("rhythm", list(knocks.RHYTHMS))
def test_the_blows_of_a_knock_fall_when_a_hand_lets_them(rhythm: str) -> None:
    counts = set()
    for seed in range(60):
        times = knocks.blow_times(np.random.default_rng(seed), rhythm)
        gaps = np.diff(times)
        assert times[0] == 0.0
        assert 2 <= len(times) <= 15
        assert gaps.min() > 0.04
        assert gaps.max() < 2.2
        counts.add(len(times))
        if rhythm == "even" and len(times) <= 4:
            assert np.median(gaps) < 0.45
        if rhythm == "pairs":
            assert gaps[0] < 0.6 * gaps[1]
        if rhythm == "haircut" and len(times) == 7:
            assert gaps[4] > 1.3 * gaps[0] > 1.9 * gaps[1]
    assert len(counts) >= 2


def test_the_sound_of_a_knock_has_its_blows_and_each_has_died_away_in_time() -> None:
    right = total = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        drawn = knocks.draw_knock(rng, "solid", "knuckle", "even")
        made = knocks.knock_sound(rng, 9.0, drawn)
        onsets = blow_onsets(made.sound)
        right += sum(any(abs(t - at) < 0.03 for at in onsets) for t in drawn.blows_s)
        total += len(drawn.blows_s)
        last_s = drawn.blows_s[-1]
        assert level_db(made.sound, last_s + 0.5, last_s + 0.6) < level_db(made.sound, last_s, last_s + 0.1) - 30
        assert made.spans[0][0] == 0
        assert made.spans[-1][1] == pytest.approx((last_s + knocks.HEARD_S) * RATE, abs=2)
    assert right > 0.9 * total


def test_knocks_are_rows_of_blows_and_metal_rings_longer_than_wood() -> None:
    rng = np.random.default_rng(5)
    pairs = knocks.Knock("solid", "knuckle", "pairs", [0.0, 0.15, 1.0, 1.15])
    made = knocks.knock_sound(rng, 4.0, pairs)
    assert [(a / RATE, b / RATE) for a, b in made.spans] == [
        pytest.approx((0.0, 0.25), abs=1e-3),
        pytest.approx((1.0, 1.25), abs=1e-3),
    ]

    def decay(door: str) -> float:
        drops = []
        for seed in range(30):
            sound = knocks.knock_sound(
                np.random.default_rng(seed), 2.0, knocks.Knock(door, "knuckle", "even", [0.0, 0.9])
            ).sound
            drops.append(level_db(sound, 0.0, 0.05) - level_db(sound, 0.15, 0.2))
        return float(np.median(drops))

    assert decay("hollow") > decay("metal") + 5
    short = knocks.knock_sound(rng, 0.3, knocks.Knock("glass", "fist", "even", [0.0, 0.9]))
    assert len(short.sound) <= 0.3 * RATE
    with pytest.raises(ValueError, match="no such rhythm"):
        knocks.draw_knock(rng, rhythm="waltz")
    with pytest.raises(ValueError, match="no such door"):
        knocks.draw_knock(rng, door="curtain")


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: doorbells.doorbell_sound(rng, 4.0).sound,
        lambda rng: knocks.knock_sound(rng, 4.0).sound,
    ],
    ids=["doorbell", "knock"],
)
def test_what_is_drawn_varies_widely(make: Callable[[np.random.Generator], Signal]) -> None:
    sounds = [make(np.random.default_rng(seed)) for seed in range(80)]
    octaves = np.log2([centroid_hz(x) for x in sounds])
    assert np.ptp(octaves) > 2.5
    assert np.std(octaves) > 0.4
    assert np.ptp([len(x) / RATE for x in sounds]) > 1.5


def test_a_mouse_clicks_high_and_short_and_bumps_on_the_microphone_are_dull() -> None:
    for seed in range(8):
        click = impacts.mouse_clicks(np.random.default_rng(seed), 4 * RATE_HZ)
        bump = impacts.handling(np.random.default_rng(seed), 4 * RATE_HZ)
        assert centroid_hz(bump) < 700
        assert centroid_hz(click) > 700
        levels = np.sort(frame_levels(click, 256) ** 2)[::-1]
        assert levels[: len(levels) // 5].sum() > 0.9 * levels.sum()  # quiet for four fifths of the time


@pytest.mark.parametrize("table", [impacts.IMPACTS, bells.BELLS], ids=["impacts", "bells"])
def test_what_is_mistaken_for_an_event_fills_its_time(
    table: dict[str, Callable[[np.random.Generator, int], Signal]],
) -> None:
    for make in table.values():
        for seed in range(3):
            x = make(np.random.default_rng(seed), 48_000)
            assert len(x) == 48_000
            assert np.sqrt(np.mean(x**2)) == pytest.approx(1.0)
            assert np.array_equal(x, make(np.random.default_rng(seed), 48_000))
    with pytest.raises(ValueError, match="no such"):
        impacts.impacts(np.random.default_rng(0), 100, "thunder")
    with pytest.raises(ValueError, match="no such"):
        bells.bell_music(np.random.default_rng(0), 100, "cow")


def test_a_hammer_keeps_on_and_steps_are_slower_than_knocks() -> None:
    for seed in range(6):
        assert len(blow_onsets(impacts.hammering(np.random.default_rng(seed), 5 * RATE_HZ))) >= 4
        level = frame_levels(impacts.footsteps(np.random.default_rng(seed), 8 * RATE_HZ), 512)
        level -= level.mean()
        echo = np.correlate(level, level, "full")[len(level) :]  # of one frame late, two, ...
        assert 0.28 < (int(echo[8:32].argmax()) + 9) * 512 / RATE < 1.0


def test_a_scene_of_a_door_has_its_events_apart_and_a_seed_decides_it() -> None:
    labels: list[str] = []
    for seed in range(4):
        scene = door_scene(seed, 30.0)
        assert np.array_equal(scene.pcm, door_scene(seed, 30.0).pcm)
        assert len(scene.pcm) == 30 * RATE_HZ
        for first, second in zip(scene.events, scene.events[1:], strict=False):
            assert second.onset_s > first.offset_s + 3.0
        labels += [e.label for e in scene.events]
    assert set(labels) == set(DOOR_LABELS)
