"""Emergency vehicle sirens: wail, yelp and the European two-tone (hi-lo).

Wail and yelp lie in the ranges of SAE J1849: 10-30 and 150-250 cycles a minute, fundamental from 500 to
2000 Hz with a sweep of an octave or more. Hi-lo follows DIN 14610 (360-630 Hz, the upper tone a fourth above) and its
French and British relatives (a second to a fourth). A vehicle drives past on a straight line: Doppler shift, level
and the absorption of the air follow from its position. `any_siren` makes a wider range for training: slow and
mechanical sirens, quick ones, changes of mode, echoes of a street, worn horns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.scenes.dsp import (
    RATE_HZ,
    SOUND_M_S,
    Signal,
    choice,
    drift,
    edges,
    from_db,
    harmonics,
    high_pass,
    log_uniform,
    low_pass,
    peak,
    samples,
    shape,
    unit,
)

KINDS = {"wail": 0.4, "yelp": 0.3, "hi_lo": 0.3}
# The modes of `any_siren` and how often each is drawn; period_s: one cycle.
MODES = {"wail": 0.38, "yelp": 0.2, "piercer": 0.05, "hi_lo": 0.27, "mechanical": 0.1}
_PERIOD_S = {"wail": (2.0, 10.0), "yelp": (0.2, 0.6), "piercer": (0.06, 0.2), "mechanical": (6.0, 16.0)}


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
    return low_hz * ratio ** _glide(high, samples(0.012))  # the horn glides for some 10 ms


def _glide(high: NDArray[np.int64], width: int) -> Signal:
    """Return a row of 0 and 1 with its steps spread over `width` samples."""
    window = np.ones(width) / width
    smooth = np.convolve(np.pad(high.astype(np.float64), width, mode="edge"), window, "same")
    return smooth[width : width + len(high)]


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

    return shape(tone, _path(corner_hz, centre_hz, lift_db, wall, distance_m)) * edges(
        n, rng.uniform(0.005, 0.15), rng.uniform(0.02, 0.2)
    )


def _path(
    corner_hz: float, centre_hz: float, lift_db: float, wall: float, distance_m: float
) -> Callable[[Signal], Signal]:
    """Return the response of a horn, the air and a window frame (wall: its slope, 0 for an open one)."""

    def response(f: Signal) -> Signal:
        # ISO 9613-1 at 20 degrees and 50 % humidity is close to 1.2 dB/km * (f / 1 kHz)^2 from 2 to 8 kHz.
        air = 10.0 ** (-distance_m * 0.0012 * (f / 1000.0) ** 2 / 20.0)
        horn = high_pass(f, corner_hz) * peak(f, centre_hz, 900.0, lift_db)
        return horn * air * low_pass(f, 800.0, 1) ** wall

    return response


def any_siren(rng: np.random.Generator, seconds: float) -> Signal:
    """Make a siren of `seconds` from a wide range: a quarter by `siren`, else one mode or several in a row.

    It begins anywhere in its cycle. Onset at 0, offset at the end.
    """
    n = samples(seconds)
    if rng.uniform() < 0.25:
        return siren(rng, seconds, choice(rng, KINDS))
    if rng.uniform() < 0.3:
        turns: list[Signal] = []
        while (left := n - sum(map(len, turns))) > 0:
            turns.append(_mode(rng, min(left, samples(rng.uniform(0.8, 4.0))), choice(rng, MODES)))
        freq = np.concatenate(turns)
    else:
        freq = _mode(rng, n, choice(rng, MODES))
    factor, gain, distance_m = _drive_past(rng, n, moving=rng.uniform() < 0.6)
    freq = freq * factor * (1 + 0.002 * drift(rng, n, 1.5))
    # From a rich horn to almost a whistle.
    fall = rng.uniform(0.3, 2.5) if rng.uniform() < 0.7 else rng.uniform(2.5, 6.0)
    even = rng.uniform(0.1, 1.1)
    partials = [(1.0 if k % 2 else even) / k**fall * rng.lognormal(0, 0.3) for k in range(1, 20)]
    x = harmonics(freq, partials) * gain * (1 + 0.1 * drift(rng, n, 0.3))
    corner_hz, centre_hz, lift_db = rng.uniform(150, 600), rng.uniform(600, 3000), rng.uniform(0, 12)
    wall = rng.uniform(0, 1.3) if rng.uniform() < 0.6 else 0.0
    x = shape(x, _path(corner_hz, centre_hz, lift_db, wall, distance_m))
    if rng.uniform() < 0.3:
        x = _street_echoes(rng, x)
    if rng.uniform() < 0.25:
        x = np.tanh(unit(x) * log_uniform(rng, 0.5, 5))
    return x * edges(n, log_uniform(rng, 0.005, 0.6), rng.uniform(0.02, 0.3))


def _mode(rng: np.random.Generator, n: int, mode: str) -> Signal:
    """Return the fundamental in Hz of one mode of MODES, from anywhere in its cycle."""
    at = np.arange(n) / RATE_HZ
    if mode == "hi_lo":
        low_hz = log_uniform(rng, 340, 900)
        ratio = rng.choice([1.12, 1.19, 1.25, 1.33, 1.33, 1.33, 1.5, 1.6]) * rng.uniform(0.99, 1.01)
        high = (at / log_uniform(rng, 0.2, 0.9) + rng.uniform(0, 2)).astype(np.int64) % 2
        return low_hz * ratio ** _glide(high, samples(rng.uniform(0.004, 0.03)))
    low_hz = log_uniform(rng, 500, 1100) if mode == "piercer" else log_uniform(rng, 250, 900)
    high_hz = max(1.5 * low_hz, min(low_hz * rng.uniform(1.6, 3.0), log_uniform(rng, 1100, 2200)))
    rise = rng.uniform(0.3, 0.6) if mode == "mechanical" else rng.uniform(0.15, 0.75)
    bend_up, bend_down = rng.uniform(0.2, 3.0, 2)
    turn = (at / log_uniform(rng, *_PERIOD_S[mode]) + rng.uniform()) % 1.0
    up = (1 - np.exp(-bend_up * np.clip(turn / rise, 0, 1))) / (1 - np.exp(-bend_up))
    down = (1 - np.exp(-bend_down * np.clip((turn - rise) / (1 - rise), 0, 1))) / (1 - np.exp(-bend_down))
    return low_hz * (high_hz / low_hz) ** np.where(turn < rise, up, 1 - down)


def _street_echoes(rng: np.random.Generator, x: Signal) -> Signal:
    """Add one to five echoes, 0.05 to 1.2 s late, as from the fronts of houses."""
    out = x.copy()
    for _ in range(int(rng.integers(1, 6))):
        late = samples(log_uniform(rng, 0.05, 1.2))
        if late < len(x):
            out[late:] += rng.uniform(0.2, 0.9) * x[: len(x) - late]
    return out
