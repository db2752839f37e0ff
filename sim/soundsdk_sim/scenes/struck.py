"""Struck bodies: damped modes that a blow of some duration excites.

A blow lasts as long as striker and body touch: a half sine of force, whose spectrum falls above 1 / (2 * contact_s).
So a knuckle (2 ms) gives a thud and a steel hammer (0.2 ms) a ting on the same body. A mode with loss factor eta
decays by 60 dB in 2.2 / (f * eta) seconds. L. Cremer, M. Heckl: "Structure-Borne Sound", 1988.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soundsdk_sim.scenes.dsp import NYQUIST_HZ, RATE_HZ, Signal, samples

# Partials of a bar with free ends and of a hemispherical bell, to its lowest. Bar: N. Fletcher, T. Rossing: "The
# Physics of Musical Instruments", 1998, chapter 2.
BAR = (1.0, 2.756, 5.404, 8.933)
BELL = (1.0, 2.0, 2.4, 3.0, 4.1, 5.3)
_SILENT = 1e-4  # a mode is followed down to -80 dB
_HIGHEST_HZ = 0.95 * NYQUIST_HZ


@dataclass(frozen=True)
class Modes:
    """Modes of a body: frequency in Hz, decay by 60 dB in seconds, and level, one value for each."""

    hz: Signal
    decay_s: Signal
    level: Signal


def blow_spectrum(hz: Signal, contact_s: float) -> Signal:
    """Return how strongly a half sine of force that lasts contact_s drives each frequency; 1 at 0 Hz."""
    x = 2.0 * np.asarray(hz, np.float64) * contact_s
    near = np.abs(x - 1.0) < 1e-6
    safe = np.where(near, 0.0, x)
    return np.where(near, np.pi / 4, np.abs(np.cos(np.pi * safe / 2) / (1.0 - safe**2)))


def strike(modes: Modes, contact_s: float, longest_s: float) -> Signal:
    """Make the sound of one blow on a body, from its first sample until its modes have died away or longest_s."""
    kept = modes.hz < _HIGHEST_HZ
    hz, decay_s = modes.hz[kept], modes.decay_s[kept]
    if not len(hz):
        return np.zeros(0)
    level = modes.level[kept] * blow_spectrum(hz, contact_s)
    out = np.zeros(samples(min(longest_s, float(decay_s.max()) * 1.34)))
    for f, decay, loud in zip(hz, decay_s, level, strict=True):
        n = min(len(out), samples(decay * 1.34))
        if n < 2 or abs(loud) < _SILENT * np.abs(level).max():
            continue
        # One complex factor per sample: a damped turn.
        turn = np.exp((2j * np.pi * f - np.log(1000.0) / decay) / RATE_HZ * np.arange(n))
        out[:n] += loud * turn.imag
    # The force rises over the contact; without this every blow would start with the same edge.
    rise = min(len(out), max(1, samples(contact_s / 2)))
    out[:rise] *= np.sin(0.5 * np.pi * (np.arange(rise) + 0.5) / rise)
    return out


def plate(rng: np.random.Generator, base_hz: float, loss: float, count: int = 40) -> Modes:
    """Draw the modes of a rectangular plate held at its edges, struck somewhere inside.

    base_hz: its lowest mode; loss: loss factor. Modes are at base * ((m / a)^2 + (n / b)^2), each as loud as its
    shape at the struck point; modes below some 150 Hz radiate little.
    """
    aspect = rng.uniform(1.2, 2.8)
    m, n = (grid.ravel() for grid in np.meshgrid(np.arange(1, 13), np.arange(1, 9)))
    ratio = (m**2 + (aspect * n) ** 2) / (1.0 + aspect**2)
    x, y = rng.uniform(0.15, 0.5, 2)
    shape = np.abs(np.sin(np.pi * m * x) * np.sin(np.pi * n * y))
    order = np.argsort(ratio)[:count]
    hz = base_hz * ratio[order] * np.exp(rng.normal(0.0, 0.03, len(order)))
    radiates = hz / (hz + rng.uniform(80, 250))
    losses = loss * np.exp(rng.normal(0.0, 0.3, len(order)))
    return Modes(hz, 2.2 / (hz * losses), shape[order] * radiates)


def bar(rng: np.random.Generator, hz: float, decay_s: float) -> Modes:
    """Draw the modes of a struck bar or tube of a chime, its lowest at hz; upper modes die away sooner."""
    ratio = np.array(BAR) * np.exp(rng.normal(0.0, 0.01, len(BAR)))
    ratio[0] = 1.0
    # A resonator under the bar lifts its lowest mode.
    level = np.array([1.0, *(rng.uniform(0.05, 0.6, len(BAR) - 1))])
    return Modes(hz * ratio, decay_s / ratio ** rng.uniform(0.5, 1.4), level)


def gong(rng: np.random.Generator, hz: float, decay_s: float) -> Modes:
    """Draw the modes of a bell or a gong: inharmonic pairs that beat, its lowest at hz."""
    ratio = np.array(BELL) * np.exp(rng.normal(0.0, 0.06, len(BELL)))
    ratio[0] = 1.0
    level = rng.uniform(0.2, 1.0, len(BELL))
    split = 1.0 + rng.uniform(0.0005, 0.006, len(BELL))
    hz_all = hz * np.concatenate([ratio, ratio * split])
    decay = decay_s / np.concatenate([ratio, ratio]) ** rng.uniform(0.3, 1.0)
    return Modes(hz_all, decay, np.concatenate([level, level * rng.uniform(0.1, 0.8)]))
