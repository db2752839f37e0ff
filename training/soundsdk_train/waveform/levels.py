"""Levels: gain, clipping and automatic gain control."""

from __future__ import annotations

import numpy as np

from soundsdk_train.waveform.signal import Waveform, from_db, loud_level, samples

_BLOCK = samples(0.01)


def hard_clip(x: Waveform, over_db: float) -> Waveform:
    """Drive the peaks over_db above full scale and cut them there."""
    return np.clip(_driven(x, over_db), -1.0, 1.0)


def soft_clip(x: Waveform, over_db: float) -> Waveform:
    """Drive the peaks over_db above full scale into a stage that saturates smoothly (tanh)."""
    return np.tanh(_driven(x, over_db)).astype(np.float32)


def clip(rng: np.random.Generator, x: Waveform) -> Waveform:
    """Clip x, hard or soft, by 3-24 dB."""
    over_db = float(rng.uniform(3, 24))
    return hard_clip(x, over_db) if rng.uniform() < 0.5 else soft_clip(x, over_db)


def automatic_gain(
    x: Waveform, *, target_db: float, most_db: float, attack_s: float = 0.02, release_s: float = 0.5
) -> Waveform:
    """Follow the level as the gain control of a phone does: loud sounds are turned down, pauses up.

    target_db: RMS in dBFS that it aims at. most_db: largest gain, which pauses reach after release_s.
    """
    count = -(-len(x) // _BLOCK)
    if count == 0:
        return x
    padded = np.concatenate([x, np.zeros(count * _BLOCK - len(x), np.float32)]).reshape(count, _BLOCK)
    levels = np.sqrt(np.mean(np.square(padded, dtype=np.float64), axis=1))
    wanted = np.minimum(from_db(target_db) / np.maximum(levels, 1e-7), from_db(most_db))
    fast, slow = (float(np.exp(-0.01 / t)) for t in (attack_s, release_s))
    gains = np.empty(count + 1)
    gain = gains[0] = wanted[0]
    for i, value in enumerate(wanted):
        keep = fast if value < gain else slow
        gain = gains[i + 1] = keep * gain + (1 - keep) * value
    curve = np.interp(np.arange(len(x)) / _BLOCK, np.arange(count + 1), gains)
    return (x * curve).astype(np.float32)


def gain_control(rng: np.random.Generator, x: Waveform) -> Waveform:
    """Pass x through a drawn automatic gain control."""
    target = 20 * np.log10(max(loud_level(x), 1e-5)) + rng.uniform(-6, 3)
    return automatic_gain(
        x,
        target_db=float(target),
        most_db=float(rng.uniform(6, 24)),
        attack_s=float(rng.uniform(0.005, 0.05)),
        release_s=float(rng.uniform(0.1, 1.5)),
    )


def _driven(x: Waveform, over_db: float) -> Waveform:
    top = float(np.abs(x).max()) if len(x) else 0.0
    return (x * (from_db(over_db) / top)).astype(np.float32) if top > 0 else x
