"""Voices of electronic chimes: what a small circuit or a sound chip plays through a small loudspeaker."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from soundsdk_sim.scenes.dsp import (
    RATE_HZ,
    Signal,
    draw_kind,
    edges,
    harmonics,
    high_pass,
    log_uniform,
    loudest,
    low_pass,
    peak,
    samples,
    shape,
)
from soundsdk_sim.scenes.struck import bar, strike

# (Hz, seconds, level) -> signal; the note sounds from its first sample.
Voice = Callable[[float, float, float], Signal]
VOICES = {"square": 0.24, "sine": 0.18, "fm": 0.24, "piano": 0.18, "bar": 0.16}


def draw_voice(rng: np.random.Generator, decay_s: float, kind: str | None = None) -> Voice:
    """Draw a voice whose notes fall by 60 dB in about decay_s. kind: a key of VOICES, drawn if None.

    "square": a divider with an envelope; "sine": one to four partials; "fm": a bell by frequency modulation (J.
    Chowning 1973); "piano": slightly stretched harmonics, treble first; "bar": a sampled chime.
    """
    name = draw_kind(rng, VOICES, kind, "voice")
    attack_s = rng.uniform(0.001, 0.012)
    fall = np.log(1000.0) / (decay_s * rng.uniform(0.8, 1.25))
    make = {"square": _square, "sine": _sine, "fm": _fm, "piano": _piano}.get(name)
    tone = make(rng) if make is not None else None
    contact_s = rng.uniform(0.0002, 0.0008)

    def voice(hz: float, seconds: float, level: float) -> Signal:
        n = samples(seconds)
        if tone is None:
            sound = strike(bar(rng, hz, decay_s), contact_s, seconds)
            return level * sound * edges(len(sound), 0.0, 0.01)
        t = np.arange(n) / RATE_HZ
        return level * tone(hz, t) * np.exp(-fall * t) * edges(n, attack_s, min(0.02, seconds / 4))

    return voice


def loudspeaker(rng: np.random.Generator, x: Signal) -> Signal:
    """Play a sound through a chime's loudspeaker: no bass, a resonance, little treble, often coarse or overdriven."""
    if rng.uniform() < 0.3:  # a chip of 5 to 12 kHz without a filter: each sample is held
        held = np.floor(np.arange(len(x)) * (step := log_uniform(rng, 5_000, 12_000) / RATE_HZ)) / step
        x = x[np.minimum(held.astype(np.int64), len(x) - 1)]
    level = loudest(x)
    if rng.uniform() < 0.3:
        x = np.tanh(x / level * log_uniform(rng, 0.7, 5.0))
    if rng.uniform() < 0.2:
        steps = 2.0 ** rng.uniform(4, 8)
        x = np.rint(x / loudest(x) * steps) / steps
    low_hz, high_hz = rng.uniform(180, 700), rng.uniform(3000, 7800)
    resonance_hz, lift_db = log_uniform(rng, 500, 3500), rng.uniform(0, 12)
    return shape(
        x, lambda f: high_pass(f, low_hz) * low_pass(f, high_hz) * peak(f, resonance_hz, resonance_hz / 3, lift_db)
    )


def _square(rng: np.random.Generator) -> Callable[[float, Signal], Signal]:
    even, fall = rng.uniform(0.0, 0.6), rng.uniform(0.8, 1.5)
    partials = [(1.0 if k % 2 else even) / k**fall for k in range(1, 16)]
    return lambda hz, t: harmonics(np.full(len(t), hz), partials)


def _sine(rng: np.random.Generator) -> Callable[[float, Signal], Signal]:
    partials = [1.0, *(rng.uniform(0, 0.35, int(rng.integers(0, 4))))]
    return lambda hz, t: harmonics(np.full(len(t), hz), partials)


def _fm(rng: np.random.Generator) -> Callable[[float, Signal], Signal]:
    ratio = float(rng.choice([1.0, 1.4, 2.0, 2.76, 3.0, 3.5, 4.0]))
    index, soften = rng.uniform(0.4, 3.0), rng.uniform(2.0, 12.0)

    def tone(hz: float, t: Signal) -> Signal:
        ratio_here = ratio if hz * (1 + ratio * (index + 1)) < RATE_HZ / 2 else 1.0
        depth = index * np.exp(-soften * t)
        return np.sin(2 * np.pi * hz * t + depth * np.sin(2 * np.pi * hz * ratio_here * t))

    return tone


def _piano(rng: np.random.Generator) -> Callable[[float, Signal], Signal]:
    stretch, darken, slope = rng.uniform(0.0002, 0.0012), rng.uniform(0.5, 3.0), rng.uniform(0.9, 1.8)

    def tone(hz: float, t: Signal) -> Signal:
        out = np.zeros(len(t))
        for k in range(1, 13):
            partial_hz = k * hz * np.sqrt(1 + stretch * k * k)
            if partial_hz > 0.95 * RATE_HZ / 2:
                break
            out += np.sin(2 * np.pi * partial_hz * t) * np.exp(-darken * (k - 1) * t) / k**slope
        return out

    return tone
