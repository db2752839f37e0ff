"""The scene generator against the standards it follows and the definitions it documents."""

from __future__ import annotations

import numpy as np
import pytest

from soundsdk_sim.scenes import (
    Part,
    alarms,
    backgrounds,
    compose,
    demo_scene,
    distractors,
    make_scene,
    rooms,
    sirens,
)
from soundsdk_sim.scenes.dsp import RATE_HZ, edges, noise, rms, samples
from soundsdk_sim.scenes.recordings import Recordings, active_parts, class_name

SEEDS = range(12)


def envelope(x: np.ndarray, frame: int = 80) -> np.ndarray:
    count = len(x) // frame
    return np.sqrt(np.mean(x[: count * frame].reshape(count, frame) ** 2, axis=1))


def strongest_hz(x: np.ndarray, low_hz: float = 100.0) -> float:
    size = 1 << 15
    power = np.abs(np.fft.rfft(x * np.hanning(len(x)), size))
    freq = np.fft.rfftfreq(size, 1 / RATE_HZ)
    return float(freq[np.argmax(np.where(freq > low_hz, power, 0))])


@pytest.mark.parametrize("kind", alarms.KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_smoke_alarm_keeps_the_timing_and_pitch_of_iso_8201(kind: str, seed: int) -> None:
    x = alarms.temporal_three(np.random.default_rng(seed), 9.5, kind)
    sounding = envelope(x) > 0.3 * envelope(x).max()
    turns = np.flatnonzero(np.diff(np.concatenate(([0], sounding.astype(int), [0]))))
    on, off = turns[0::2] * 0.005, turns[1::2] * 0.005
    assert len(on) >= 6
    tolerance = 0.10 + 0.03  # 30 ms of fades and of the 5 ms frames
    assert np.all(np.abs(off - on - 0.5) <= 0.5 * tolerance)
    gaps = on[1:] - off[:-1]
    long_gap = np.arange(len(gaps)) % 3 == 2
    assert np.all(np.abs(gaps[~long_gap] - 0.5) <= 0.5 * tolerance)
    assert np.all(np.abs(gaps[long_gap] - 1.5) <= 1.5 * tolerance)
    low, high = (2800, 3400) if kind == "piezo" else (468, 572)
    assert low * 0.99 <= strongest_hz(x[: samples(0.4)]) <= high * 1.01
    assert len(x) == turns[-1] * 80 or abs(len(x) - turns[-1] * 80) < samples(0.03)  # it ends with a pulse


@pytest.mark.parametrize("seed", SEEDS)
def test_sweeps_of_wail_and_yelp_lie_in_the_published_ranges(seed: int) -> None:
    for cycles in ((10, 30), (150, 250)):
        freq = sirens.sweep(np.random.default_rng(seed), samples(12), cycles)
        assert freq.min() >= 495
        assert freq.max() <= 1955
        assert freq.max() / freq.min() >= 1.9
        lowest = np.flatnonzero((freq[1:-1] < freq[:-2]) & (freq[1:-1] <= freq[2:])) / RATE_HZ
        per_minute = 60 / np.median(np.diff(lowest))
        assert cycles[0] * 0.98 <= per_minute <= cycles[1] * 1.02


@pytest.mark.parametrize("seed", SEEDS)
def test_hi_lo_has_two_tones_a_second_to_a_fourth_apart(seed: int) -> None:
    freq = sirens.two_tone(np.random.default_rng(seed), samples(6))
    low, high = np.percentile(freq, [10, 90])
    assert 355 <= low <= 755
    assert 1.1 <= high / low <= 1.36
    assert np.mean((np.abs(freq - low) < 1) | (np.abs(freq - high) < 1)) > 0.9


@pytest.mark.parametrize("snr_db", [-5.0, 5.0, 30.0])
def test_snr_is_active_event_over_background_as_documented(snr_db: float) -> None:
    def scene(parts: list[Part]) -> np.ndarray:
        rng = np.random.default_rng(3)
        bed = noise(rng, samples(20), -3.0)
        return compose(rng, bed, parts, gain_db=6.0, room=False, microphone=False).pcm.astype(np.float64)

    with_alarm = scene([Part("smoke_alarm", 4.0, 9.0, snr_db, "piezo")])
    bed_only = scene([])
    # compose() levels by the loudest 50 ms: undo it over a stretch without the alarm.
    bed_only *= rms(with_alarm[: samples(3)]) / rms(bed_only[: samples(3)])
    span = slice(samples(4.0), samples(13.0))
    alarm = (with_alarm - bed_only)[span]
    pulses = envelope(alarm, 320) ** 2
    active = pulses[pulses > 0.3 * pulses.max()].mean()
    measured = 10 * np.log10(active / np.mean(bed_only[span] ** 2))
    assert measured == pytest.approx(snr_db, abs=1.0)


@pytest.mark.parametrize("rt60_s", [0.15, 0.4, 0.9])
def test_room_decays_with_its_rt60(rt60_s: float) -> None:
    slopes = []
    for seed in range(8):
        h = rooms.room_response(np.random.default_rng(seed), rt60_s, distance_m=2.0)
        assert h[0] == 1.0
        left = np.cumsum(h[::-1] ** 2)[::-1]  # Schroeder's backward integral
        db = 10 * np.log10(left / left[0])
        first, last = np.argmax(db < -15), np.argmax(db < -35)
        slopes.append(20.0 / (last - first) * RATE_HZ)
    assert 60.0 / np.median(slopes) == pytest.approx(rt60_s, rel=0.2)


def test_same_seed_gives_the_same_scene_and_another_seed_another() -> None:
    one, again, other = make_scene(5, 20.0), make_scene(5, 20.0), make_scene(6, 20.0)
    assert np.array_equal(one.pcm, again.pcm)
    assert one.events == again.events
    assert not np.array_equal(one.pcm, other.pcm)


def test_demo_scene_holds_an_alarm_three_sirens_and_their_truth() -> None:
    for seed in range(4):
        scene = demo_scene(seed)
        assert scene.pcm.dtype == np.int16
        assert (len(scene.pcm), scene.rate_hz) == (40 * 16000, 16000)
        assert sorted(e.label for e in scene.events) == ["siren", "siren", "siren", "smoke_alarm"]
        assert min(e.snr_db for e in scene.events) >= 5
        for before, after in zip(scene.events, scene.events[1:], strict=False):
            assert before.offset_s + 3.0 <= after.onset_s
        assert scene.events[-1].offset_s <= 40


@pytest.mark.parametrize("name", [*backgrounds.MAKERS, *distractors.KINDS, *distractors.BEEPS])
def test_every_sound_has_unit_rms_and_no_bad_number(name: str) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x = (
            backgrounds.MAKERS[name](rng, 40000)
            if name in backgrounds.MAKERS
            else distractors.distractor(rng, 2.5, name)
        )
        assert len(x) == 40000
        assert np.all(np.isfinite(x))
        assert rms(x) == pytest.approx(1.0, rel=1e-6)


def test_microphone_noise_and_clipping_stay_in_int16() -> None:
    rng = np.random.default_rng(0)
    loud = rooms.to_pcm(3.0 * np.sin(np.arange(16000)))
    assert (loud.min(), loud.max()) == (-32768, 32767)
    silence = rooms.MicrophoneResponse.draw(rng).apply(rng, np.zeros(16000))
    assert -91 < 20 * np.log10(rms(silence)) < -64


def test_recordings_are_read_by_class_and_fold_and_cut_to_where_they_sound(tmp_path) -> None:  # type: ignore[no-untyped-def]
    soundfile = pytest.importorskip("soundfile")
    rng = np.random.default_rng(0)
    burst = np.zeros(5 * 16000)
    burst[16000:24000] = 0.5 * rng.standard_normal(8000) * edges(8000, 0.01, 0.01)
    for folder, name, x in (
        ("001 - Dog bark", "1-10-A.wav", burst),
        ("001 - Dog bark", "4-11-A.wav", burst),
        ("002 - Rain", "4-12-A.wav", 0.1 * rng.standard_normal(5 * 16000)),
    ):
        (tmp_path / folder).mkdir(exist_ok=True)
        soundfile.write(tmp_path / folder / name, x, 16000)
    assert class_name("004 - Baby cry") == "baby_cry"
    held = Recordings.open(tmp_path, folds=[4])
    assert {label: len(paths) for label, paths in held.clips.items()} == {"dog_bark": 1, "rain": 1}
    assert held.background_labels == ["rain"]
    ((start, end),) = active_parts(burst)
    assert abs(start - 16000) <= 512
    assert abs(end - 24000) <= 512
    assert rms(held.background(rng, 16000 * 12)) == pytest.approx(1.0)
    assert abs(len(held.event(rng, "dog_bark")) - 8000) <= 1024
    with pytest.raises(FileNotFoundError):
        Recordings.open(tmp_path, folds=[3])
