"""Boards for tests: the tiny detector of two tones, and sounds for it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from sim.tiny_model import build, metadata, tones
from soundsdk_sim.live import LiveBoard, LiveMicrophone
from waiting import PATIENCE_S

RATE_HZ = 16000
MODEL = build(metadata())


def beeps(count: int, period_s: float = 1.0) -> np.ndarray:
    """Make a tone in the first half of every period; int16."""
    bursts = [(i * period_s + 0.1, (i + 0.5) * period_s, ("high", "low")[i % 2]) for i in range(count)]
    return np.round(32768 * tones(count * period_s, bursts)).astype(np.int16)


class WaitingBoard(LiveBoard):
    """A board whose port waits for a reader that is behind, so that a busy computer loses nothing of its lines.

    The port of a real board is full then, and the lines are dropped and counted. Its microphone waits with it.
    """

    def _send(self, data: Any) -> int | None:
        end = time.monotonic() + PATIENCE_S
        while not (written := super()._send(data)) and not self._stop.is_set() and time.monotonic() < end:
            self._stop.wait(0.004)
        return written


class HeldMicrophone(LiveMicrophone):
    """A microphone whose sound begins when it is released: what comes before takes long on a busy computer."""

    def __init__(self, pcm: np.ndarray, speed: float) -> None:
        super().__init__(pcm, RATE_HZ, speed)
        self._held = True

    def release(self) -> None:
        """Begin with the sound, unless it has begun."""
        if self._held:
            self._begin = time.monotonic()
            self._held = False

    def readinto(self, buf: memoryview) -> int | None:
        return None if self._held else super().readinto(buf)


def board(sound: np.ndarray | None = None, speed: float = 1.0, repeat: bool = False, **settings: Any) -> LiveBoard:
    """Switch on a board that hears a sound at `speed` times real time, then silence, or with `repeat` it again."""
    pcm = np.zeros(0, np.int16) if sound is None else sound
    return WaitingBoard(MODEL, pcm, RATE_HZ, settings, speed, repeat=repeat)
