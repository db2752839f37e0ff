"""Test signals for the frontend: noise, tones, sweeps, impulses and a voice, at any level."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from mel_float64 import Array, Settings
from numpy.typing import NDArray

LEVELS_DB = (0, -10, -20, -30, -40, -50, -60, -70)
# The shapes the frontend has to fit: every FFT size, windows shorter than it and odd, few and many bands, MFCC.
SETTINGS = (
    Settings(),
    Settings(coefficients=13),
    Settings(window=400, hop=160, bands=64, low_hz=20, high_hz=8000),
    Settings(window=256, hop=64, fft=256, bands=128),
    Settings(window=256, hop=128, fft=1024, bands=128, low_hz=0, high_hz=8000, step_mdb=500),
    Settings(window=1024, hop=512, fft=1024, bands=128),
    Settings(bands=1),
    Settings(window=511, hop=200, bands=21, coefficients=21, step_mdb=2500),
    Settings(rate_hz=8000, window=256, hop=128, fft=256, bands=32, low_hz=0, high_hz=4000),
    Settings(rate_hz=8000, window=300, hop=100, bands=26, high_hz=4000, coefficients=10),
    Settings(rate_hz=44100, window=1024, hop=441, fft=1024, bands=64, high_hz=20000),
    Settings(rate_hz=44100, window=640, hop=320, fft=1024, bands=40, low_hz=0, high_hz=22050, coefficients=40),
    Settings(rate_hz=48000, window=960, hop=480, fft=1024, bands=128, low_hz=20, high_hz=24000, step_mdb=420),
)


def name_of(s: Settings) -> str:
    """Return a short name: rate, window/hop/fft, bands, coefficients."""
    mfcc = f" mfcc{s.coefficients}" if s.coefficients else ""
    return f"{s.rate_hz} Hz {s.window}/{s.hop}/{s.fft} mel{s.bands}{mfcc}"


def to_pcm(x: Array, level_db: float) -> NDArray[np.int16]:
    """x, of peak 1 at 0 dBFS, as 16-bit samples of that level; what exceeds full scale is clipped."""
    scaled = np.round(x * 32768 * 10 ** (level_db / 20))
    return np.asarray(np.clip(scaled, -32768, 32767), dtype=np.int16)


def noise(s: Settings, samples: int, rng: np.random.Generator) -> Array:
    """White noise of -9 dB RMS, so that some peaks clip at 0 dBFS."""
    return rng.standard_normal(samples) * 0.35


def tone(s: Settings, samples: int, rng: np.random.Generator) -> Array:
    """Short tones one after the other: some within a bin of 0 Hz and of half the rate, the others anywhere."""
    pieces = []
    nyquist = s.rate_hz / 2
    length = 3 * s.window
    while len(pieces) * length < samples:
        near = rng.uniform(0, s.rate_hz / s.fft)
        hz = (near, nyquist - near, rng.uniform(0, nyquist), rng.uniform(0, nyquist))[len(pieces) % 4]
        pieces.append(np.sin(2 * np.pi * hz * np.arange(length) / s.rate_hz + rng.uniform(0, 2 * np.pi)))
    return np.concatenate(pieces)[:samples]


def steady(s: Settings, samples: int, rng: np.random.Generator) -> Array:
    """One tone throughout, at a bin centre for every other draw."""
    hz = rng.uniform(0, s.rate_hz / 2)
    if rng.integers(2):
        hz = round(hz * s.fft / s.rate_hz) * s.rate_hz / s.fft
    return np.asarray(np.sin(2 * np.pi * hz * np.arange(samples) / s.rate_hz + rng.uniform(0, 2 * np.pi)))


def sweep(s: Settings, samples: int, rng: np.random.Generator) -> Array:
    """Return a linear sweep from 0 Hz to half the rate."""
    n = np.arange(samples)
    return np.asarray(np.sin(np.pi * n * n / (2 * samples) + rng.uniform(0, 2 * np.pi)))


def impulses(s: Settings, samples: int, rng: np.random.Generator) -> Array:
    """Single samples of either sign, two a window on average."""
    x = np.zeros(samples)
    at = rng.integers(0, samples, 2 * samples // s.window)
    x[at] = rng.choice([-1.0, 1.0], len(at)) * rng.uniform(0.2, 1.0, len(at))
    return x


def square(s: Settings, samples: int, rng: np.random.Generator) -> Array:
    """Return a square wave of a random frequency."""
    hz = rng.uniform(20, s.rate_hz / 4)
    return np.asarray(np.sign(np.sin(2 * np.pi * hz * np.arange(samples) / s.rate_hz) + 1e-9))


def voice(s: Settings, samples: int, rng: np.random.Generator) -> Array:
    """Speech-like: harmonics of a gliding pitch under moving formants, hisses and pauses between them."""
    t = np.arange(samples) / s.rate_hz
    pitch = 120 * 2 ** (0.4 * np.sin(2 * np.pi * 0.7 * t + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / s.rate_hz
    formants = [
        f * 2 ** (0.5 * np.sin(2 * np.pi * r * t + rng.uniform(0, 6))) for f, r in ((500, 3), (1500, 2), (2500, 1))
    ]
    x = np.zeros(samples)
    for k in range(1, int(min(4000.0, s.rate_hz * 0.45) / pitch.max())):
        gain = sum(1 / (1 + ((k * pitch - f) / 90) ** 2) for f in formants)
        x += gain / k**0.5 * np.sin(k * phase)
    syllables = np.clip(np.sin(2 * np.pi * 3.5 * t + rng.uniform(0, 6)) * 2 + 0.6, 0, 1)
    hiss = np.diff(rng.standard_normal(samples + 1)) * np.clip(-np.sin(2 * np.pi * 3.5 * t) - 0.8, 0, 1)
    x = x * syllables + hiss + 1e-4 * rng.standard_normal(samples)
    return np.asarray(x / np.abs(x).max())


SIGNALS: dict[str, Callable[[Settings, int, np.random.Generator], Array]] = {
    "noise": noise,
    "tone": tone,
    "steady": steady,
    "sweep": sweep,
    "impulses": impulses,
    "square": square,
    "voice": voice,
}


def sounds(signal: str, level_db: float, s: Settings, seed: int = 1) -> Iterator[NDArray[np.int16]]:
    """Return a few clips of at least 20 frames; the same for the same arguments."""
    rng = np.random.default_rng([seed, list(SIGNALS).index(signal), int(-level_db)])
    clips = 6 if signal in ("steady", "square") else 2
    samples = max(s.rate_hz // 8, s.window + 20 * s.hop)
    for _ in range(clips):
        yield to_pcm(SIGNALS[signal](s, samples, rng), level_db)
