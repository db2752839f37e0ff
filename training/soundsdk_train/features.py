"""Features of clips, computed by the device's own frontend (soundcore.Frontend)."""

from __future__ import annotations

from collections.abc import Sequence
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


def statistics(features: Sequence[NDArray[np.int8]]) -> dict[str, list[int]]:
    """Compute the model's `reference`: mean and standard deviation per value of a frame, in 1/100 of an int8 step."""
    frames = np.concatenate(list(features)).astype(np.float64)
    return {
        "mean": [round(v) for v in (frames.mean(0) * 100).tolist()],
        "std": [round(v) for v in (frames.std(0) * 100).tolist()],
    }
