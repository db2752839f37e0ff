"""Sharp events that end soon after they began: knocks, claps, bangs, breaking glass, struck bells, coughs."""

from __future__ import annotations

import numpy as np

from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, add_at, log_uniform, low_pass, noise, peak, samples, shape, unit


def knocks(rng: np.random.Generator, n: int) -> Signal:
    """Make knocking on wood, glass or metal: two to six blows of one sound, then a rest."""
    out = np.zeros(n)
    blow = _struck(rng, log_uniform(rng, 90, 700), 0.25, int(rng.integers(2, 5)), log_uniform(rng, 25, 120))
    at = rng.uniform(0.05, 0.8)
    while samples(at) < n:
        step_s = rng.uniform(0.12, 0.4)
        for i in range(int(rng.integers(2, 7))):
            add_at(out, blow * rng.lognormal(0, 0.25), samples(at + i * step_s * rng.uniform(0.95, 1.05)))
        at += rng.uniform(1.5, 5.0)
    return unit(out)


def claps(rng: np.random.Generator, n: int) -> Signal:
    """Make hands clapping, alone or a few together: bursts of noise about 1-2.5 kHz that die within 30 ms."""
    out = np.zeros(n)
    for _ in range(int(rng.choice([1, 1, 1, 3, 8]))):
        centre, decay = rng.uniform(800, 2500), rng.uniform(80, 250)
        period_s = rng.uniform(0.18, 0.9)
        at = rng.uniform(0, period_s)
        while samples(at) < n:
            length = samples(0.08)
            burst = rng.standard_normal(length) * np.exp(-np.arange(length) / RATE_HZ * decay)
            loud = rng.lognormal(0, 0.3)
            add_at(out, loud * shape(burst, lambda f, c=centre: peak(f, c, 900.0, 15.0)), samples(at))  # type: ignore[misc]
            at += period_s * rng.uniform(0.9, 1.1) if rng.uniform() < 0.9 else rng.uniform(0.5, 2.0)
    return unit(out)


def bangs(rng: np.random.Generator, n: int) -> Signal:
    """Make shots, fireworks and slammed doors: a crack, a boom below it, and what comes back from far walls."""
    out = np.zeros(n)
    at = rng.uniform(0.05, 1.0)
    dull, boom, tail = log_uniform(rng, 300, 6000), rng.uniform(0.0, 2.0), log_uniform(rng, 2, 15)
    while samples(at) < n:
        length = samples(1.2)
        t = np.arange(length) / RATE_HZ
        crack = rng.standard_normal(length) * np.exp(-t * log_uniform(rng, 30, 200))
        low = noise(rng, length, -6.0) * np.exp(-t * rng.uniform(6, 25))
        far = noise(rng, length, -3.0) * (1 - np.exp(-t * 30)) * np.exp(-t * tail) * rng.uniform(0.02, 0.2)
        sound = shape(crack, lambda f: low_pass(f, dull, 2)) + boom * low + far
        add_at(out, rng.lognormal(0, 0.3) * sound, samples(at))
        at += rng.uniform(0.1, 0.6) if rng.uniform() < 0.4 else rng.uniform(1.0, 4.0)
    return unit(out)


def breaking_glass(rng: np.random.Generator, n: int) -> Signal:
    """Make glass that breaks: a blow, then shards that ring at 2-7 kHz and fall ever more thinly for up to a second."""
    out = np.zeros(n)
    at = rng.uniform(0.05, 1.0)
    while samples(at) < n:
        add_at(out, _struck(rng, log_uniform(rng, 300, 2000), 0.2, 3, 40.0), samples(at))
        lasting = rng.uniform(0.2, 1.0)
        for _ in range(int(rng.integers(15, 60))):
            later = rng.exponential(lasting / 3)
            shard = _struck(rng, log_uniform(rng, 2000, 6500), 0.25, 3, log_uniform(rng, 15, 80))
            add_at(out, shard * rng.lognormal(-1.0, 0.6) * np.exp(-later), samples(at + later))
        at += rng.uniform(2.0, 6.0)
    return unit(out)


def struck_bells(rng: np.random.Generator, n: int) -> Signal:
    """Make struck metal and glass that rings on: bicycle bells, shop bells, cups, keys, triangles, church bells."""
    out = np.zeros(n)
    base = log_uniform(rng, 350, 5000)
    damping = log_uniform(rng, 1.5, 15)
    step_s = log_uniform(rng, 0.07, 2.0)
    at = rng.uniform(0, 0.6)
    while samples(at) < n:
        for i in range(int(rng.integers(1, 7))):
            bell = _struck(rng, base * rng.uniform(0.995, 1.005), 1.5, int(rng.integers(3, 8)), damping, blow=0.1)
            add_at(out, bell * rng.lognormal(0, 0.3), samples(at + i * step_s))
        at += 6 * step_s + rng.uniform(0.3, 3.0)
    return unit(out)


def coughs(rng: np.random.Generator, n: int) -> Signal:
    """Make coughs and the like: one to four bursts of breath through a throat, the first the loudest."""
    out = np.zeros(n)
    formants = rng.uniform(400, 900), rng.uniform(1100, 1900), rng.uniform(2300, 3400)
    at = rng.uniform(0.05, 0.8)
    while samples(at) < n:
        for i in range(int(rng.integers(1, 5))):
            length = samples(rng.uniform(0.15, 0.45))
            t = np.arange(length) / RATE_HZ
            swell = np.minimum(1, t / 0.015) * np.exp(-t * rng.uniform(8, 20))
            breath = noise(rng, length, rng.uniform(-3, 1)) * swell
            for centre in formants:
                breath = shape(breath, lambda f, c=centre: peak(f, c, 250.0, 9.0))  # type: ignore[misc]
            add_at(out, 0.75**i * rng.lognormal(0, 0.2) * unit(breath), samples(at + i * rng.uniform(0.3, 0.5)))
        at += rng.uniform(1.5, 5.0)
    return unit(out)


def _struck(
    rng: np.random.Generator, base_hz: float, seconds: float, modes: int, damping: float, blow: float = 0.6
) -> Signal:
    """Return one blow on a body: inharmonic modes that die out, the high ones sooner, and the click of the blow."""
    t = np.arange(samples(seconds)) / RATE_HZ
    out = blow * rng.standard_normal(len(t)) * np.exp(-t * 250.0)
    for ratio in (1.0, *rng.uniform(1.2, 4.5, modes - 1)):
        turn = 2 * np.pi * min(base_hz * ratio, 7500.0) * t + rng.uniform(0, 2 * np.pi)
        out += rng.uniform(0.2, 1.0) * np.exp(-t * damping * (0.5 + 0.5 * ratio)) * np.sin(turn)
    return out * np.minimum(1.0, (seconds - t) / 0.02)
