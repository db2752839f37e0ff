"""Voices that are neither speech nor a cry: children, crowds, shouts, singing, laughter.

A voice is a sum of harmonics under formants that move between vowels (Peterson and Barney 1952, in distractors.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.scenes.distractors import MAJOR, MINOR, VOWELS, speech
from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, add_at, drift, edges, noise, samples, unit
from soundsdk_train.waveform.speed import change_pitch

_HARMONICS = 40
_FORMANT_GAINS = (1.0, 0.6, 0.35)


def babble(rng: np.random.Generator, n: int) -> Signal:
    """Make several people talking at once."""
    return unit(sum((rng.lognormal(0, 0.5) * speech(rng, n) for _ in range(int(rng.integers(3, 7)))), np.zeros(n)))


def children(rng: np.random.Generator, n: int) -> Signal:
    """Make children at play: speech raised by 1.2 to 1.7, shouts and laughter, one voice or a few."""
    out = np.zeros(n)
    for _ in range(int(rng.integers(1, 5))):
        kind = int(rng.integers(3))
        if kind == 0:
            made = change_pitch(speech(rng, n).astype(np.float32), float(rng.uniform(1.2, 1.7))).astype(np.float64)
        elif kind == 1:
            made = shouts(rng, n, float(rng.uniform(280, 600)), 1.35)
        else:
            made = laughter(rng, n, float(rng.uniform(260, 500)), 1.35)
        out += rng.lognormal(0, 0.5) * made
    return unit(out)


def shouts(rng: np.random.Generator, n: int, pitch_hz: float | None = None, size: float | None = None) -> Signal:
    """Make single shouted words: a rise, a hold, a fall, of 0.2 to 0.9 s, with rests. size: 1 man to 1.35 child."""
    base = pitch_hz or float(np.exp(rng.uniform(np.log(150), np.log(450))))
    scale = size or float(rng.uniform(0.95, 1.35))
    out = np.zeros(n)
    at = rng.uniform(0, 0.6)
    while samples(at) < n:
        for _ in range(int(rng.integers(1, 4))):
            seconds = rng.uniform(0.2, 0.9)
            rise = np.interp(np.linspace(0, 1, 4), [0, 0.3, 0.7, 1], rng.uniform(-4, 5, 4) + np.array([-3, 0, 0, -5]))
            voice = _voice(rng, base, rise, seconds, scale, int(rng.integers(1, 4)))
            add_at(out, rng.lognormal(0, 0.2) * voice * edges(len(voice), 0.02, 0.08), samples(at))
            at += seconds + rng.uniform(0.02, 0.1)
        at += rng.uniform(0.2, 1.8)
    return unit(out)


def singing(rng: np.random.Generator, n: int) -> Signal:
    """Make someone singing a tune: held notes of a scale, joined, with vibrato."""
    base = float(rng.uniform(110, 350))
    scale = MAJOR if rng.uniform() < 0.6 else MINOR
    beat_s, size = rng.uniform(0.3, 0.8), rng.uniform(0.95, 1.3)
    out = np.zeros(n)
    at, degree = rng.uniform(0, 0.3), 0
    while samples(at) < n:
        seconds = float(rng.choice([1.0, 1.0, 2.0, 3.0])) * beat_s
        degree = int(np.clip(degree + rng.choice([-2, -1, 0, 1, 2]), -4, 8))
        pitch = 12 * (degree // 7) + scale[degree % 7]
        voice = _voice(rng, base, np.full(3, float(pitch)), seconds, size, 1, vibrato=rng.uniform(0.003, 0.02))
        add_at(out, voice * edges(len(voice), 0.05, 0.07), samples(at))
        at += seconds + (rng.uniform(0.2, 0.8) if rng.uniform() < 0.15 else 0.0)
    return unit(out)


def laughter(rng: np.random.Generator, n: int, pitch_hz: float | None = None, size: float | None = None) -> Signal:
    """Make laughter: bursts of short breathy notes at 4 to 6 a second that fall in pitch and level."""
    base = pitch_hz or float(rng.uniform(140, 420))
    scale = size or float(rng.uniform(0.95, 1.3))
    out = np.zeros(n)
    at = rng.uniform(0, 0.5)
    while samples(at) < n:
        period_s, count = 1 / rng.uniform(4.0, 6.0), int(rng.integers(3, 11))
        for i in range(count):
            seconds = period_s * rng.uniform(0.4, 0.7)
            start = 4.0 - 8.0 * i / count + rng.normal(0, 0.8)
            voice = _voice(rng, base, np.array([start, start - 2.0]), seconds, scale, 1)
            breath = noise(rng, len(voice), -2.0) * rng.uniform(0.1, 0.5)
            add_at(out, 0.93**i * (voice + breath) * edges(len(voice), 0.02, 0.05), samples(at))
            at += period_s * rng.uniform(0.93, 1.07)
        at += rng.uniform(0.3, 2.0)
    return unit(out)


def _voice(
    rng: np.random.Generator,
    base_hz: float,
    semitones: NDArray[np.float64],
    seconds: float,
    size: float,
    vowels: int,
    vibrato: float = 0.0,
) -> Signal:
    """Return one utterance: a pitch contour in semitones over base_hz, gliding through so many drawn vowels."""
    n = samples(seconds)
    t = np.linspace(0.0, 1.0, n)
    contour = np.interp(t, np.linspace(0, 1, len(semitones)), semitones)
    shake = 1 + vibrato * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * seconds * t) + 0.006 * drift(rng, n, 0.015)
    pitch = base_hz * 2 ** (contour / 12) * shake
    drawn = np.array([VOWELS[int(rng.integers(len(VOWELS)))] for _ in range(vowels)], np.float64) * size
    formants = [np.interp(t, np.linspace(0, 1, vowels), drawn[:, k]) if vowels > 1 else drawn[0, k] for k in range(3)]
    tilt = rng.uniform(0.6, 1.2)  # of the glottal pulse; a shout has more treble
    turn = np.exp(1j * np.cumsum(pitch) * (2 * np.pi / RATE_HZ))
    partial = np.ones_like(turn)
    out = np.zeros(n)
    for k in range(1, _HARMONICS + 1):
        hz = k * pitch
        if hz.min() > 7000:
            break
        partial *= turn
        gain = np.full(n, 0.003)
        for centre, weight, width in zip(formants, _FORMANT_GAINS, (60, 90, 130), strict=True):
            gain += weight / (1.0 + ((hz - centre) / width) ** 2)
        out += gain * (hz < 7600) / k**tilt * partial.imag
    return unit(out)
