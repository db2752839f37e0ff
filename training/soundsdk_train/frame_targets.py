"""Targets of the frames of a clip, one byte per frame and class, and those that follow from a label of the whole clip.

A byte is 0 (does not sound), 1 (sounds), UNKNOWN (not learned from) or, from 3 to 255, a probability in steps of 1/252.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundsdk_train.datasets import UNKNOWN
from soundsdk_train.run_settings import FrontendSettings

F32 = NDArray[np.float32]
Targets = NDArray[np.uint8]  # (frames, classes)

_FIRST = 3
_STEPS = 255 - _FIRST
# Value of each byte; that of UNKNOWN is not used.
VALUES: F32 = np.concatenate([[0.0, 1.0, 0.0], np.arange(_STEPS + 1) / _STEPS]).astype(np.float32)

_SMOOTH_S = 0.1
_LOUD_PERCENTILE = 95.0


def encode(probabilities: NDArray[np.floating]) -> Targets:
    """Return the bytes of probabilities; NaN becomes UNKNOWN."""
    known = np.where(np.isnan(probabilities), 0.0, np.clip(probabilities, 0.0, 1.0))
    out = (_FIRST + np.rint(known * _STEPS)).astype(np.uint8)
    out[known <= 0.0] = 0
    out[known >= 1.0] = 1
    out[np.isnan(probabilities)] = UNKNOWN
    return out


def step_targets(frames: Targets) -> F32:
    """Return the targets of steps, given those of their frames (..., hop_frames, classes): 0..1, or -1 for unknown.

    A step takes what half of its frames agree on. One whose frames hold probabilities takes the mean of those known.
    """
    sounding, unknown = (frames == 1).mean(-2), (frames == UNKNOWN).mean(-2)
    out = np.where(sounding >= 0.5, 1.0, np.where(sounding + unknown >= 0.5, -1.0, 0.0))
    fractions = frames >= _FIRST
    if fractions.any():
        known = frames != UNKNOWN
        mean = (VALUES[frames] * known).sum(-2) / np.maximum(1, known.sum(-2))
        out = np.where(fractions.any(-2), np.where(unknown > 0.5, -1.0, mean), out)
    return out.astype(np.float32)


def mixed_targets(one: F32, two: F32) -> F32:
    """Return the targets of two sounds at once: the higher, or -1 if one is unknown and the other not certain."""
    higher = np.maximum(one, two)
    return np.where((np.minimum(one, two) < 0) & (higher < 1), np.float32(-1.0), higher)


def loudness_db(features: NDArray[np.int8], frontend: FrontendSettings) -> F32:
    """Return the level of each frame in dB: the sum over its bands, averaged over 0.1 s."""
    db = (features.astype(np.float32) + 128.0) * (frontend.step_mdb / 1000.0) + frontend.floor_db
    power = (10.0 ** (db / 10.0)).sum(axis=1)
    count = min(len(power), max(1, round(_SMOOTH_S * frontend.rate_hz / frontend.hop)))
    smooth = np.convolve(power, np.ones(count), "same") / np.convolve(np.ones(len(power)), np.ones(count), "same")
    return np.asarray(10.0 * np.log10(smooth), np.float32)


def quiet_frames(features: NDArray[np.int8], frontend: FrontendSettings, quiet_db: float) -> NDArray[np.bool_]:
    """Return the frames (frames,) that are more than quiet_db below the loud parts of their clip.

    Loud is the 95th percentile of the frames' levels. None is quiet if the features are cepstra, which hold no level.
    """
    if frontend.coefficients or not len(features):
        return np.zeros(len(features), np.bool_)
    level = loudness_db(features, frontend)
    return np.asarray(level < np.percentile(level, _LOUD_PERCENTILE) - quiet_db)


def from_clip_labels(features: NDArray[np.int8], labels: F32, frontend: FrontendSettings, quiet_db: float) -> Targets:
    """Return the targets of a clip whose labels (classes,) hold somewhere in it.

    A label is present in the loud frames and UNKNOWN in the quiet ones: there a bark may ring on, or the dog be
    silent. All other classes are absent throughout.
    """
    out = np.zeros((len(features), len(labels)), np.uint8)
    present = labels > 0
    out[:, present] = np.where(quiet_frames(features, frontend, quiet_db), UNKNOWN, 1)[:, None]
    return out
