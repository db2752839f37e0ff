"""Synthetic backgrounds: noise, rain, hum, traffic, fans, ticks and clanks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from soundsdk_sim.scenes.dsp import (
    RATE_HZ,
    Signal,
    add_at,
    choice,
    drift,
    from_db,
    harmonics,
    low_pass,
    noise,
    peak,
    samples,
    shape,
    unit,
)


def air(rng: np.random.Generator, n: int) -> Signal:
    """Make noise between brown and white, with a bump, slowly changing in level."""
    x = noise(rng, n, rng.uniform(-7.0, 0.5))
    centre, width, gain = rng.uniform(150, 4000), rng.uniform(100, 1500), rng.uniform(-6, 9)
    x = shape(x, lambda f: peak(f, centre, width, gain))
    return unit(x * np.exp(0.2 * drift(rng, n, rng.uniform(0.5, 4.0))))


def rain(rng: np.random.Generator, n: int) -> Signal:
    """Make rain: a hiss and many drops, each a short damped bubble tone."""
    drops = np.zeros(n)
    count = int(rng.uniform(20, 300) * n / RATE_HZ)
    length = samples(0.02)
    t = np.arange(length) / RATE_HZ
    kinds = [np.exp(-t * rng.uniform(150, 900)) * np.sin(2 * np.pi * rng.uniform(900, 6500) * t) for _ in range(24)]
    starts = rng.integers(0, n, count)
    levels = rng.lognormal(0.0, 0.8, count)
    for start, level, kind in zip(starts, levels, rng.integers(0, len(kinds), count), strict=True):
        add_at(drops, level * kinds[kind], int(start))
    return unit(unit(drops) + from_db(rng.uniform(-6, 12)) * noise(rng, n, rng.uniform(-3, 1)))


def hum(rng: np.random.Generator, n: int) -> Signal:
    """Make mains hum and its overtones, as of a transformer or a refrigerator, in a little noise."""
    base = rng.choice([50.0, 60.0])
    partials = [rng.uniform(0, 1) / k ** rng.uniform(0.3, 1.5) for k in range(1, 20)]
    tone = unit(harmonics(np.full(n, base) * (1 + 0.0005 * drift(rng, n, 3.0)), partials))
    return unit(tone + from_db(rng.uniform(-20, 0)) * noise(rng, n, -4.0))


def traffic(rng: np.random.Generator, n: int) -> Signal:
    """Make the rumble of a road: the engine tones and tyre noise of passing cars."""
    out = noise(rng, n, -6.0) * 0.5
    seconds = n / RATE_HZ
    at = np.arange(n) / RATE_HZ
    for _ in range(1 + int(rng.poisson(seconds / 8))):
        nearest, speed = rng.uniform(0, seconds), rng.uniform(0.3, 1.5)
        passing = 1.0 / (1.0 + ((at - nearest) * speed) ** 2)
        tyres = shape(noise(rng, n, -3.0), lambda f: peak(f, 900.0, 500.0, 8.0) * low_pass(f, 2500.0))
        engine = harmonics(
            np.full(n, rng.uniform(40, 110)) * (1 + 0.03 * drift(rng, n, 1.0)), [1 / k for k in range(1, 12)]
        )
        out += rng.uniform(0.4, 1.5) * passing * (unit(tyres) + rng.uniform(0, 0.8) * unit(engine))
    return unit(out)


def fan(rng: np.random.Generator, n: int) -> Signal:
    """Make a fan or vacuum cleaner: broad noise, a motor whine and the beat of its blades."""
    beat = 1 + rng.uniform(0, 0.3) * np.sin(2 * np.pi * rng.uniform(4, 30) * np.arange(n) / RATE_HZ)
    whine = harmonics(np.full(n, rng.uniform(90, 700)) * (1 + 0.004 * drift(rng, n, 2.0)), [1, 0.5, 0.4, 0.2, 0.1])
    return unit(noise(rng, n, rng.uniform(-5, -1)) * beat + rng.uniform(0, 0.5) * whine)


def ticks(rng: np.random.Generator, n: int) -> Signal:
    """Make the ticking of a clock."""
    period_s = rng.choice([0.25, 0.5, 1.0]) * rng.uniform(0.97, 1.03)
    length = samples(0.03)
    t = np.arange(length) / RATE_HZ
    pair = []
    for _ in range(2):
        tick = np.exp(-t * rng.uniform(150, 600)) * rng.standard_normal(length)
        centre = rng.uniform(1200, 6000)
        pair.append(shape(tick, lambda f, c=centre: peak(f, c, 500.0, 15.0)))  # type: ignore[misc]
    out = np.zeros(n)
    for i in range(int(n / RATE_HZ / period_s) + 1):
        add_at(out, pair[i % 2] * rng.uniform(0.8, 1.2), samples(i * period_s + rng.normal(0, 0.002)))
    return unit(unit(out) + from_db(rng.uniform(-25, -8)) * noise(rng, n, -3.0))


def clanks(rng: np.random.Generator, n: int) -> Signal:
    """Make dishes, doors and steps: struck bodies with inharmonic, damped modes."""
    out = np.zeros(n)
    for _ in range(2 + int(rng.poisson(0.8 * n / RATE_HZ))):
        length = samples(rng.uniform(0.05, 0.6))
        t = np.arange(length) / RATE_HZ
        base = np.exp(rng.uniform(np.log(120), np.log(4000)))
        body = np.zeros(length)
        for ratio in rng.uniform(1, 6, int(rng.integers(2, 7))):
            damping = rng.uniform(8, 80) * (1 + ratio / 4)
            body += rng.uniform(0.2, 1) * np.exp(-t * damping) * np.sin(2 * np.pi * min(base * ratio, 7500) * t)
        blow = rng.standard_normal(length) * np.exp(-t * rng.uniform(100, 400))
        add_at(out, rng.lognormal(0, 0.6) * (body + rng.uniform(0.2, 2) * blow), int(rng.integers(0, n)))
    return unit(unit(out) + from_db(rng.uniform(-25, -5)) * noise(rng, n, rng.uniform(-6, -2)))


MAKERS: dict[str, Callable[[np.random.Generator, int], Signal]] = {
    "air": air,
    "rain": rain,
    "hum": hum,
    "traffic": traffic,
    "fan": fan,
    "ticks": ticks,
    "clanks": clanks,
}


def background(rng: np.random.Generator, n: int) -> Signal:
    """Mix one to three synthetic backgrounds over a faint floor of noise, RMS 1."""
    weights = dict.fromkeys(MAKERS, 1.0) | {"air": 2.0}
    out = from_db(rng.uniform(-35, -15)) * noise(rng, n, rng.uniform(-6, 0))
    for _ in range(int(rng.integers(1, 4))):
        out += from_db(rng.uniform(-12, 0)) * MAKERS[choice(rng, weights)](rng, n)
    return unit(out)
