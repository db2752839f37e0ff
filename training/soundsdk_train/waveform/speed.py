"""Speed and pitch."""

from __future__ import annotations

import numpy as np

from soundsdk_train.waveform.signal import RATE_HZ, Waveform, fitted, resampled, samples

_WINDOW = samples(0.032)
_HOP = _WINDOW // 2
_SEARCH = samples(0.008)


def change_speed(x: Waveform, factor: float) -> Waveform:
    """Play x faster by a factor, pitch included, as a tape does: len(x) / factor samples."""
    if len(x) == 0 or abs(factor - 1.0) < 1e-4:
        return x
    return resampled(x, RATE_HZ * factor, RATE_HZ)


def change_pitch(x: Waveform, factor: float) -> Waveform:
    """Raise the pitch and the formants by a factor and keep the length in samples."""
    if len(x) < 2 * _WINDOW or abs(factor - 1.0) < 1e-4:
        return x
    return fitted(change_speed(change_tempo(x, 1.0 / factor), factor), len(x))


def change_tempo(x: Waveform, factor: float) -> Waveform:
    """Play x faster by a factor at its own pitch: len(x) / factor samples.

    Waveform-similarity overlap-add (WSOLA, Verhelst and Roelands 1993): each window is taken within 8 ms of where the
    tempo puts it, at the place that best continues the window before it.
    """
    length = round(len(x) / factor)
    if len(x) < 2 * _WINDOW:
        return x
    padded = np.concatenate([np.zeros(_SEARCH, np.float32), x, np.zeros(2 * _WINDOW + 2 * _SEARCH, np.float32)])
    fade = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(_WINDOW) + 0.5) / _WINDOW)).astype(np.float32)
    count = length // _HOP + 2
    out = np.zeros(count * _HOP + _WINDOW, np.float32)
    at = _SEARCH  # in padded
    for i in range(count):
        if i:
            wanted = padded[at + _HOP : at + _HOP + _WINDOW]
            target = min(_SEARCH + round(i * _HOP * factor), len(padded) - _WINDOW - _SEARCH)
            region = padded[target - _SEARCH : target + _SEARCH + _WINDOW]
            if len(wanted) < _WINDOW:
                break
            at = target - _SEARCH + _most_similar(region, wanted)
        out[i * _HOP : i * _HOP + _WINDOW] += fade * padded[at : at + _WINDOW]
    return fitted(out[_HOP:], length) if count > 1 else out[:length]


def _most_similar(region: Waveform, wanted: Waveform) -> int:
    """Return the offset in region at which the normalised correlation with wanted is largest."""
    products = np.correlate(region, wanted, "valid")
    energy = np.concatenate([[0.0], np.cumsum(np.square(region, dtype=np.float64))])
    norm = np.sqrt(np.maximum(energy[len(wanted) :] - energy[: -len(wanted)], 1e-9))
    return int(np.argmax(products / norm))
