"""Codecs: what transmission and compression leave of a sound."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.scenes.dsp import high_pass, low_pass
from soundsdk_train.waveform.signal import RATE_HZ, Waveform, filtered, fitted, from_db, resampled

TELEPHONE_HZ = 8000
_LINES = 576  # per block, as an MP3 granule; 36 ms, over which the noise of quantisation spreads before an attack
_BANDS = 21
_MU = 255.0


def codec(rng: np.random.Generator, x: Waveform) -> Waveform:
    """Send x through a drawn codec: a telephone line, mu-law, or a transform codec of a drawn quality."""
    kind = int(rng.integers(4))
    if kind == 0:
        return telephone(x)
    if kind == 1:
        return mu_law(x)
    cutoff_hz = float(rng.choice([3500.0, 4000.0, 5500.0, 7000.0, 8000.0]))
    return transform_codec(x, snr_db=float(rng.uniform(4, 20)), cutoff_hz=cutoff_hz)


def mu_law(x: Waveform) -> Waveform:
    """Quantise to the 256 levels of mu-law companding (ITU-T G.711, mu = 255)."""
    coded = np.sign(x) * np.log1p(_MU * np.minimum(np.abs(x), 1.0)) / np.log1p(_MU)
    steps = np.clip(np.rint(coded * 127.5 - 0.5), -128, 127) + 0.5
    coded = steps / 127.5
    return (np.sign(coded) * np.expm1(np.abs(coded) * np.log1p(_MU)) / _MU).astype(np.float32)


def telephone(x: Waveform) -> Waveform:
    """Send x over a telephone line: 300-3400 Hz, 8 kHz, mu-law."""
    narrow = filtered(x, lambda f: high_pass(f, 300.0, 4) * low_pass(f, 3400.0, 8))
    sent = mu_law(resampled(narrow, RATE_HZ, TELEPHONE_HZ))
    return fitted(resampled(sent, TELEPHONE_HZ, RATE_HZ), len(x))


def transform_codec(x: Waveform, snr_db: float, cutoff_hz: float) -> Waveform:
    """Quantise x in the frequency domain, as MP3, AAC and Opus do at low rates.

    A modified discrete cosine transform of 576 lines, each of 21 bands quantised with a step that leaves its noise
    snr_db below it. Weak lines become zero and come and go, noise spreads over the block (pre-echo), and nothing is
    left above cutoff_hz.
    """
    if not len(x):
        return x
    count = -(-len(x) // _LINES) + 1
    padded = np.zeros((count + 1) * _LINES, np.float64)
    padded[_LINES : _LINES + len(x)] = x
    window, basis = _mdct()
    blocks = np.lib.stride_tricks.sliding_window_view(padded, 2 * _LINES)[::_LINES]
    lines = (blocks * window) @ basis
    edge = np.unique(np.rint(_LINES * (np.expm1(np.linspace(0, np.log(50), _BANDS + 1)) / 49)).astype(np.int64))
    top = round(_LINES * min(1.0, 2 * cutoff_hz / RATE_HZ))
    for first, last in pairwise(edge):
        band = lines[:, first:last]
        step = np.sqrt(12.0 * np.mean(band**2, axis=1, keepdims=True)) * from_db(-snr_db)
        step = np.maximum(step, 1e-9)
        lines[:, first:last] = np.rint(band / step) * step
    lines[:, top:] = 0.0
    halves = (lines @ basis.T) * window
    out = np.zeros_like(padded)
    for half in (0, 1):
        part = halves[:, half * _LINES : (half + 1) * _LINES].ravel()
        out[half * _LINES : half * _LINES + len(part)] += part
    return out[_LINES : _LINES + len(x)].astype(np.float32)


@lru_cache(maxsize=1)
def _mdct() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sine window (2 lines,) and the orthonormal MDCT basis (2 lines, lines)."""
    n, k = np.arange(2 * _LINES)[:, None], np.arange(_LINES)[None, :]
    basis = np.sqrt(2.0 / _LINES) * np.cos(np.pi / _LINES * (n + 0.5 + _LINES / 2) * (k + 0.5))
    return np.sin(np.pi * (np.arange(2 * _LINES) + 0.5) / (2 * _LINES)), basis
