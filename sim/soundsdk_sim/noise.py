"""White noise: at a given signal-to-noise ratio, and as the floor of a quiet room."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError

QUIET_DBFS = -70.0


def quiet(samples: int, seed: int = 0) -> NDArray[np.int16]:
    """Return samples of Gaussian white noise of QUIET_DBFS RMS (0 dB: a constant at full scale)."""
    noise = np.random.default_rng(seed).normal(0.0, 10 ** (QUIET_DBFS / 20), samples)
    return np.rint(noise * 32768).astype(np.int16)


def add_noise(pcm: NDArray[np.int16], snr_db: float, seed: int = 0) -> NDArray[np.int16]:
    """Return pcm with Gaussian white noise added, as add_noise_to_blocks() does."""
    return next(iter(add_noise_to_blocks(lambda: [pcm], snr_db, seed)))


def add_noise_to_blocks(
    blocks: Callable[[], Iterable[NDArray[np.int16]]], snr_db: float, seed: int = 0
) -> Iterator[NDArray[np.int16]]:
    """Yield the blocks of a sound with Gaussian white noise added; blocks is called twice.

    snr_db: ratio of the RMS of the whole sound to that of the noise, before clipping. The same seed gives the same
    noise, however the sound is divided. Raises DataError if the sound is all zeros: no ratio to it exists.
    """
    squares, count = 0, 0
    for block in blocks():
        squares += int(np.square(block, dtype=np.int64).sum())
        count += len(block)
    if squares == 0:
        raise DataError("the sound is digital silence, so noise has no level relative to it.", "Leave out --noise-db.")
    deviation = math.sqrt(squares / count) * 10 ** (-snr_db / 20)
    rng = np.random.default_rng(seed)
    for block in blocks():
        noisy = block.astype(np.float64) + rng.standard_normal(len(block)) * deviation
        yield np.clip(np.rint(noisy), -32768, 32767).astype(np.int16)
