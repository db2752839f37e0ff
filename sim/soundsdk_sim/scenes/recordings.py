"""Recordings as material for scenes: ESC-style folders, one per class, `fold-source-take.ext`.

The project ships none of them; a scene without them is made of synthetic sound alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, frame_levels, samples

SUFFIXES = {".wav", ".flac", ".ogg"}
EVENT_LABELS = ("dog_bark", "baby_cry")  # target classes of `home` that come from recordings


@lru_cache(maxsize=1024)
def _read(path: Path) -> NDArray[np.float32]:
    import soundfile  # the base install has both; a purely synthetic scene needs neither
    import soxr

    x, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = x.mean(axis=1)
    return np.asarray(mono if rate == RATE_HZ else soxr.resample(mono, rate, RATE_HZ), dtype=np.float32)


def read_clip(path: Path) -> Signal:
    """Read one clip as mono float64 at 16 kHz; clips that were read stay in memory."""
    return _read(path).astype(np.float64)


def class_name(folder: str) -> str:
    """Return the label of a class folder: `001 - Dog bark` -> `dog_bark`."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"^\d+\s*-\s*", "", folder).lower()).strip("_")


def active_parts(x: Signal, gap_s: float = 1.0) -> list[tuple[int, int]]:
    """Find where a clip sounds: (start, end) samples of stretches within 25 dB of its loudest 32 ms, gaps closed."""
    frame = samples(0.032)
    level = frame_levels(x, frame)
    if not len(level):
        return []
    floor = 2.0 * float(np.percentile(level, 10))
    loud = level > max(float(level.max()) * 10 ** (-25 / 20), min(floor, float(level.max()) * 0.25), 1e-5)
    parts: list[tuple[int, int]] = []
    for i in np.flatnonzero(loud):
        start, end = int(i) * frame, (int(i) + 1) * frame
        if parts and start - parts[-1][1] <= samples(gap_s):
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((start, end))
    return parts


class Recordings:
    """Clips by class.

    clips: label -> files; a class named in EVENT_LABELS is an event, all others are background. vary: clips are played
    faster or slower by up to this share, so that a few animals give many voices; 0 leaves them as they are.
    """

    def __init__(self, clips: dict[str, list[Path]], vary: float = 0.0) -> None:
        self.vary = vary
        self.clips = {label: list(paths) for label, paths in clips.items() if paths}
        self.background_labels = [label for label in self.clips if label not in EVENT_LABELS]

    @classmethod
    def open(cls, root: str | Path, folds: Sequence[int] | None = None) -> Recordings:
        """Find the files in the class folders under root.

        folds: keep only these (the number before the first hyphen of a file's name); None keeps all.
        Raises FileNotFoundError if nothing is left.
        """
        clips: dict[str, list[Path]] = {}
        for path in sorted(Path(root).glob("*/*")):
            if path.suffix.lower() not in SUFFIXES:
                continue
            number = path.name.split("-")[0]
            if folds is not None and not (number.isdigit() and int(number) in folds):
                continue
            clips.setdefault(class_name(path.parent.name), []).append(path)
        if not clips:
            raise FileNotFoundError(f"no WAV, FLAC or OGG file of folds {folds or 'any'} in class folders under {root}")
        return cls(clips)

    def event(self, rng: np.random.Generator, label: str) -> Signal:
        """Draw one sounding stretch of a random clip of the class (0.1 s or longer), cut to where it sounds."""
        paths = self.clips[label]
        for _ in range(20):
            x = self._play(rng, paths)
            parts = [p for p in active_parts(x) if p[1] - p[0] >= samples(0.1)]
            if parts:
                start, end = parts[int(rng.integers(len(parts)))]
                return x[start:end].copy()
        raise ValueError(f"the clips of {label} are silent")

    def background(self, rng: np.random.Generator, n: int) -> Signal:
        """Join n samples of non-target clips by cross-fades of 0.25 s, each levelled to RMS 1 within 6 dB."""
        out = np.zeros(n)
        fade = samples(0.25)
        ramp = np.sin(0.5 * np.pi * (np.arange(fade) + 0.5) / fade)
        at = -int(rng.integers(0, samples(2.0)))
        for _ in range(100 + 4 * n // samples(1.0)):  # enough even if many clips are short or silent
            if at >= n:
                break
            label = self.background_labels[int(rng.integers(len(self.background_labels)))]
            paths = self.clips[label]
            x = self._play(rng, paths)
            sounding = np.flatnonzero(np.abs(x) > 1e-4)
            if len(sounding) < samples(0.5):
                continue
            x = x[sounding[0] : sounding[-1] + 1].copy()
            if len(x) > 2 * fade:
                x[:fade] *= ramp
                x[-fade:] *= ramp[::-1]
            level = float(np.sqrt(np.mean(x**2)))
            x *= 10 ** (rng.uniform(-6, 0) / 20) / max(level, 1e-6)
            first, last = max(at, 0), min(at + len(x), n)
            if last > first:
                out[first:last] += x[first - at : last - at]
            at += max(len(x) - fade, fade)
        level = float(np.sqrt(np.mean(out**2)))
        return out / level if level > 0 else out

    def _play(self, rng: np.random.Generator, paths: list[Path]) -> Signal:
        x = read_clip(paths[int(rng.integers(len(paths)))])
        if self.vary == 0.0:
            return x
        widest = np.log1p(self.vary)
        rate = np.exp(rng.uniform(-widest, widest))
        return np.interp(np.arange(0, len(x) - 1, rate), np.arange(len(x)), x)
