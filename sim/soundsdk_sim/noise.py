"""White noise: at a given signal-to-noise ratio, and as the floor of a quiet room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError

QUIET_DBFS = -70.0


def quiet(samples: int, seed: int = 0) -> NDArray[np.int16]:
    """Return samples of Gaussian white noise of QUIET_DBFS RMS (0 dB: a constant at full scale)."""
    noise = np.random.default_rng(seed).normal(0.0, 10 ** (QUIET_DBFS / 20), samples)
    return np.rint(noise * 32768).astype(np.int16)


def add_noise(pcm: NDArray[np.int16], snr_db: float, seed: int = 0) -> NDArray[np.int16]:
    """Return pcm with Gaussian white noise added.

    snr_db: ratio of the RMS of the whole sound to that of the noise, before clipping. The same seed gives the same
    noise. Raises DataError if the sound is all zeros: no ratio to it exists.
    """
    signal = pcm.astype(np.float64)
    rms = float(np.sqrt(np.mean(signal**2)))
    if rms == 0:
        raise DataError("the sound is digital silence, so noise has no level relative to it.", "Leave out --noise-db.")
    noise = np.random.default_rng(seed).standard_normal(len(pcm)) * rms * 10 ** (-snr_db / 20)
    return np.clip(np.rint(signal + noise), -32768, 32767).astype(np.int16)
