"""Signal tools of the scene generator: float64 arrays at 16 kHz, numpy only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

RATE_HZ = 16_000
NYQUIST_HZ = RATE_HZ / 2
SOUND_M_S = 343.0


def samples(seconds: float) -> int:
    """Convert seconds to a whole number of samples."""
    return round(float(seconds) * RATE_HZ)


def from_db(db: float) -> float:
    """Convert a level in dB to an amplitude ratio."""
    return float(10.0 ** (db / 20.0))


def rms(x: Signal) -> float:
    """Return the root of the mean square; 0 for an empty array."""
    return float(np.sqrt(np.mean(np.square(x)))) if len(x) else 0.0


def frame_levels(x: Signal, frame: int) -> Signal:
    """Return the RMS of each whole frame of so many samples; empty if there is none."""
    count = len(x) // frame
    return np.sqrt(np.mean(x[: count * frame].reshape(count, frame) ** 2, axis=1))


def loudest(x: Signal) -> float:
    """Return the highest magnitude, not below 1e-9, so that a signal can be divided by it."""
    return float(np.abs(x).max(initial=1e-9))


def unit(x: Signal) -> Signal:
    """Return the signal scaled to RMS 1 (unchanged if it is silent)."""
    level = rms(x)
    return x / level if level > 0 else x


def fast_length(n: int) -> int:
    """Return the smallest 2^a * 3^b * 5^c that is at least n: an FFT length without a slow prime factor."""
    best = 1 << max(0, n - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            two = three
            while two < n:
                two *= 2
            best = min(best, two)
            three *= 3
        five *= 5
    return best


def shape(x: Signal, response: Callable[[Signal], Signal]) -> Signal:
    """Filter with a real response given as a function of frequency in Hz (zero phase, so no delay)."""
    if not len(x):
        return x
    size = fast_length(len(x) + 1024)
    freq: Signal = np.asarray(np.fft.rfftfreq(size, 1 / RATE_HZ), dtype=np.float64)
    spectrum = np.fft.rfft(x, size) * response(freq)
    return np.fft.irfft(spectrum, size)[: len(x)]


def convolve(x: Signal, h: Signal) -> Signal:
    """Return the full linear convolution, len(x) + len(h) - 1 samples."""
    length = len(x) + len(h) - 1
    size = fast_length(length)
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(h, size), size)[:length]


def high_pass(freq: Signal, corner_hz: float, order: int = 2) -> Signal:
    """Return the magnitude of a Butterworth high-pass."""
    with np.errstate(divide="ignore"):
        return 1.0 / np.sqrt(1.0 + (corner_hz / np.maximum(freq, 1e-3)) ** (2 * order))


def low_pass(freq: Signal, corner_hz: float, order: int = 2) -> Signal:
    """Return the magnitude of a Butterworth low-pass."""
    return 1.0 / np.sqrt(1.0 + (freq / corner_hz) ** (2 * order))


def peak(freq: Signal, centre_hz: float, width_hz: float, gain_db: float) -> Signal:
    """Return a bell of gain_db at centre_hz that falls to half its dB one width away."""
    return 10.0 ** (gain_db / 20.0 / (1.0 + ((freq - centre_hz) / width_hz) ** 2))


def noise(rng: np.random.Generator, n: int, slope_db_octave: float = 0.0) -> Signal:
    """Make Gaussian noise of RMS 1 with a spectrum that falls or rises by so many dB per octave above 60 Hz.

    -3 is pink, -6 brown. Below 60 Hz, where the frontend has no band, it is cut, so that it does not count in an SNR.
    """
    white = rng.standard_normal(n)
    exponent = slope_db_octave / 6.0206
    return unit(shape(white, lambda f: (np.maximum(f, 60.0) / 1000.0) ** exponent * high_pass(f, 60.0, 4)))


def drift(rng: np.random.Generator, n: int, period_s: float) -> Signal:
    """Make a slow random curve of about RMS 1: Gaussian knots one period apart, joined by half cosines."""
    knots = rng.standard_normal(int(n / (period_s * RATE_HZ)) + 3)
    at = np.arange(n) / (period_s * RATE_HZ) + rng.uniform()
    whole = at.astype(np.int64)
    blend = 0.5 - 0.5 * np.cos(np.pi * (at - whole))
    return knots[whole] * (1 - blend) + knots[whole + 1] * blend


def edges(n: int, attack_s: float, release_s: float) -> Signal:
    """Return a gain of 1 with raised-cosine ends."""
    gain = np.ones(n)
    up, down = min(samples(attack_s), n), min(samples(release_s), n)
    if up:
        gain[:up] *= 0.5 - 0.5 * np.cos(np.pi * (np.arange(up) + 0.5) / up)
    if down:
        gain[n - down :] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(down) + 0.5) / down)
    return gain


def harmonics(freq: Signal, amplitudes: Sequence[float], phase: float = 0.0) -> Signal:
    """Make a tone with partials k * freq (freq in Hz per sample); each fades out before the Nyquist frequency."""
    out = np.zeros(len(freq))
    if not len(freq):
        return out
    lowest, highest, cutoff_hz = float(freq.min()), float(freq.max()), 0.97 * NYQUIST_HZ
    turn = np.exp(1j * (phase + np.cumsum(freq) * (2 * np.pi / RATE_HZ)))
    partial = np.ones_like(turn)
    for k, amplitude in enumerate(amplitudes, start=1):
        if k * lowest > cutoff_hz:
            break
        partial *= turn  # e^(i k phase): much cheaper than a sine for each partial
        if amplitude == 0.0:
            continue
        if k * highest > cutoff_hz - 300.0:
            out += amplitude * np.clip((cutoff_hz - k * freq) / 300.0, 0.0, 1.0) * partial.imag
        else:
            out += amplitude * partial.imag
    return out


def add_at(out: Signal, x: Signal, start: int) -> None:
    """Add x into out from sample `start` on; what lies outside is cut."""
    first, last = max(start, 0), min(start + len(x), len(out))
    if last > first:
        out[first:last] += x[first - start : last - start]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a value whose logarithm is uniform: each octave is as likely as another."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def choice(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """Draw one key with the given weights."""
    names = list(weights)
    p = np.array([weights[name] for name in names], dtype=np.float64)
    return names[int(rng.choice(len(names), p=p / p.sum()))]


def draw_kind(rng: np.random.Generator, kinds: Mapping[str, float], kind: str | None, what: str) -> str:
    """Return the kind that is asked for, or draw one if that is None; ValueError if there is no such kind of what."""
    name = kind or choice(rng, dict(kinds))
    if name not in kinds:
        raise ValueError(f"no such {what}: {name}")
    return name
