"""Fingerprints of clips, by which the same sound is not taken twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundsdk_train.features import extract
from soundsdk_train.run_settings import FrontendSettings

F32 = NDArray[np.float32]

ALIKE = 0.98  # correlation from which two clips hold the same sound
_FLUCTUATION = 3.0  # weight of how a band fluctuates against how loud it is


def fingerprint(pcm: NDArray[np.int16], frontend: FrontendSettings) -> F32:
    """Return the fingerprint of a clip (2 * width,): the mean and the fluctuation of each band, of unit length.

    Neither level nor place in time changes it: the product of two is their correlation, 1 for the same sound.
    """
    features = extract(pcm, frontend).astype(np.float32)
    if not len(features):
        return np.zeros(2 * frontend.width, np.float32)
    mean, spread = features.mean(axis=0), features.std(axis=0)
    both = np.concatenate([mean - mean.mean(), _FLUCTUATION * (spread - spread.mean())])
    length = float(np.linalg.norm(both))
    return np.asarray(both / length if length > 0 else both, np.float32)


def alike(one: F32, others: list[F32]) -> bool:
    """Return True if a clip's fingerprint is that of another one."""
    return bool(others) and float((np.stack(others) @ one).max()) >= ALIKE
