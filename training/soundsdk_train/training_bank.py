"""The bank a network trains on: the clips, their waveform variants and, beside them, negatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError
from soundsdk_train.augment import Bank
from soundsdk_train.datasets import UNKNOWN, LabelledClip, label_matrix
from soundsdk_train.run_settings import RunSettings
from soundsdk_train.waveform import FeatureVariant

Strong = NDArray[np.uint8]


def training_bank(
    clips: Sequence[LabelledClip],
    labels: Sequence[str],
    settings: RunSettings,
    negatives: Sequence[LabelledClip] = (),
) -> Bank:
    """Return clips, their variants and negatives as a bank.

    With a sigmoid head, what is around the recording in a variant is known to be no event, and a clip without any of
    the labels is known to be none in every frame.
    """
    weak = label_matrix([*clips, *negatives], labels)
    features: list[NDArray[np.int8]] = []
    strong: list[Strong | None] = []
    rows, copies = [], []
    for number, (row, clip) in enumerate(zip(weak, [*clips, *negatives], strict=True)):
        if clip.features is None:
            raise DataError(f"{clip.name} has no features.", "Compute them with features.extract.")
        original = clip.strong
        if original is None and settings.model.head == "sigmoid" and not row.any():
            original = np.zeros((len(clip.features), len(labels)), np.uint8)
        # Speed and place move a sound, so events that are labelled in time have no variants.
        variants = clip.variants if original is None or not original.any() else []
        features += [clip.features, *(v.features for v in variants)]
        strong.append(original)
        strong += [_strong_of(v, row, settings) for v in variants]
        rows += [row] * (1 + len(variants))
        if number < len(clips):
            copies.append(1 + len(variants))
    return Bank(features, np.array(rows), strong, copies, len(negatives))


def _strong_of(variant: FeatureVariant, row: NDArray[np.float32], settings: RunSettings) -> Strong | None:
    """Return the labels of a variant in time: UNKNOWN for its clip's labels while the recording lasts, else 0."""
    if settings.model.head != "sigmoid":
        return None
    out = np.zeros((len(variant.features), len(row)), np.uint8)
    out[variant.onset : variant.end, row > 0] = UNKNOWN
    return out
