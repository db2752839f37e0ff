"""Tones and rhythms that nearly are alarms: horns, tools, squeaks, kettles, tones and beeps at odd intervals."""

from __future__ import annotations

import numpy as np

from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, add_at, drift, edges, harmonics, noise, peak, samples, shape, unit


def horns(rng: np.random.Generator, n: int) -> Signal:
    """Make the horns of cars, lorries and trains: chords of two to four rough notes, 0.2 to 2.5 s."""
    low = float(np.exp(rng.uniform(np.log(130), np.log(450))))
    ratios = [1.0, float(rng.choice([1.2, 1.25, 1.33, 1.5])), 1.5, 2.0][: int(rng.integers(2, 5))]
    partials = [1.0 / k ** rng.uniform(0.2, 0.9) for k in range(1, 25)]
    out = np.zeros(n)
    at = rng.uniform(0, 1.0)
    while samples(at) < n:
        length = samples(rng.uniform(0.2, 2.5))
        chord = sum((harmonics(np.full(length, low * r), partials) for r in ratios), np.zeros(length))
        add_at(out, chord * edges(length, 0.03, 0.08), samples(at))
        at += length / RATE_HZ + rng.uniform(0.1, 3.0)
    return unit(out)


def saws(rng: np.random.Generator, n: int) -> Signal:
    """Make power tools: a whine that runs up, sags under load and runs down, with the noise of the cut."""
    top = float(np.exp(rng.uniform(np.log(250), np.log(3000))))
    out = np.zeros(n)
    at = rng.uniform(0, 0.5)
    while samples(at) < n:
        length = samples(rng.uniform(0.8, 4.0))
        t = np.linspace(0, 1, length)
        speed = np.minimum(1, np.minimum(t / rng.uniform(0.05, 0.3), (1 - t) / rng.uniform(0.1, 0.4)) + 0.02)
        load = 1 - rng.uniform(0.05, 0.3) * (0.5 + 0.5 * np.tanh(drift(rng, length, 0.4)))
        whine = harmonics(np.maximum(top * speed * load, 30.0), [1, 0.6, 0.5, 0.3, 0.3, 0.2, 0.1])
        cut = noise(rng, length, rng.uniform(-2, 3)) * (1 - load) * rng.uniform(1, 6)
        add_at(out, (whine * speed + cut) * edges(length, 0.02, 0.05), samples(at))
        at += length / RATE_HZ + rng.uniform(0.1, 1.5)
    return unit(out)


def strokes(rng: np.random.Generator, n: int) -> Signal:
    """Make rubbing in a rhythm: a hand saw, a brush, sandpaper, a wiper."""
    period_s, centre = rng.uniform(0.25, 1.2), rng.uniform(800, 5000)
    out = np.zeros(n)
    at = rng.uniform(0, period_s)
    while samples(at) < n:
        length = samples(period_s * rng.uniform(0.5, 0.9))
        add_at(out, rng.lognormal(0, 0.2) * noise(rng, length, 0.0) * edges(length, 0.08, 0.1), samples(at))
        at += period_s * rng.uniform(0.93, 1.07)
    return unit(shape(out, lambda f: peak(f, centre, 1200.0, 15.0)))


def squeaks(rng: np.random.Generator, n: int) -> Signal:
    """Make hinges, brakes, shoes and toys: rough tones of 0.05 to 1.2 s that glide and break."""
    out = np.zeros(n)
    at = rng.uniform(0, 0.5)
    while samples(at) < n:
        length = samples(np.exp(rng.uniform(np.log(0.05), np.log(1.2))))
        base = np.exp(rng.uniform(np.log(400), np.log(4500)))
        glide = np.interp(np.linspace(0, 1, length), np.linspace(0, 1, 4), rng.uniform(-5, 5, 4))
        freq = np.minimum(base * 2 ** (glide / 12) * (1 + 0.02 * drift(rng, length, 0.01)), 7000)
        rough = np.clip(1 + rng.uniform(0, 0.8) * drift(rng, length, 0.004), 0, 2)
        tone = harmonics(freq, [1, 0.6, 0.4, 0.3, 0.2]) * rough
        add_at(out, rng.lognormal(0, 0.4) * tone * edges(length, 0.01, 0.03), samples(at))
        at += length / RATE_HZ + rng.uniform(0.05, 1.5)
    return unit(out)


def kettle(rng: np.random.Generator, n: int) -> Signal:
    """Make a kettle or a leak of air or steam: a hiss, and a whistle that rises and wavers."""
    t = np.linspace(0, 1, n)
    top = rng.uniform(1200, 4500)
    freq = top * (1 - rng.uniform(0, 0.5) * np.exp(-t * rng.uniform(1, 6))) * (1 + 0.01 * drift(rng, n, 0.08))
    loud = np.clip(0.5 + t + 0.3 * drift(rng, n, 0.3), 0, 2)
    return unit(loud * harmonics(freq, [1, 0.3, 0.1]) + rng.uniform(0.2, 1.5) * noise(rng, n, 2.0))


def odd_beeps(rng: np.random.Generator, n: int) -> Signal:
    """Make beeps of one pitch at uneven lengths and rests, as of tills, scanners, toys and Morse code."""
    hz = float(np.exp(rng.uniform(np.log(500), np.log(4800))))
    square = rng.uniform() < 0.3
    partials = [1.0 / k if k % 2 else 0.0 for k in range(1, 12)] if square else [1.0, rng.uniform(0, 0.3)]
    out = np.zeros(n)
    at = rng.uniform(0, 0.5)
    while samples(at) < n:
        length = samples(np.exp(rng.uniform(np.log(0.03), np.log(0.35))))
        add_at(out, harmonics(np.full(length, hz), partials) * edges(length, 0.004, 0.006), samples(at))
        at += length / RATE_HZ + np.exp(rng.uniform(np.log(0.04), np.log(1.6)))
    return unit(out)


def steady_tones(rng: np.random.Generator, n: int) -> Signal:
    """Make tones that last: dial tones, coil whine, feedback, a test tone, now and then switched."""
    count = int(rng.integers(1, 4))
    out = np.zeros(n)
    for _ in range(count):
        hz = float(np.exp(rng.uniform(np.log(150), np.log(6000))))
        slow = 1 + rng.uniform(0, 0.002) * drift(rng, n, 1.0)
        out += rng.lognormal(0, 0.5) * harmonics(hz * slow, [1.0, rng.uniform(0, 0.4), rng.uniform(0, 0.2)])
    gate = np.ones(n)
    for _ in range(int(rng.integers(0, 3))):
        start, end = np.sort(rng.integers(0, n, 2))
        gate[start:end] = 0.0
    return unit(out * np.convolve(gate, np.full(160, 1 / 160), "same"))
