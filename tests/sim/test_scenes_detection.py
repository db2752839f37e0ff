"""Scenes of a minute and their events, `soundsdk evaluate-scenes`, and the shipped detectors on unseen scenes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from soundsdk.cli import run
from soundsdk.labels import LabelledSpan
from soundsdk.models.shipped import load_model
from soundsdk_sim.scenes import Recordings, Scene, SceneEvent, door_scene, make_scene
from soundsdk_sim.scenes.detection import detect_in_scenes, event_table, failures, summary
from soundsdk_sim.scenes.matching import match, on_time

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "firmware" / "models" / "home.tflite"
DATA = Path(os.environ.get("SOUNDSDK_DATA", ROOT.parent / "shared" / "data")) / "esc10"
LABELS = ["smoke_alarm", "siren", "dog_bark"]


def found(label: str, onset_s: float, offset_s: float) -> LabelledSpan:
    return LabelledSpan(onset_s, offset_s, label, 0.9)


def test_an_alarm_is_found_once_and_a_second_event_for_it_is_false() -> None:
    truth = [SceneEvent(10.0, 20.0, "smoke_alarm", snr_db=12.0)]
    outcome = match(truth, [found("smoke_alarm", 10.4, 12.0), found("smoke_alarm", 14.0, 20.5)], LABELS)
    assert outcome.pairs[0][1] == found("smoke_alarm", 10.4, 12.0)
    assert outcome.false == [found("smoke_alarm", 14.0, 20.5)]


def test_a_dog_may_bark_twice_but_not_after_its_event() -> None:
    truth = [SceneEvent(3.0, 6.0, "dog_bark", snr_db=12.0)]
    outcome = match(truth, [found("dog_bark", t, t + 0.3) for t in (3.1, 5.0, 9.0)], LABELS)
    assert outcome.false == [found("dog_bark", 9.0, 9.3)]


def test_wrong_label_is_a_miss_and_a_false_event() -> None:
    truth = [SceneEvent(3.0, 9.0, "siren", snr_db=12.0)]
    outcome = match(truth, [found("smoke_alarm", 3.0, 9.0)], LABELS)
    assert outcome.pairs == [(truth[0], None)]
    assert len(outcome.false) == 1
    assert failures([outcome]) == (1, 1)


@pytest.mark.parametrize(("delay_s", "late"), [(-0.9, False), (0.99, False), (1.2, True)])
def test_an_onset_more_than_a_second_off_counts_as_missed(delay_s: float, late: bool) -> None:
    truth = [SceneEvent(5.0, 12.0, "siren", snr_db=5.0)]
    outcome = match(truth, [found("siren", 5.0 + delay_s, 12.0)], LABELS)
    assert on_time(*outcome.pairs[0]) is not late
    assert failures([outcome]) == (int(late), 0)


def test_alarms_below_5_db_and_labels_the_model_lacks_are_not_required() -> None:
    truth = [SceneEvent(5.0, 12.0, "siren", snr_db=4.9), SceneEvent(20.0, 21.0, "baby_cry", snr_db=20.0)]
    outcome = match(truth, [], LABELS)
    assert len(outcome.pairs) == 1
    assert failures([outcome]) == (0, 0)
    assert "missed" in event_table(["1"], [outcome])
    assert "0 of 1 found" in summary([outcome])


def test_an_end_is_late_a_second_after_the_sound_was_last_heard_and_the_last_event_counts() -> None:
    bark = SceneEvent(3.0, 6.0, "dog_bark", snr_db=12.0, heard_until_s=4.5)
    outcome = match([bark], [found("dog_bark", 3.1, 3.4), found("dog_bark", 5.0, 5.75)], LABELS)
    assert outcome.end_delays_s() == [1.25]
    assert "ends late: 1 of 1, median +1.25 s" in summary([outcome])
    assert outcome.as_dict()["events"][0]["end_delay_s"] == 1.25
    alarm = SceneEvent(10.0, 20.0, "smoke_alarm", snr_db=12.0)
    timely = match([alarm], [found("smoke_alarm", 10.0, 20.5), found("smoke_alarm", 20.8, 30.0)], LABELS)
    assert timely.end_delays_s() == [10.0]  # what goes on after it has begun again
    faint = match([SceneEvent(5.0, 9.0, "siren", snr_db=4.0)], [found("siren", 5.0, 15.0)], LABELS)
    missed = match([SceneEvent(5.0, 9.0, "siren", snr_db=9.0)], [], LABELS)
    assert "ends late" not in summary([faint, missed])


def test_a_sound_is_heard_until_its_last_10_ms_above_what_is_around_it() -> None:
    from soundsdk_sim.scenes.scene import heard_until

    rng = np.random.default_rng(3)
    rate = 16000
    mix = rng.normal(0, 0.1, 6 * rate)
    sound = rng.normal(0, 1.0, 3 * rate) * np.exp(-np.arange(3 * rate) / (0.2 * rate))
    mix[rate : 4 * rate] += sound
    # 20 dB above the background at first, 8.7 dB less every 0.2 s: 3 dB above it 0.39 s after its onset.
    assert heard_until(mix, sound, rate) / rate == pytest.approx(1.39, abs=0.06)
    steady = rng.normal(0, 1.0, 2 * rate)
    assert heard_until(np.concatenate([np.zeros(rate), steady, np.zeros(rate)]), steady, rate) == 3 * rate
    unheard = rng.normal(0, 0.01, rate)
    assert heard_until(mix + 0.0, unheard, 2 * rate) == 3 * rate


def test_missing_model_is_one_sentence_and_exit_code_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate-scenes", str(tmp_path / "none.tflite")]) == 1
    assert "none.tflite" in capfd.readouterr().err


def test_the_verb_prints_every_event_and_its_exit_code_says_whether_all_is_well(
    home: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate-scenes", str(HOME), "--seeds", "8000,8001", "--seconds", "20"]
    code = run(words)
    rows = capfd.readouterr().out.splitlines()
    outcomes = detect_in_scenes(home, [make_scene(seed, 20.0) for seed in (8000, 8001)])
    assert rows == [*event_table(["8000", "8001"], outcomes).splitlines(), *summary(outcomes).splitlines()]
    missed, false = failures(outcomes)
    assert code == (0 if missed == 0 and false <= 1 else 6)


@pytest.fixture(scope="module")
def unseen_scenes() -> dict[int, Scene]:
    """Eight synthetic scenes of 60 s by seed, made once: no training used these seeds (it begins at 900000)."""
    return {seed: make_scene(seed) for seed in range(8000, 8008)}


def test_events_of_a_scene_keep_apart_and_inside(unseen_scenes: dict[int, Scene]) -> None:
    for scene in unseen_scenes.values():
        assert {"smoke_alarm", "siren"} == {e.label for e in scene.events}
        for before, after in zip(scene.events, scene.events[1:], strict=False):
            assert before.offset_s + 3.9 <= after.onset_s
        assert scene.events[0].onset_s >= 0
        assert scene.events[-1].offset_s <= 60


@pytest.fixture(scope="module")
def home() -> bytes:
    if not HOME.is_file():
        pytest.skip("firmware/models/home.tflite is not there: train it with training/configs/home.toml")
    return HOME.read_bytes()


def test_home_finds_every_alarm_in_eight_unseen_synthetic_scenes(home: bytes, unseen_scenes: dict[int, Scene]) -> None:
    outcomes = detect_in_scenes(home, unseen_scenes.values())
    missed, false = failures(outcomes)
    assert (missed, false <= 1) == (0, True), event_table([str(s) for s in unseen_scenes], outcomes)


def test_home_finds_every_alarm_over_real_backgrounds_it_was_not_trained_on(home: bytes) -> None:
    if not DATA.is_dir():
        pytest.skip(f"no recordings in {DATA}: set SOUNDSDK_DATA to the folder that holds esc10")
    seeds = range(8000, 8008)
    recordings = Recordings.open(DATA, folds=[4])  # home is trained with fold 4 held out
    outcomes = detect_in_scenes(home, [make_scene(seed, 60.0, recordings) for seed in seeds])
    missed, false = failures(outcomes)
    assert (missed, false <= 1) == (0, True), event_table([str(s) for s in seeds], outcomes)


def test_knock_doorbell_hears_the_door_in_eight_unseen_scenes_and_its_events_end() -> None:
    # 21 of 22 and 3 false when it was made; backgrounds of a front door are full of what rings and hits.
    seeds = range(8000, 8008)
    outcomes = detect_in_scenes(load_model("knock_doorbell").data, [door_scene(seed, 60.0) for seed in seeds])
    table = event_table([str(seed) for seed in seeds], outcomes)
    missed, false = failures(outcomes)
    assert (missed <= 2, false <= 4) == (True, True), table
    ends = [found.offset_s - true.offset_s for o in outcomes for true, found in o.pairs if found is not None]
    assert len(ends) >= 20
    assert max(ends) < 1.0, table


def test_home_is_silent_on_digital_silence_and_steady_noise(home: bytes) -> None:
    from soundsdk_sim.scenes.detection import detect

    rng = np.random.default_rng(0)
    assert detect(home, np.zeros(30 * 16000, np.int16)) == []
    for level in (3, 300, 3000):
        assert detect(home, (level * rng.standard_normal(30 * 16000)).clip(-32768, 32767).astype(np.int16)) == []
