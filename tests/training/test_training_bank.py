"""The training bank: variants beside their clip, and what is known of each frame."""

from __future__ import annotations

import numpy as np
from training_sounds import need, quick_settings

from soundsdk_train.augment import Bank
from soundsdk_train.datasets import UNKNOWN, LabelledClip
from soundsdk_train.run_settings import RunSettings
from soundsdk_train.training_bank import training_bank
from soundsdk_train.waveform import FeatureVariant


def clip(label: str, variants: int, strong: np.ndarray | None = None) -> LabelledClip:
    made = [FeatureVariant(np.full((30, 40), 5, np.int8), 10, 20) for _ in range(variants)]
    features = np.zeros((20, 40), np.int8)
    return LabelledClip(label, np.zeros(0, np.int16), (label,), "", "", features, strong, made)


def settings(head: str) -> RunSettings:
    out = RunSettings()
    out.model.head = head
    return out


def test_around_a_sound_and_in_a_clip_without_a_label_there_is_known_to_be_none() -> None:
    bank = training_bank([clip("bell", 2), clip("street", 1)], ["bell"], settings("sigmoid"))
    assert bank.copies.tolist() == [3, 2]
    assert bank.labels[:, 0].tolist() == [1, 1, 1, 0, 0]
    assert bank.strong is not None
    assert bank.has_strong.tolist() == [0, 1, 1, 1, 1]
    of_variant = bank.strong.of(1)[:, 0]
    assert of_variant.tolist() == [0] * 10 + [UNKNOWN] * 10 + [0] * 10
    assert not any(bank.strong.of(i).any() for i in range(3, len(bank)))


def test_a_softmax_head_has_no_labels_in_time() -> None:
    bank = training_bank([clip("bell", 2), clip("street", 1)], ["bell", "street"], settings("softmax"))
    assert bank.strong is None
    assert bank.copies.tolist() == [3, 2]


def test_labels_in_time_move_with_the_recording_in_its_variants() -> None:
    half, empty = np.zeros((20, 1), np.uint8), np.zeros((20, 1), np.uint8)
    half[10:] = 1
    bank = training_bank([clip("bell", 2, half), clip("street", 2, empty)], ["bell"], settings("sigmoid"))
    assert bank.copies.tolist() == [3, 3]
    assert bank.strong is not None
    # The variant has the recording's 20 frames in its frames 10 to 20: twice as fast.
    of_variant = bank.strong.of(1)[:, 0]
    assert of_variant.tolist() == [0] * 15 + [1] * 5 + [0] * 10
    assert not any(bank.strong.of(i).any() for i in range(3, len(bank)))


def test_quiet_frames_of_a_labelled_clip_are_not_learned_as_the_label() -> None:
    one = clip("bell", 0)
    assert one.features is not None
    one.features[:10] = 80  # 32 dB louder than the rest
    loud = settings("sigmoid")
    loud.train.quiet_db = 20.0
    bank = training_bank([one, clip("street", 0)], ["bell", "horn"], loud)
    assert bank.strong is not None
    assert bank.strong.of(0)[:8, 0].tolist() == [1] * 8
    assert bank.strong.of(0)[14:20, 0].tolist() == [UNKNOWN] * 6
    assert not bank.strong.of(0)[:, 1].any()
    assert not any(bank.strong.of(i).any() for i in range(1, len(bank)))
    assert training_bank([one], ["bell"], settings("sigmoid")).strong is None


def test_soft_labels_take_the_place_of_labels() -> None:
    one = clip("bell", 1)
    one.soft_labels = np.array([0.25, -1.0], np.float32)
    bank = training_bank([one, clip("horn", 0)], ["bell", "horn"], settings("sigmoid"))
    assert bank.labels.tolist() == [[0.25, -1.0], [0.25, -1.0], [0.0, 1.0]]


def test_a_label_of_the_whole_clip_is_learned_though_its_frames_are_unknown() -> None:
    need("tensorflow")
    from soundsdk_train import training_loop

    rng = np.random.default_rng(0)
    shape = np.zeros((2, 40), np.int8)
    shape[0, 5:10], shape[1, 25:30] = 80, 80  # two spectra: the bell, and another sound of the same level
    features = [(shape[i % 2] + rng.integers(0, 20, (60, 40))).astype(np.int8) for i in range(12)]
    strong = [np.full((60, 1), 0 if i % 2 else UNKNOWN, np.uint8) for i in range(12)]
    chosen = quick_settings(model={"head": "sigmoid"}, train={"epochs": 40})
    bank = Bank(features, np.array([[1.0], [0.0]] * 6, np.float32), strong)
    trained = training_loop.fit(bank, chosen, chosen.model)
    logits = training_loop.clip_logits(trained.model, features, 1)[:, 0]
    assert logits[::2].min() > 0.0 > logits[1::2].max()
