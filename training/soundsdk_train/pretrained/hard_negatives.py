"""The negatives that a network is most mistaken about, brought up more often."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.detector_file import FEATURE_SCALE
from soundsdk_train.augment import Bank
from soundsdk_train.run_settings import RunSettings

_BATCH = 64


def with_hard_negatives(bank: Bank, model: Any, settings: RunSettings) -> Bank:
    """Return a bank in which the negatives that score highest stand pretrained.hard_times instead of once.

    Hard is the share pretrained.hard_share of them. The features are those of the bank that was given. With a softmax
    head, where no single score is a mistake, and without negatives it is the bank itself.
    """
    chosen = settings.pretrained
    hard = round(chosen.hard_share * bank.negatives)
    if settings.model.head == "softmax" or not hard or chosen.hard_times == 1:
        return bank
    first = len(bank) - bank.negatives
    numbers = np.arange(first, len(bank))
    scores = highest_logits(bank, model, numbers, settings.train.window_frames)
    worst = numbers[np.argsort(-scores, kind="stable")[:hard]]
    order = np.concatenate([np.arange(len(bank)), np.tile(worst, chosen.hard_times - 1)])
    out = copy.copy(bank)
    out.lengths, out.values = bank.lengths[order], bank.values.of_clips(order)
    out.strong = None if bank.strong is None else bank.strong.of_clips(order)
    out.labels, out.has_strong = bank.labels[order], bank.has_strong[order]
    out.negatives = len(order) - first
    return out


def highest_logits(bank: Bank, model: Any, numbers: NDArray[np.int64], frames: int) -> NDArray[np.float32]:
    """Return the highest logit of any label in any step of the clips (numbers,), of their first frames.

    Clips that are shorter are repeated, as they are in training.
    """
    classes = bank.labels.shape[1]
    out = np.zeros(len(numbers), np.float32)
    for at in range(0, len(numbers), _BATCH):
        batch = numbers[at : at + _BATCH]
        frame = np.arange(frames)[None, :] % bank.lengths[batch][:, None]
        outputs = model(bank.values.take(batch, frame).astype(np.float32) * FEATURE_SCALE, training=False)
        out[at : at + _BATCH] = np.asarray(outputs, np.float32)[..., :classes].max((1, 2))
    return out
