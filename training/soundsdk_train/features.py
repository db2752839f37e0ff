"""Features of clips, computed by the device's own frontend (soundcore.Frontend)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from soundsdk_train.run_settings import FrontendSettings


def extract(pcm: NDArray[np.int16], settings: FrontendSettings) -> NDArray[np.int8]:
    """Compute the features (frames, width) of one clip from a cold start, in the int8 units of the model's input."""
    import soundcore

    frontend = soundcore.Frontend(**asdict(settings))
    out = np.zeros((frontend.frames_after(len(pcm)), frontend.width), np.int8)
    frontend.push(np.ascontiguousarray(pcm, np.int16).data, out.reshape(-1).data)
    return out


def minimum_samples(settings: FrontendSettings, hop_frames: int) -> int:
    """Return the number of samples that fill exactly one step; shorter clips are lengthened with silence."""
    return settings.window + settings.hop * (hop_frames - 1)


def lengthened(pcm: NDArray[np.int16], settings: FrontendSettings, hop_frames: int) -> NDArray[np.int16]:
    """Return a clip with silence behind it if it is shorter than one step, so that it gives a score."""
    return np.concatenate([pcm, np.zeros(max(0, minimum_samples(settings, hop_frames) - len(pcm)), np.int16)])


def statistics(features: Iterable[NDArray[np.int8]]) -> dict[str, list[int]]:
    """Compute the model's `reference`: mean and standard deviation per value of a frame, in 1/100 of an int8 step.

    Clips are added up one at a time as integers, so that the result is exact and needs no memory per clip.
    """
    count, total, squares = 0, np.zeros(1, np.int64), np.zeros(1, np.int64)
    for clip in features:
        count += len(clip)
        wide = clip.astype(np.int32)
        total = total + wide.sum(0, dtype=np.int64)
        squares = squares + np.square(wide, out=wide).sum(0, dtype=np.int64)
    mean = total / count
    deviation = np.sqrt(np.maximum(0.0, squares / count - mean**2))
    return {
        "mean": [round(v) for v in (mean * 100).tolist()],
        "std": [round(v) for v in (deviation * 100).tolist()],
    }
