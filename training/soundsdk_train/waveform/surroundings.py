"""Surroundings of a recording: the quiet before and after it, a noise floor, other sounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from soundsdk_sim.scenes.dsp import Signal, edges, noise, rms
from soundsdk_train.waveform.signal import Waveform, from_db, loud_level, samples

Backgrounds = Callable[[np.random.Generator, int], Signal]


def trimmed(x: Waveform, below_db: float) -> Waveform:
    """Cut the quiet before and after a sound, of frames more than below_db under the loudest; 0.1 s of it stays.

    Data sets pad short sounds with silence, which is then taught as the sound.
    """
    size = samples(0.02)
    count = len(x) // size
    if count < 2:
        return x
    levels = np.square(x[: count * size].reshape(count, size), dtype=np.float64).mean(1)
    loud = np.flatnonzero(levels > levels.max() * from_db(-below_db) ** 2)
    if not len(loud):
        return x
    margin = samples(0.1)
    return x[max(0, int(loud[0]) * size - margin) : (int(loud[-1]) + 1) * size + margin]


def place(
    rng: np.random.Generator, x: Waveform, lead_s: tuple[float, float], tail_s: float
) -> tuple[Waveform, int, int]:
    """Hide the start of a recording: a clip on disk begins abruptly, which no sound on a board does.

    A stretch of drawn length comes before it, up to tail_s after it, and both ends fade over 5-200 ms; now and then
    the recording is cut into instead, so that it starts amid the sound. The stretches are zeros, for a floor and
    other sounds to be added over the whole. Returns the samples, and the onset and end of the recording in them.
    """
    if rng.uniform() < 0.15 and len(x) > samples(1.0):
        x = x[int(rng.integers(0, round(0.4 * len(x)))) :]
    fade_s = rng.uniform(0.005, min(0.2, 0.1 * len(x) / 16000 + 0.005), 2)
    before, after = samples(rng.uniform(*lead_s)), samples(rng.uniform(0.0, tail_s))
    y = np.zeros(before + len(x) + after, np.float32)
    y[before : before + len(x)] = x * edges(len(x), *fade_s)
    return y, before, before + len(x)


def mix(x: Waveform, other: Signal, snr_db: float) -> Waveform:
    """Add another sound of the same length at a level snr_db below the loud part of x."""
    level = rms(other)
    if level <= 0.0:
        return x
    reference = loud_level(x) or from_db(-40)
    return (x + other * (reference * from_db(-snr_db) / level)).astype(np.float32)


def add_floor(rng: np.random.Generator, x: Waveform, level_db: float) -> Waveform:
    """Add a stationary noise floor of level_db dBFS, between brown and white."""
    return (x + noise(rng, len(x), rng.uniform(-6.0, 0.5)) * from_db(level_db)).astype(np.float32)
