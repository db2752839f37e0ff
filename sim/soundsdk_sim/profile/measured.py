"""A measurement, the same for cycles and instructions, and the sound it is made on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.profile.trace import Hop

HOPS = 8  # measured, after the warm-up


@dataclass(frozen=True)
class Measured:
    """The figures an emulator has measured. unit: "cycles" or "instructions"; heap sizes: after garbage collection."""

    unit: str
    hops: list[Hop]
    heap_bytes: int
    heap_free_start_bytes: int  # before the detector starts
    heap_free_bytes: int  # while it listens
    static_bytes: int
    clock_hz: int = 0
    not_modelled: list[str] = field(default_factory=list)


def varied_sound(samples: int, rate_hz: int) -> NDArray[np.int16]:
    """Return bursts of tones in noise: the cost of a kernel depends a little on its numbers, so they should vary."""
    t = np.arange(samples) / rate_hz
    noise = np.random.default_rng(1).standard_normal(samples)
    tone = np.sin(2 * np.pi * (400 + 300 * t) * t) * (np.sin(2 * np.pi * 3 * t) > 0)
    return np.round(32767 * (0.02 * noise + 0.3 * tone)).clip(-32768, 32767).astype(np.int16)
