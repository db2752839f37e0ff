"""The frontend's formula in float64, for tests only: it bounds the error of the fixed-point code.

Nothing is shared with the C code but the formula in ``frontend.h``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """The settings of ``soundcore.Frontend``, with its defaults."""

    rate_hz: int = 16000
    window: int = 512
    hop: int = 256
    fft: int = 512
    bands: int = 40
    low_hz: int = 60
    high_hz: int = 7600
    coefficients: int = 0
    floor_db: int = -100
    step_mdb: int = 400

    @property
    def width(self) -> int:
        """Values per frame."""
        return self.coefficients or self.bands


def mel_weights(s: Settings) -> Array:
    """Triangles, shape (bands, fft / 2 + 1): HTK mel scale, peak 1, each half at least one bin wide."""
    mel = np.linspace(*(2595 * np.log10(1 + np.array([s.low_hz, s.high_hz]) / 700)), s.bands + 2)
    points = 700 * (10 ** (mel / 2595) - 1) * s.fft / s.rate_hz
    centre = points[1:-1, None]
    rise = np.maximum(centre - points[:-2, None], 1.0)
    fall = np.maximum(points[2:, None] - centre, 1.0)
    bins = np.arange(s.fft // 2 + 1)[None, :]
    return np.maximum(0.0, np.minimum(1 - (centre - bins) / rise, 1 - (bins - centre) / fall))


def levels_db(pcm: NDArray[np.int16], s: Settings) -> Array:
    """Band levels in dB, shape (frames, bands); 0 dB is the peak bin of a full-scale sine at a bin centre."""
    count = 1 + (len(pcm) - s.window) // s.hop if len(pcm) >= s.window else 0
    index = np.arange(count)[:, None] * s.hop + np.arange(s.window)[None, :]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(s.window) / s.window)
    spectrum = np.fft.rfft(pcm.astype(np.float64)[index] * hann, s.fft, axis=1)
    power = np.abs(spectrum) ** 2 / (32768 * s.window / 4) ** 2
    return np.asarray(10 * np.log10(np.maximum(power @ mel_weights(s).T, 1e-30)))


def features(pcm: NDArray[np.int16], s: Settings) -> Array:
    """Return what the int8 features would be without rounding, clamped to -128..127; shape (frames, width)."""
    steps = (levels_db(pcm, s) - s.floor_db) * 1000 / s.step_mdb
    if s.coefficients:
        b = np.arange(s.bands)
        k = np.arange(s.coefficients)
        dct = np.sqrt(2 / s.bands) * np.cos(np.pi * k[:, None] * (2 * b[None, :] + 1) / (2 * s.bands))
        dct[0] = np.sqrt(1 / s.bands)
        steps = np.maximum(steps, 0.0) @ dct.T
        steps[:, 0] -= 128
    else:
        steps = steps - 128
    return np.asarray(np.clip(steps, -128.0, 127.0))
