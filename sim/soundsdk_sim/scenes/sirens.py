"""Emergency vehicle sirens: wail, yelp and the European two-tone (hi-lo).

Wail and yelp lie in the ranges of SAE J1849: 10-30 and 150-250 cycles a minute, fundamental from 500 to
2000 Hz with a sweep of an octave or more. Hi-lo follows DIN 14610 (360-630 Hz, the upper tone a fourth above) and its
French and British relatives (a second to a fourth). A vehicle drives past on a straight line: Doppler shift, level
and the absorption of the air follow from its position.
"""

from __future__ import annotations

import numpy as np

from soundsdk_sim.scenes.dsp import (
    RATE_HZ,
    SOUND_M_S,
    Signal,
    drift,
    edges,
    from_db,
    harmonics,
    high_pass,
    low_pass,
    peak,
    samples,
    shape,
)

KINDS = {"wail": 0.4, "yelp": 0.3, "hi_lo": 0.3}


def sweep(rng: np.random.Generator, n: int, cycles_min: tuple[float, float]) -> Signal:
    """Return the fundamental of a wail or yelp: up and down between two frequencies, from the lower one."""
    low_hz = rng.uniform(500, 850)
    high_hz = float(np.clip(low_hz * rng.uniform(2.0, 2.7), 1100, 1950))
    period_s = 60.0 / rng.uniform(*cycles_min)
    rise = rng.uniform(0.3, 0.65)  # part of the cycle spent going up
    bend = rng.uniform(0.3, 2.5)  # a capacitor charging: fast first, then slow
    at = (np.arange(n) / RATE_HZ / period_s) % 1.0
    up = np.clip(at / rise, 0, 1)
    down = np.clip((at - rise) / (1 - rise), 0, 1)
    scale = 1 - np.exp(-bend)
    height = np.where(at < rise, (1 - np.exp(-bend * up)) / scale, 1 - (1 - np.exp(-bend * down)) / scale)
    return low_hz * (high_hz / low_hz) ** height


def two_tone(rng: np.random.Generator, n: int) -> Signal:
    """Return the fundamental of a hi-lo horn: two steady tones in turn."""
    low_hz = rng.uniform(360, 630) if rng.uniform() < 0.8 else rng.uniform(630, 750)
    ratio = rng.choice([1.12, 1.19, 1.25, 1.33, 1.33, 1.33]) * rng.uniform(0.99, 1.01)
    tone_s = rng.uniform(0.4, 0.85)
    first = int(rng.integers(2))
    high = (np.arange(n) / RATE_HZ / tone_s + first).astype(np.int64) % 2
    # The horn glides for some 10 ms.
    glide = np.ones(samples(0.012)) / samples(0.012)
    smooth = np.convolve(np.pad(high.astype(np.float64), len(glide), mode="edge"), glide, "same")
    return low_hz * ratio ** smooth[len(glide) : len(glide) + n]


def _drive_past(rng: np.random.Generator, n: int, moving: bool) -> tuple[Signal, Signal, float]:
    """Draw frequency factor and gain per sample of a vehicle on a straight road, and its mean distance in metres."""
    nearest_m = rng.uniform(15, 150)
    speed_m_s = rng.uniform(4, 20) if moving else 0.0
    seconds = n / RATE_HZ
    x = speed_m_s * (np.arange(n) / RATE_HZ - rng.uniform(-0.2, 1.2) * seconds)
    distance = np.hypot(x, nearest_m)
    closing = -speed_m_s * x / distance
    gain = nearest_m / distance
    # Street walls reflect the sound: a distant siren is less faint than in the open field.
    gain = np.maximum(gain / gain.max(), from_db(-9))
    return SOUND_M_S / (SOUND_M_S - closing), gain, float(distance.mean())


def siren(rng: np.random.Generator, seconds: float, kind: str = "wail") -> Signal:
    """Make a siren of `seconds`. kind: "wail", "yelp" or "hi_lo". Onset at 0, offset at the end."""
    n = samples(seconds)
    if kind == "wail":
        freq = sweep(rng, n, (10, 30))
    elif kind == "yelp":
        freq = sweep(rng, n, (150, 250))
    elif kind == "hi_lo":
        freq = two_tone(rng, n)
    else:
        raise ValueError(f"no such siren: {kind}")
    factor, gain, distance_m = _drive_past(rng, n, moving=rng.uniform() < 0.6)
    freq = freq * factor * (1.0 + 0.002 * drift(rng, n, 1.5))
    fall = rng.uniform(0.7, 2.2)
    even = rng.uniform(0.2, 1.0)
    partials = [(1.0 if k % 2 else even) / k**fall for k in range(1, 13)]
    tone = harmonics(freq, partials) * gain * (1.0 + 0.1 * drift(rng, n, 0.3))
    # The horn: it cuts below its throat's corner and is loudest around 1-3 kHz.
    corner_hz, centre_hz, lift_db = rng.uniform(250, 600), rng.uniform(900, 2800), rng.uniform(0, 9)
    # Indoors the window frame dulls it; 0 dB an octave is an open window.
    wall = rng.uniform(0.0, 1.0) if rng.uniform() < 0.6 else 0.0

    def response(f: Signal) -> Signal:
        # ISO 9613-1 at 20 degrees and 50 % humidity is close to 1.2 dB/km * (f / 1 kHz)^2 from 2 to 8 kHz.
        air = 10.0 ** (-distance_m * 0.0012 * (f / 1000.0) ** 2 / 20.0)
        horn = high_pass(f, corner_hz) * peak(f, centre_hz, 900.0, lift_db)
        return horn * air * low_pass(f, 800.0, 1) ** wall

    return shape(tone, response) * edges(n, rng.uniform(0.005, 0.15), rng.uniform(0.02, 0.2))
