"""Boards for tests: the tiny detector of two tones, and sounds for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.tiny_model import build, metadata, tones
from soundsdk_sim.live import LiveBoard

RATE_HZ = 16000
MODEL = build(metadata())


def beeps(count: int, period_s: float = 1.0) -> np.ndarray:
    """Make a tone in the first half of every period; int16."""
    bursts = [(i * period_s + 0.1, (i + 0.5) * period_s, ("high", "low")[i % 2]) for i in range(count)]
    return np.round(32768 * tones(count * period_s, bursts)).astype(np.int16)


def board(sound: np.ndarray | None = None, speed: float = 1.0, repeat: bool = False, **settings: Any) -> LiveBoard:
    """Switch on a board that hears a sound at `speed` times real time, then silence, or with `repeat` it again."""
    pcm = np.zeros(0, np.int16) if sound is None else sound
    return LiveBoard(MODEL, pcm, RATE_HZ, settings, speed, repeat=repeat)
