"""The signal type of waveform effects and what several of them need."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soxr
from numpy.typing import NDArray

from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, from_db, rms, samples, shape

Waveform = NDArray[np.float32]  # mono, 16 kHz, full scale 1.0

_FRAME_S = 0.032


def filtered(x: Waveform, response: Callable[[Signal], Signal]) -> Waveform:
    """Filter by a magnitude response, a function of frequency in Hz, without a delay."""
    return shape(x.astype(np.float64), response).astype(np.float32)


def resampled(x: Waveform, from_hz: float, to_hz: float) -> Waveform:
    """Return x at another rate."""
    out: Waveform = np.asarray(soxr.resample(x, from_hz, to_hz), np.float32)
    return out


def fitted(x: Waveform, length: int) -> Waveform:
    """Return x cut, or lengthened with zeros, to a length in samples."""
    return x[:length] if len(x) >= length else np.concatenate([x, np.zeros(length - len(x), np.float32)])


def loud_level(x: Waveform) -> float:
    """Return the RMS of the loud part: the 90th percentile over frames of 32 ms; 0 if there is nothing."""
    size = samples(_FRAME_S)
    count = len(x) // size
    if count == 0:
        return rms(x.astype(np.float64))
    levels = np.sqrt(np.mean(np.square(x[: count * size].reshape(count, size), dtype=np.float64), axis=1))
    return float(np.percentile(levels, 90))


__all__ = ["RATE_HZ", "Waveform", "filtered", "fitted", "from_db", "loud_level", "resampled", "samples"]
