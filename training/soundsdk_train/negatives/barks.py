"""Dogs that bark: a voice of harmonics and turbulence under the resonances of a mouth that opens and closes.

Length, pitch and harshness are about those of measured barks (Yin and McCowan 2004, Animal Behaviour 68), the vocal
tract those of small to large dogs (Riede and Fitch 1999, J. Exp. Biol. 202). Spectra were set by what YAMNet hears as
a dog.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, add_at, drift, log_uniform, noise, rms, samples, shape, unit

_SOUND_M_S = 350.0  # in warm, moist air
_HIGHEST_HZ = 7200.0
_FORMANTS = 5
_MOST_RUNS, _MOST_BARKS = 100, 40  # of a series; long before, its time is up


class Barking(NamedTuple):
    """A series of barks. spans: (first, end) sample of each, in order."""

    sound: Signal
    spans: list[tuple[int, int]]


@dataclass(frozen=True)
class Dog:
    """A dog: pitch, size and voice, which stay the same from bark to bark."""

    pitch_hz: float  # at the top of a bark
    tract_m: float  # vocal tract; its resonances are odd multiples of c / 4l
    length_s: float  # of a bark
    harshness: float  # 0: a clear tone, 1: nearly noise
    slope_db_octave: float  # of the voice above its fundamental
    yelps: float  # share of barks that are high and clear

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Dog:
        """Draw a dog: large ones are low, with long tracts and long barks."""
        size = rng.uniform(0.0, 1.0)  # 0: a toy dog, 1: a mastiff
        return cls(
            pitch_hz=float(np.clip(np.exp(np.log(900.0) - 0.95 * size + rng.normal(0.0, 0.25)), 200.0, 1300.0)),
            tract_m=float(np.clip(0.085 + 0.13 * size + rng.normal(0.0, 0.015), 0.07, 0.25)),
            length_s=float(np.clip(log_uniform(rng, 0.10, 0.22) * (1 + 0.6 * size), 0.09, 0.35)),
            harshness=float(rng.beta(1.3, 2.2)),
            slope_db_octave=float(rng.uniform(-15.0, -7.0)),
            yelps=float(rng.choice([0.0, 0.0, 0.15, 0.5])),
        )


def barking(rng: np.random.Generator, seconds: float, dog: Dog | None = None) -> Barking:
    """Make one dog that barks for up to `seconds`: single barks, pairs or a run, RMS 1 over what sounds."""
    dog = dog or Dog.draw(rng)
    n = samples(seconds)
    out = np.zeros(n)
    spans: list[tuple[int, int]] = []
    gap_s = log_uniform(rng, 0.08, 1.1)
    in_a_run, at = int(rng.integers(1, 5)), 0.0
    for _ in range(_MOST_RUNS):
        if at >= seconds - 0.08 or len(spans) >= _MOST_BARKS:
            break
        for _ in range(in_a_run):
            made = bark(rng, dog)
            start = samples(at)
            if start + len(made) // 2 >= n:
                break
            add_at(out, made * rng.lognormal(0.0, 0.18), start)
            spans.append((start, min(n, start + len(made))))
            at += len(made) / RATE_HZ + gap_s * rng.lognormal(0.0, 0.15)
        at += rng.uniform(0.0, 1.2) if rng.uniform() < 0.5 else 0.0
        if rng.uniform() < 0.15:
            break
    if spans:
        out = out[: spans[-1][1]]
        out = out / max(rms(np.concatenate([out[first:end] for first, end in spans])), 1e-9)
    return Barking(out, spans)


def bark(rng: np.random.Generator, dog: Dog) -> Signal:
    """Make one bark of a dog, RMS 1: pitch and mouth rise fast and fall, the voice brightest where it is loudest."""
    yelp = rng.uniform() < dog.yelps
    n = samples(dog.length_s * rng.lognormal(0.0, 0.15) * (0.7 if yelp else 1.0))
    t = np.linspace(0.0, 1.0, n)
    top = rng.uniform(0.15, 0.4)
    heights = [rng.uniform(0.55, 0.9), 1.0, rng.uniform(0.8, 1.0), rng.uniform(0.45, 0.85)]
    contour = np.interp(t, [0.0, top, 0.75, 1.0], heights)
    pitch = dog.pitch_hz * (1.6 if yelp else 1.0) * rng.lognormal(0.0, 0.05) * contour
    harsh = 0.25 * dog.harshness if yelp else float(np.clip(dog.harshness + rng.normal(0.0, 0.12), 0.0, 1.0))
    voice = _voice(rng, pitch, harsh, dog.slope_db_octave)
    at_s = np.arange(n) / RATE_HZ
    attack_s = rng.uniform(0.012, 0.06)
    loud = np.minimum(1.0, at_s / attack_s) ** 1.5 * np.exp(-np.maximum(0.0, t - top) * rng.uniform(1.5, 4.0))
    loud *= np.clip((1.0 - t) / 0.25, 0.0, 1.0)
    dull, bright = (_mouth(rng, voice, dog.tract_m, wide) for wide in (0.0, 1.0))
    opening = np.interp(t, [0.0, top, 0.8, 1.0], [0.1, 1.0, 0.45, 0.05]) * loud**0.5
    made = (dull * (1.0 - opening) + bright * opening) * loud
    if rng.uniform() < 0.15:  # breath after it
        tail = noise(rng, samples(rng.uniform(0.03, 0.12)), -4.0)
        made = np.concatenate([made, np.zeros(len(tail))])
        add_at(made, unit(_mouth(rng, tail, dog.tract_m, 0.3)) * np.linspace(0.05, 0.0, len(tail)), n - samples(0.01))
    return unit(made)


def _voice(rng: np.random.Generator, pitch: Signal, harsh: float, slope_db_octave: float) -> Signal:
    """Return pulses of a pitch in Hz per sample: harsh ones jitter, double their period and hold turbulence."""
    n = len(pitch)
    jitter = 0.004 + 0.10 * harsh**2
    hz = pitch * (1.0 + jitter * drift(rng, n, rng.uniform(0.5, 1.5) / float(pitch.mean())))
    turn = np.exp(1j * np.cumsum(hz) * (2 * np.pi / RATE_HZ))
    partial, tone = np.ones_like(turn), np.zeros(n)
    for k in range(1, int(_HIGHEST_HZ / max(float(hz.min()), 60.0)) + 1):
        partial = partial * turn
        gain = k ** (slope_db_octave / 6.02) * rng.lognormal(0.0, 0.15)
        tone += gain * np.where(k * hz < _HIGHEST_HZ, partial.imag, 0.0)
    tone = unit(tone)
    if harsh > 0.3:  # subharmonics: every second pulse is weaker
        half = np.cumsum(hz / 2) * (2 * np.pi / RATE_HZ)
        tone = tone * (1.0 + harsh * rng.uniform(0.2, 0.9) * np.sin(half + rng.uniform(0, 6.28)))
    voiced_to_hz = log_uniform(rng, 2500.0, 8000.0) * (1.0 - 0.5 * harsh)  # above it turbulence is louder than the tone
    tone = shape(tone, lambda f: 1.0 / np.sqrt(1.0 + (f / voiced_to_hz) ** 4))
    breath = noise(rng, n, slope_db_octave / 2) * (1.0 + 0.8 * np.sin(np.cumsum(hz) * (2 * np.pi / RATE_HZ)))
    share = 0.03 + 0.4 * harsh
    return unit(unit(tone) * (1.0 - share) + unit(breath) * share)


def _mouth(rng: np.random.Generator, voice: Signal, tract_m: float, opening: float) -> Signal:
    """Filter by the resonances of a tube, closed at one end, whose first ones rise as the mouth opens.

    opening: 0, nearly shut and dull, to 1, wide open and bright.
    """
    first_hz = _SOUND_M_S / (4.0 * tract_m)
    raised = (0.75 + 0.55 * opening, 0.9 + 0.2 * opening, 1.0, 1.0, 1.0)
    centres = [first_hz * (2 * k + 1) * raised[k] * rng.uniform(0.95, 1.05) for k in range(_FORMANTS)]
    widths = [rng.uniform(0.10, 0.22) * c for c in centres]
    falls = rng.uniform(2.0, 6.0)

    corner_hz = first_hz * (1.6 + 1.8 * opening)
    fall = 3.5 - 1.5 * opening  # order of the loss above the mouth's resonances

    def response(f: Signal) -> Signal:
        gain = np.full_like(f, 0.02)
        for k, (centre, width) in enumerate(zip(centres, widths, strict=True)):
            gain += 10 ** (-falls * k / 20) / np.sqrt(1.0 + ((f - centre) / (width / 2)) ** 2)
        return gain / np.sqrt(1.0 + (f / corner_hz) ** fall)

    return shape(voice, response)
