"""Random numbers that generated models are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tflite_builder import ACTIVATIONS

Rng = np.random.Generator


def a_scale(rng: Rng, low: float = 1e-3, high: float = 0.2) -> float:
    """Log-uniform."""
    return float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))


def a_zero_point(rng: Rng) -> int:
    return int(rng.choice([-128, 0, 127, rng.integers(-128, 128)]))


def a_size(rng: Rng, most: int) -> int:
    """1 often, up to most."""
    return int(rng.choice([1, rng.integers(1, most + 1), rng.integers(1, most + 1)]))


def an_activation(rng: Rng) -> int:
    return int(rng.choice(list(ACTIVATIONS.values())))


def int8_values(rng: Rng, shape: Sequence[int], low: int = -128) -> np.ndarray:
    """Uniform, or the two ends of the range only, which drives sums to their limits."""
    if rng.random() < 0.2:
        return rng.choice(np.array([low, 127], np.int8), size=shape)
    return rng.integers(low, 128, size=shape, dtype=np.int8)


def an_out_scale(rng: Rng, natural: float) -> float:
    """Return a scale that the values about fill, or one that makes the multiplier large, tiny or a power of two."""
    kind = rng.random()
    if kind < 0.55:
        return float(np.float32(natural * np.exp(rng.uniform(-1.5, 1.5))))
    if kind < 0.7:
        return float(np.float32(natural * 2.0 ** int(rng.integers(-12, 1))))
    if kind < 0.85:
        return float(np.float32(natural * np.exp(rng.uniform(-16, 0))))
    return float(np.float32(natural * np.exp(rng.uniform(0, 24))))
