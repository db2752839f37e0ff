"""The training bank: variants beside their clip, and what is known of each frame."""

from __future__ import annotations

import numpy as np

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
    of_variant = bank.strong[bank.starts[1] : bank.starts[2], 0]
    assert of_variant.tolist() == [0] * 10 + [UNKNOWN] * 10 + [0] * 10
    assert not bank.strong[bank.starts[3] :].any()


def test_a_softmax_head_has_no_labels_in_time() -> None:
    bank = training_bank([clip("bell", 2), clip("street", 1)], ["bell", "street"], settings("softmax"))
    assert bank.strong is None
    assert bank.copies.tolist() == [3, 2]


def test_events_labelled_in_time_have_no_variants_but_negatives_have() -> None:
    marked, empty = np.ones((20, 1), np.uint8), np.zeros((20, 1), np.uint8)
    bank = training_bank([clip("bell", 2, marked), clip("street", 2, empty)], ["bell"], settings("sigmoid"))
    assert bank.copies.tolist() == [1, 3]
