"""Signals that no sound makes: silence, converter noise, power-on clicks, mains hum, clipping.

They are float, full scale 1.0, at their own level: a detector hears them whenever its microphone is off, idle, badly
wired or far too loud.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, add_at, drift, from_db, harmonics, noise, samples


def digital_silence(rng: np.random.Generator, n: int) -> Signal:
    """Return zeros, as of a microphone without power."""
    del rng
    return np.zeros(n)


def faint_noise(rng: np.random.Generator, n: int) -> Signal:
    """Return white noise of -90 dBFS RMS: about one step of 16 bits."""
    return rng.standard_normal(n) * from_db(-90.0)


def power_on_clicks(rng: np.random.Generator, n: int) -> Signal:
    """Return what a microphone gives as it is switched on, once every 10 s: zeros, a jump, a decaying offset, noise.

    The first comes within half a second.
    """
    out = np.zeros(n)
    every = samples(10.0)
    for start in range(0, n, every):
        length = min(every, n - start)
        on = int(rng.integers(samples(0.05), samples(0.5)))
        rest = length - on
        if rest <= 0:
            break
        t = np.arange(rest) / RATE_HZ
        offset = rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 1.0) * np.exp(-t / rng.uniform(0.005, 0.3))
        click = offset + rng.uniform(0.2, 1.0) * np.exp(-t * 2000.0) * rng.standard_normal(rest)
        out[start + on : start + length] = click + from_db(rng.uniform(-90, -60)) * rng.standard_normal(rest)
    return np.clip(out, -1.0, 1.0)


def mains_hum(rng: np.random.Generator, n: int, hz: float | None = None) -> Signal:
    """Return mains hum, 50 or 60 Hz with overtones, of -50 to -10 dBFS over a faint floor."""
    base = hz or float(rng.choice([50.0, 60.0]))
    partials = [1.0, *(rng.uniform(0, 1) / k ** rng.uniform(0.5, 2.0) for k in range(2, 16))]
    tone = harmonics(np.full(n, base) * (1 + 0.0004 * drift(rng, n, 3.0)), partials)
    level = from_db(rng.uniform(-50, -10)) / max(1e-9, float(np.sqrt(np.mean(tone**2))))
    return np.clip(tone * level + rng.standard_normal(n) * from_db(rng.uniform(-95, -75)), -1.0, 1.0)


def full_scale_clipping(rng: np.random.Generator, n: int) -> Signal:
    """Return wind, rumble or noise driven 6 to 40 dB over full scale and cut there; it changes every 10 s."""
    out = np.zeros(n)
    every = samples(10.0)
    for start in range(0, n, every):
        length = min(every, n - start)
        loud = np.exp(0.4 * drift(rng, length, rng.uniform(0.2, 2.0)))
        add_at(out, noise(rng, length, rng.uniform(-6, 0)) * loud * from_db(rng.uniform(6, 40)), start)
    return np.clip(out, -1.0, 1.0)


ELECTRICAL: dict[str, Callable[[np.random.Generator, int], Signal]] = {
    "digital_silence": digital_silence,
    "faint_noise": faint_noise,
    "power_on_clicks": power_on_clicks,
    "mains_hum": mains_hum,
    "full_scale_clipping": full_scale_clipping,
}
