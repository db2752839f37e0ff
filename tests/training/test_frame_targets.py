"""Targets per frame: their bytes, steps and mixtures, and what a label of the whole clip says of its frames."""

from __future__ import annotations

import numpy as np
from training_sounds import RATE, sound

from soundsdk_train.augment import Augmenter, Bank
from soundsdk_train.datasets import UNKNOWN
from soundsdk_train.features import extract
from soundsdk_train.frame_targets import (
    VALUES,
    encode,
    from_clip_labels,
    mixed_targets,
    quiet_frames,
    step_targets,
)
from soundsdk_train.run_settings import AugmentSettings, FrontendSettings, TrainSettings

FRONTEND = FrontendSettings()


def test_bytes_hold_probabilities_to_a_quarter_percent():
    p = np.linspace(-0.1, 1.1, 1001)
    coded = encode(p)
    assert (coded != UNKNOWN).all()
    np.testing.assert_allclose(VALUES[coded], np.clip(p, 0, 1), atol=0.0021)
    assert encode(np.array([0.0, 1.0, np.nan])).tolist() == [0, 1, UNKNOWN]


def test_steps_of_certain_frames_take_what_half_of_them_agree_on():
    frames = np.array([[0, 0, 1, 1], [0, 0, 0, 1], [UNKNOWN, 0, 0, 1], [UNKNOWN, UNKNOWN, 0, 0]], np.uint8)
    assert step_targets(frames[:, :, None])[:, 0].tolist() == [1.0, 0.0, -1.0, -1.0]


def test_steps_of_probabilities_take_the_mean_of_what_is_known():
    half, known = int(encode(np.array([0.5]))[0]), int(encode(np.array([0.2]))[0])
    frames = np.array(
        [[half, known, half, known], [half, UNKNOWN, 1, 0], [half, UNKNOWN, UNKNOWN, UNKNOWN], [1, 1, 1, 0]], np.uint8
    )
    np.testing.assert_allclose(step_targets(frames[:, :, None])[:, 0], [0.35, 0.5, -1.0, 1.0], atol=0.003)


def test_two_sounds_at_once_have_the_higher_target_if_that_is_known():
    one = np.array([0.0, 0.0, 0.3, -1.0, -1.0, -1.0, 1.0], np.float32)
    two = np.array([0.0, 1.0, 0.6, 0.0, 1.0, -1.0, -1.0], np.float32)
    expected = np.array([0.0, 1.0, 0.6, -1.0, 1.0, -1.0, 1.0], np.float32)
    np.testing.assert_array_equal(mixed_targets(one, two), expected)
    np.testing.assert_array_equal(mixed_targets(two, one), expected)


def test_batches_carry_probabilities_and_unknown_labels():
    strong = np.tile(encode(np.array([[0.25, np.nan]])), (64, 1))
    features = np.zeros((64, 40), np.int8)
    bank = Bank([features] * 4, np.array([[0.25, -1.0]] * 4, np.float32), [strong] * 4)
    settings = AugmentSettings(mixup=1.0, stretch=1.0, mel_shift=0.0, time_masks=0, band_masks=0)
    batch = next(Augmenter(bank, settings, TrainSettings(window_frames=32, batch=4), FRONTEND, 8, 1).epoch())
    np.testing.assert_allclose(batch.strong[..., 0], 0.25, atol=0.003)
    assert (batch.strong[..., 1] == -1).all()
    assert batch.labels.tolist() == [[0.25, -1.0]] * 4


def test_pauses_of_a_labelled_clip_are_unknown_and_its_sounds_the_label():
    rng = np.random.default_rng(1)
    bark = rng.normal(0, 0.2, RATE // 2)
    room = rng.normal(0, 0.001, 3 * RATE)
    room[RATE // 2 : RATE] += bark
    room[2 * RATE : 2 * RATE + RATE // 2] += 0.5 * bark  # 6 dB fainter
    features = extract((room * 32767).astype(np.int16), FRONTEND)
    targets = from_clip_labels(features, np.array([1.0, 0.0], np.float32), FRONTEND, 20.0)
    at_s = (np.arange(len(features)) * FRONTEND.hop + FRONTEND.window / 2) / FRONTEND.rate_hz
    sounding = ((at_s > 0.5) & (at_s < 1.0)) | ((at_s > 2.0) & (at_s < 2.5))
    edge = np.min([np.abs(at_s - t) for t in (0.5, 1.0, 2.0, 2.5)], axis=0) < 0.1
    np.testing.assert_array_equal(targets[~edge, 0], np.where(sounding, 1, UNKNOWN)[~edge])
    assert not targets[:, 1].any()


def test_steady_sound_has_no_quiet_frames_nor_have_cepstra():
    rng = np.random.default_rng(1)
    steady = extract((sound("noise", rng) * 32767).astype(np.int16), FRONTEND)
    assert not quiet_frames(steady, FRONTEND, 20.0).any()
    assert not quiet_frames(np.array([[100], [-100]], np.int8), FrontendSettings(coefficients=1), 20.0).any()
