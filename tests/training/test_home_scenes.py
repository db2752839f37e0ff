"""Tests of what is unknown in training, the choice of thresholds on scenes, and the settings of `home`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soundsdk_sim.scenes import SceneEvent
from soundsdk_sim.scenes.scene import REQUIRED_LABELS
from soundsdk_train.augment import Augmenter, Bank
from soundsdk_train.calibration import on_scenes
from soundsdk_train.datasets import UNKNOWN
from soundsdk_train.evaluation.deployed import ScoredRecording
from soundsdk_train.run_settings import AugmentSettings, FrontendSettings, TrainSettings, read_settings

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = FrontendSettings()


def test_unknown_frames_reach_the_loss_as_minus_one_and_a_sounding_mixture_wins() -> None:
    frames, width = 64, FRONTEND.width
    quiet = np.full((frames, width), -128, np.int8)
    strong = [np.full((frames, 1), value, np.uint8) for value in (0, 1, UNKNOWN)]
    bank = Bank([quiet] * 3, np.array([[0.0], [1.0], [1.0]], np.float32), strong)
    plain = AugmentSettings(mixup=0.0, stretch=1.0)
    train = TrainSettings(batch=3, window_frames=frames)
    batch = Augmenter(bank, plain, train, FRONTEND, 8, seed=1).batch(np.array([0, 1, 2]))
    assert [set(np.unique(s)) for s in batch.strong] == [{0.0}, {1.0}, {-1.0}]
    mixing = AugmentSettings(mixup=1.0, stretch=1.0)
    two = Bank([quiet] * 2, np.array([[1.0], [1.0]], np.float32), strong[1:])
    mixed = Augmenter(two, mixing, TrainSettings(batch=2, window_frames=frames), FRONTEND, 8, seed=1)
    assert (mixed.batch(np.array([0, 1])).strong == 1.0).all()
    other = Bank([quiet] * 2, np.array([[0.0], [1.0]], np.float32), [strong[0], strong[2]])
    mixed = Augmenter(other, mixing, TrainSettings(batch=2, window_frames=frames), FRONTEND, 8, seed=1)
    assert (mixed.batch(np.array([0, 1])).strong == -1.0).all()


def scored(spans: list[tuple[float, float, int]], truth: list[SceneEvent]) -> on_scenes.ScoredScene:
    """Scores of 30 s: 10, but `value` within each (start, end, value) in seconds."""
    ends = [2304 + 2048 * i for i in range(230)]
    scores = [[next((v for a, b, v in spans if a <= e / 16000 < b), 10)] for e in ends]
    recording = ScoredRecording(
        "",
        [event.label for event in truth[:1]],
        np.array(scores, np.int32),
        np.array(ends),
        30 * 16000,
        16000,
        2048,
        list(truth),
    )
    return on_scenes.ScoredScene(truth, recording)


@pytest.mark.parametrize(("label", "splits"), [("smoke_alarm", 2), ("doorbell", 0)])  # a bell may ring again
def test_penalty_counts_false_and_missed_events_and_hold_bridges_the_pauses(label: str, splits: int) -> None:
    truth = [SceneEvent(5.0, 15.0, label, snr_db=10.0)]
    pulses = [(5.3, 7.5, 900), (9.0, 11.5, 900), (13.0, 15.0, 900)]  # the score falls in the pauses of 1.5 s
    beep = [(20.0, 20.6, 700)]
    scene = scored([*pulses, *beep], truth)
    short = {"on": 600, "off": 300, "min_ms": 0, "hold_ms": 500}
    bridged = {**short, "hold_ms": 2300}
    high = {**bridged, "on": 800}
    deaf = {**bridged, "on": 950}
    cost = [on_scenes.penalty([scene], label, limits) for limits in (short, bridged, high, deaf)]
    false = on_scenes.FALSE_COST
    assert cost[0] == pytest.approx((splits + 1) * false, abs=0.1)  # the splits and the beep
    assert cost[1] == pytest.approx(false, abs=0.1)  # the beep
    assert cost[2] == pytest.approx(0.0, abs=0.1)
    assert cost[3] == pytest.approx(on_scenes.MISSED_COST, abs=0.1)


def test_home_settings_are_valid_and_within_the_limits_of_a_small_board() -> None:
    from soundsdk_train.crnn import cost
    from soundsdk_train.training_run import BUDGET

    settings = read_settings(ROOT / "training" / "configs" / "home.toml")
    assert settings.scenes.labels == ["smoke_alarm", "siren", "dog_bark", "baby_cry"]
    figures = cost(settings.model, settings.frontend.width, 4, 62.5)
    assert figures["parameters"] <= BUDGET["parameters"]
    assert figures["macs_per_second"] <= BUDGET["macs_per_second"]
    # A training example holds a whole scene: a label of the clip then holds for what is shown.
    assert settings.train.window_frames <= int(settings.scenes.seconds * 16000 - 512) // 256 + 1


@pytest.mark.parametrize("labels", [["doorbell", "knock"], ["smoke_alarm", "siren", "dog_bark", "baby_cry"]])
def test_scenes_to_choose_thresholds_on_hold_the_detectors_own_events(labels: list[str]) -> None:
    scenes = on_scenes.validation_scenes(3, labels, None)
    heard = {event.label for scene in scenes for event in scene.events}
    assert heard & set(REQUIRED_LABELS) == set(labels) & set(REQUIRED_LABELS)
    again = on_scenes.validation_scenes(1, labels, None)
    assert np.array_equal(again[0].pcm, scenes[0].pcm)
