"""The bank a network trains on: the clips, their waveform variants and, beside them, negatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError
from soundsdk_train.augment import Bank
from soundsdk_train.datasets import UNKNOWN, LabelledClip, label_matrix
from soundsdk_train.frame_targets import from_clip_labels
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
    weak = label_matrix([*clips, *negatives], labels, soft=True)
    sigmoid = settings.model.head == "sigmoid"
    features: list[NDArray[np.int8]] = []
    strong: list[Strong | None] = []
    rows, copies = [], []
    for number, (row, clip) in enumerate(zip(weak, [*clips, *negatives], strict=True)):
        if clip.features is None:
            raise DataError(f"{clip.name} has no features.", "Compute them with features.extract.")
        original = clip.strong
        if original is None and sigmoid and (not row.any() or settings.train.quiet_db > 0):
            original = from_clip_labels(clip.features, row, settings.frontend, settings.train.quiet_db)
        features += [clip.features, *(v.features for v in clip.variants)]
        strong.append(original)
        strong += [_strong_of(v, row, original) if sigmoid else None for v in clip.variants]
        rows += [row] * (1 + len(clip.variants))
        if number < len(clips):
            copies.append(1 + len(clip.variants))
    return Bank(features, np.array(rows), strong, copies, len(negatives))


def _strong_of(variant: FeatureVariant, row: NDArray[np.float32], original: Strong | None) -> Strong:
    """Return the labels of a variant in time: those of its clip while the recording lasts, else 0.

    The recording may be faster or slower, but evenly so. Without labels in time, the clip's labels are UNKNOWN.
    """
    out = np.zeros((len(variant.features), len(row)), np.uint8)
    lasting = variant.end - variant.onset
    if original is None:
        out[variant.onset : variant.end, row > 0] = UNKNOWN
    else:
        at = ((np.arange(lasting) + 0.5) / max(1, lasting) * len(original)).astype(np.int64)
        out[variant.onset : variant.end] = original[at]
    return out
