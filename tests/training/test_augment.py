"""Augmentation: repeatable, inside int8, and each change does what it says."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundsdk_train.augment import Augmenter, Bank
from soundsdk_train.run_settings import AugmentSettings, FrontendSettings, TrainSettings

NOTHING = AugmentSettings(1.0, 0.0, 0.0, 0.0, 0.0, [-300.0, -300.0], 0.0, 0.0, 0.0, 0, 0, 0, 0)


def bank(n: int = 12, seed: int = 0, strong: bool = False) -> Bank:
    rng = np.random.default_rng(seed)
    features = [rng.integers(-128, 128, (int(rng.integers(20, 90)), 40)).astype(np.int8) for _ in range(n)]
    marks = [np.eye(3, dtype=np.uint8)[np.full(len(f), i % 3)] for i, f in enumerate(features)] if strong else None
    return Bank(features, np.eye(3, dtype=np.float32)[np.arange(n) % 3], marks)


def augmenter(b: Bank, seed: int = 1, **changes: Any) -> Augmenter:
    return Augmenter(
        b, replace(NOTHING, **changes), TrainSettings(batch=6, window_frames=48), FrontendSettings(), 8, seed
    )


def test_no_change_gives_the_clip_back() -> None:
    # Constant in time, so that the random start does not show; every band differs.
    bands = np.arange(-80, 80, 4, dtype=np.int8)
    b = Bank([np.tile(bands, (30, 1)), np.tile(bands[::-1], (50, 1))], np.eye(2, dtype=np.float32))
    out = augmenter(b).batch(np.array([1, 0]))
    np.testing.assert_array_equal(out.features[0] * 32, np.tile(bands[::-1], (48, 1)))
    np.testing.assert_array_equal(out.features[1] * 32, np.tile(bands, (48, 1)))
    np.testing.assert_array_equal(out.labels, [[0, 1], [1, 0]])


def test_the_same_seed_gives_the_same_batches_and_another_seed_others() -> None:
    first, second, other = (
        list(
            Augmenter(
                bank(), AugmentSettings(), TrainSettings(batch=6, window_frames=48), FrontendSettings(), 8, s
            ).epoch()
        )
        for s in (1, 1, 2)
    )
    assert len(first) == 2
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.features, b.features)
        np.testing.assert_array_equal(a.labels, b.labels)
    assert any((a.features != b.features).any() for a, b in zip(first, other, strict=True))


def test_features_stay_on_the_int8_grid() -> None:
    settings = replace(AugmentSettings(), gain_db=60.0)
    out = Augmenter(bank(), settings, TrainSettings(batch=12, window_frames=48), FrontendSettings(), 8, 1)
    q = next(out.epoch()).features * 32
    np.testing.assert_array_equal(q, np.rint(q))
    assert q.min() >= -128
    assert q.max() <= 127


def flat(level: int, n: int = 4) -> Bank:
    return Bank([np.full((60, 40), level, np.int8)] * n, np.eye(3, dtype=np.float32)[np.arange(n) % 3])


def test_gain_shifts_the_level_by_its_decibels() -> None:
    q = augmenter(flat(0), gain_db=12.0).batch(np.arange(4)).features * 32
    for clip in q:
        assert np.ptp(clip) == 0
        assert abs(clip[0, 0]) <= 30  # 12 dB are 30 steps of 0.4 dB
    assert np.ptp(q[:, 0, 0]) > 0


def test_a_mel_shift_moves_a_tone_to_neighbouring_bands() -> None:
    tone = np.full((60, 40), -128, np.int8)
    tone[:, 20] = 100
    q = augmenter(Bank([tone] * 6, np.eye(6, dtype=np.float32)), mel_shift=3.0).batch(np.arange(6)).features
    peaks = q[:, 0].argmax(-1)
    assert (np.abs(peaks - 20) <= 3).all()
    assert len(set(peaks.tolist())) > 1


def test_noise_sets_a_floor_and_leaves_loud_sounds_alone() -> None:
    quiet, loud = (
        augmenter(flat(level), noise_db=[-70.0, -70.0]).batch(np.arange(4)).features * 32 for level in (-128, 100)
    )
    # -70 dB is 30 dB above the floor of -100 dB: 75 steps above -128. Fluctuations are a few dB.
    assert abs(float(quiet.mean()) - (-128 + 75)) < 8
    np.testing.assert_array_equal(loud, 100)


def test_mixing_adds_power_and_shares_a_single_label() -> None:
    out = augmenter(flat(0), mixup=1.0, mixup_level_db=0.0).batch(np.arange(4))
    np.testing.assert_allclose(out.features, 0.0, atol=1 / 32)  # half and half of equal sounds
    np.testing.assert_allclose(out.labels.sum(1), 1.0)
    assert (out.labels == 0.5).any()


def test_mixing_keeps_all_of_several_labels() -> None:
    labels = np.array([[1, 0, 0], [0, 1, 1]], np.float32)
    both = Bank([np.zeros((60, 40), np.int8)] * 2, labels)
    out = augmenter(both, mixup=1.0).batch(np.arange(2))
    np.testing.assert_array_equal(out.labels, np.ones((2, 3)))


def test_strong_labels_follow_shift_and_stretch() -> None:
    # The class sounds exactly where the features are loud.
    features = np.full((96, 40), -100, np.int8)
    features[32:64] = 100
    marks = np.zeros((96, 1), np.uint8)
    marks[32:64] = 1
    b = Bank([features] * 8, np.ones((8, 1), np.float32), [marks] * 8)
    out = Augmenter(b, replace(NOTHING, stretch=1.25), TrainSettings(window_frames=96), FrontendSettings(), 8, 4)
    got = out.batch(np.arange(8))
    loud = got.features[..., 0].reshape(8, 12, 8).mean(-1)
    inside = np.abs(loud * 32) > 99  # steps that lie wholly in or out
    np.testing.assert_array_equal(got.strong[..., 0][inside], (loud > 0)[inside])
    assert inside.mean() > 0.6
    assert got.has_strong.tolist() == [1.0] * 8


def test_masks_cover_stripes() -> None:
    b = bank(seed=3)
    plain = augmenter(b, seed=9).batch(np.arange(6)).features
    masked = augmenter(b, seed=9, band_masks=2, band_mask_bands=6).batch(np.arange(6)).features
    changed = (plain != masked).any(1)  # (clips, bands)
    assert changed.any()
    assert (changed.sum(1) <= 12).all()


@pytest.mark.parametrize("strong", [False, True])
def test_a_bank_smaller_than_a_batch_still_trains(strong: bool) -> None:
    batches = list(
        Augmenter(bank(3, strong=strong), NOTHING, TrainSettings(window_frames=16), FrontendSettings(), 8, 1).epoch()
    )
    assert len(batches) == 1
    assert batches[0].strong.shape == (3, 2, 3)
    assert (batches[0].has_strong == float(strong)).all()


def test_an_epoch_has_one_copy_of_each_recording_and_the_asked_share_of_negatives() -> None:
    # Constant clips whose value says what they are: recordings 10, 20, 30 with copies one above, negatives -50.
    values = [10, 11, 12, 20, 30, 31, -50, -51]
    features = [np.full((60, 40), v, np.int8) for v in values]
    labels = np.array([[1.0]] * 6 + [[0.0]] * 2, np.float32)
    b = Bank(features, labels, None, [3, 1, 2], negatives=2)
    source = Augmenter(b, NOTHING, TrainSettings(batch=6, window_frames=48), FrontendSettings(), 8, 1, 0.5)
    seen: set[int] = set()
    for _ in range(30):
        (batch,) = source.epoch()
        got = np.rint(batch.features[:, 0, 0] * 32).astype(int)
        assert sorted(v // 10 for v in got if v > 0) == [1, 2, 3]  # one of each
        assert (got < 0).sum() == 3  # half of the batch
        np.testing.assert_array_equal(batch.labels[:, 0], got > 0)
        seen |= set(got.tolist())
    assert seen == set(values)  # every copy and every negative has its turn
    with pytest.raises(ValueError, match="copies"):
        Bank(features, labels, None, [3, 1, 2])


def test_a_large_batch_keeps_its_size_when_negatives_join_it() -> None:
    features = [np.zeros((60, 40), np.int8)] * 100
    b = Bank(features, np.zeros((100, 1), np.float32), None, None, negatives=20)
    source = Augmenter(b, NOTHING, TrainSettings(batch=32, window_frames=48), FrontendSettings(), 8, 1, 0.25)
    batches = list(source.epoch())
    assert {len(batch.labels) for batch in batches} == {32}
    assert len(batches) == 80 // 24


def test_digital_silence_stays_so_without_a_noise_floor_and_whatever_the_gain() -> None:
    b = Bank([np.full((60, 40), -128, np.int8)] * 8, np.ones((8, 1), np.float32))
    changes = {"gain_db": 12.0, "colour_db": 6.0, "noise_db": [-60.0, -60.0]}
    assert (augmenter(b, **changes, noiseless=1.0).batch(np.arange(8)).features * 32 == -128).all()
    noisy = (augmenter(b, **changes, noiseless=0.5).batch(np.arange(8)).features * 32 > -128).mean((1, 2))
    assert set(noisy.round().tolist()) == {0.0, 1.0}  # some have the floor, some stay silent


def test_a_bank_reads_a_mapped_file_and_does_not_copy_it(tmp_path: Path) -> None:
    np.save(tmp_path / "values.npy", np.random.default_rng(0).integers(-128, 128, (64 * 100, 40)).astype(np.int8))
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    views = [mapped[i * 100 : (i + 1) * 100] for i in range(64)]
    labels = np.eye(4, dtype=np.float32)[np.arange(64) % 4]
    tracemalloc.start()
    try:
        bank = Bank(views, labels, [None] * 63 + [np.ones((100, 4), np.uint8)])
        assert tracemalloc.get_traced_memory()[1] < mapped.nbytes / 4
    finally:
        tracemalloc.stop()
    assert np.shares_memory(bank.values.of(5), mapped)
    index = np.array([[99, 0, 7], [1, 1, 2]])
    np.testing.assert_array_equal(bank.values.take(np.array([63, 2]), index), [views[63][index[0]], views[2][index[1]]])
    assert bank.strong is not None
    assert bank.strong.take(np.array([63, 2]), index).tolist() == [[[1] * 4] * 3, [[0] * 4] * 3]
    with pytest.raises(ValueError, match="not as long"):
        Bank(views, labels, [np.ones((99, 4), np.uint8)] + [None] * 63)
