"""Impacts that are no knock at a door: steps, hammers, hands, keys, mice, drops, dishes, things put down, balls, bumps.

Each differs from a knock by its body, its rhythm or both: a hammer keeps on, steps are slower and even, typing is
irregular and faint, a thing that is put down is one blow, a ball comes down ever faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from soundsdk_sim.scenes.dsp import (
    RATE_HZ,
    Signal,
    add_at,
    draw_kind,
    edges,
    log_uniform,
    loudest,
    low_pass,
    noise,
    peak,
    samples,
    shape,
    unit,
)
from soundsdk_sim.scenes.struck import Modes, gong, plate, strike


def _even(rng: np.random.Generator, seconds: float, gap_s: float, uneven: float) -> Iterator[float]:
    """Yield times one gap apart until `seconds`."""
    at = rng.uniform(0.0, gap_s)
    while at < seconds:
        yield at
        at += gap_s * max(0.3, 1.0 + uneven * rng.normal())


def _burst(rng: np.random.Generator, decay_s: float, centre_hz: float, width_hz: float) -> Signal:
    n = samples(7 * decay_s)
    raw = rng.standard_normal(n) * np.exp(-np.arange(n) / samples(decay_s))
    return unit(shape(raw, lambda f: peak(f, centre_hz, width_hz, 20.0)))


def footsteps(rng: np.random.Generator, n: int) -> Signal:
    """Make someone walking or running: heel and sole, left and right, 0.3 to 0.75 s apart, for as long as there is."""
    out = np.zeros(n)
    gap_s, floor = log_uniform(rng, 0.3, 0.75), [plate(rng, log_uniform(rng, 40, 220), rng.uniform(0.05, 0.2))]
    floor.append(Modes(floor[0].hz * rng.uniform(0.95, 1.05), floor[0].decay_s, floor[0].level))
    heel_s, shuffle, crisp_hz = log_uniform(rng, 0.001, 0.008), log_uniform(rng, 0.02, 0.6), rng.uniform(800, 5000)
    for number, at in enumerate(_even(rng, n / RATE_HZ, gap_s, 0.04)):
        step = strike(floor[number % 2], heel_s, 0.4)
        step = step / loudest(step) * rng.uniform(0.6, 1.0)
        add_at(out, step, samples(at))
        add_at(out, 0.2 * shuffle * _burst(rng, 0.02, crisp_hz, 1500.0), samples(at + rng.uniform(0.03, 0.1)))
    return unit(out)


def hammering(rng: np.random.Generator, n: int) -> Signal:
    """Make a hammer at work on nails, wood or metal: steady, 0.25 to 0.9 s apart, and on and on."""
    out = np.zeros(n)
    body = plate(rng, log_uniform(rng, 80, 500), log_uniform(rng, 0.01, 0.08))
    tool = gong(rng, log_uniform(rng, 900, 4500), log_uniform(rng, 0.03, 0.4))
    contact_s, metal = log_uniform(rng, 0.0001, 0.0006), rng.uniform(0.3, 1.5)
    for at in _even(rng, n / RATE_HZ, log_uniform(rng, 0.25, 0.9), 0.06):
        for modes, level in ((body, 1.0), (tool, metal)):
            blow = strike(modes, contact_s, 0.8)
            level *= rng.uniform(0.6, 1.1) / loudest(blow)
            add_at(out, level * blow, samples(at))
    return unit(out)


def clapping(rng: np.random.Generator, n: int) -> Signal:
    """Make one to six pairs of hands: short bursts around 1 kHz, 0.15 to 0.45 s apart, for as long as there is."""
    out = np.zeros(n)
    for _ in range(1 if rng.uniform() < 0.5 else int(rng.integers(2, 7))):
        centre_hz, level = log_uniform(rng, 600, 2600), rng.lognormal(0, 0.5)
        for at in _even(rng, n / RATE_HZ, log_uniform(rng, 0.15, 0.45), 0.05):
            clap = _burst(rng, log_uniform(rng, 0.003, 0.012), centre_hz * rng.uniform(0.9, 1.1), 800.0)
            add_at(out, level * clap, samples(at))
    return unit(out)


def typing(rng: np.random.Generator, n: int) -> Signal:
    """Make keys that are pressed and let go, 3 to 12 a second, in spells."""
    out, at = np.zeros(n), rng.uniform(0.0, 0.3)
    down_hz, up_hz = rng.uniform(1200, 5000), rng.uniform(2000, 6500)
    while samples(at) < n:
        add_at(out, rng.lognormal(0, 0.3) * _burst(rng, 0.004, down_hz * rng.uniform(0.8, 1.25), 1200.0), samples(at))
        add_at(out, 0.4 * _burst(rng, 0.003, up_hz, 1200.0), samples(at + rng.uniform(0.04, 0.1)))
        at += rng.gamma(2.5, 0.055) + 0.03 + (rng.uniform(0.3, 1.5) if rng.uniform() < 0.08 else 0.0)
    return unit(out)


def mouse_clicks(rng: np.random.Generator, n: int) -> Signal:
    """Make the button of a mouse or a light switch: a snap down and a snap up, once or twice, and a wait."""
    out, at = np.zeros(n), rng.uniform(0.0, 0.8)
    down_hz, up_hz, decay_s = rng.uniform(1500, 5500), rng.uniform(2000, 6500), log_uniform(rng, 0.0015, 0.006)
    table = plate(rng, log_uniform(rng, 100, 500), log_uniform(rng, 0.05, 0.2))
    through_table = log_uniform(rng, 0.02, 0.6)
    while samples(at) < n:
        for _ in range(2 if rng.uniform() < 0.35 else 1):
            level, held_s = rng.lognormal(0, 0.2), rng.uniform(0.05, 0.14)
            blow = strike(table, 0.0005, 0.3)
            add_at(out, level * _burst(rng, decay_s, down_hz, 1200.0), samples(at))
            add_at(out, level * through_table * blow / loudest(blow), samples(at))
            add_at(out, 0.6 * level * _burst(rng, decay_s, up_hz, 1200.0), samples(at + held_s))
            at += held_s + rng.uniform(0.05, 0.14)
        at += rng.exponential(0.9) + 0.15
    return unit(out)


def handling(rng: np.random.Generator, n: int) -> Signal:
    """Make bumps and scrapes on the microphone's own case or cable: dull, without a room, at odd times."""
    out, at = np.zeros(n), rng.uniform(0.0, 0.6)
    dull_hz = log_uniform(rng, 120, 1500)
    while samples(at) < n:
        if rng.uniform() < 0.7:
            length = samples(rng.uniform(0.04, 0.25))
            t = np.arange(length) / RATE_HZ
            bump = np.sin(2 * np.pi * log_uniform(rng, 25, 180) * t) * np.exp(-t * log_uniform(rng, 15, 90))
            raw = bump * edges(length, 0.002, 0.01) + 0.3 * noise(rng, length, -6.0) * np.exp(-40 * t)
            add_at(out, rng.lognormal(0, 0.5) * raw, samples(at))
            at += rng.gamma(1.5, 0.15) + 0.05
        else:
            length = samples(rng.uniform(0.2, 1.0))
            rub = noise(rng, length, -3.0) * np.abs(noise(rng, length, -6.0)) * edges(length, 0.03, 0.05)
            add_at(out, log_uniform(rng, 0.1, 0.8) * rub / loudest(rub), samples(at))
            at += length / RATE_HZ + rng.uniform(0.05, 0.8)
        at += rng.exponential(1.0) if rng.uniform() < 0.3 else 0.0
    return unit(shape(out, lambda f: low_pass(f, dull_hz)))


def dripping(rng: np.random.Generator, n: int) -> Signal:
    """Make a tap that drips: short rising tones of bubbles, 0.15 to 2 s apart."""
    out = np.zeros(n)
    base_hz, rise = log_uniform(rng, 350, 2800), rng.uniform(0.02, 0.5)
    for at in _even(rng, n / RATE_HZ, log_uniform(rng, 0.15, 2.0), rng.uniform(0.01, 0.25)):
        t = np.arange(samples(0.12)) / RATE_HZ
        hz = base_hz * rng.uniform(0.85, 1.2) * (1 + rise * t / 0.12)
        tone = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * np.exp(-t * rng.uniform(40, 160))
        add_at(out, tone, samples(at))
        add_at(out, 0.1 * _burst(rng, 0.002, 4000.0, 2000.0), samples(at))
    return unit(out)


def kitchen(rng: np.random.Generator, n: int) -> Signal:
    """Make dishes, pans and cutlery: rings of china and steel, in bunches without a beat."""
    out, at = np.zeros(n), rng.uniform(0.0, 0.5)
    while samples(at) < n:
        body = gong(rng, log_uniform(rng, 500, 4500), log_uniform(rng, 0.04, 0.9))
        for _ in range(int(rng.integers(1, 6))):
            blow = strike(body, log_uniform(rng, 0.0001, 0.0008), 1.2)
            level = rng.lognormal(0, 0.5) / loudest(blow)
            add_at(out, level * blow, samples(at))
            at += rng.gamma(1.5, 0.08)
        at += rng.exponential(0.7)
    return unit(out)


def thuds(rng: np.random.Generator, n: int) -> Signal:
    """Make things put down, doors shut, blows on a table: one at a time, far apart, each on a body of its own."""
    out, at = np.zeros(n), rng.uniform(0.0, 0.8)
    while samples(at) < n:
        body = plate(rng, log_uniform(rng, 40, 500), log_uniform(rng, 0.015, 0.12))
        blow = strike(body, log_uniform(rng, 0.0004, 0.012), 0.9)
        add_at(out, rng.lognormal(0, 0.4) * blow / loudest(blow), samples(at))
        if rng.uniform() < 0.35:  # a latch, or a rattle after it
            add_at(out, 0.2 * _burst(rng, 0.02, rng.uniform(1500, 5000), 1500.0), samples(at + rng.uniform(0.01, 0.06)))
        at += rng.uniform(0.8, 4.0)
    return unit(out)


def bouncing(rng: np.random.Generator, n: int) -> Signal:
    """Make a ball or a coin that bounces: each gap a fixed part of the one before, each blow fainter."""
    out, at = np.zeros(n), rng.uniform(0.0, 0.3)
    while samples(at) < n:
        hard = rng.uniform() < 0.4
        body = gong(rng, log_uniform(rng, 1500, 5000), 0.3) if hard else plate(rng, log_uniform(rng, 50, 300), 0.08)
        gap_s, keeps, level = rng.uniform(0.35, 0.8), rng.uniform(0.6, 0.88), 1.0
        while gap_s > 0.02 and samples(at) < n:
            blow = strike(body, 0.0003 if hard else 0.003, 0.6)
            add_at(out, level * blow / loudest(blow), samples(at))
            at, gap_s, level = at + gap_s, gap_s * keeps, level * keeps
        at += rng.uniform(0.5, 3.0)
    return unit(out)


def drumming(rng: np.random.Generator, n: int) -> Signal:
    """Make a drum kit or a hand drum in a pattern that comes again with every bar."""
    out, step_s = np.zeros(n), log_uniform(rng, 0.09, 0.22)
    drums = [
        (plate(rng, log_uniform(rng, 50, 260), rng.uniform(0.04, 0.15)), rng.uniform(0, 0.5), rng.uniform(1000, 6000))
        for _ in range(3)
    ]
    pattern = rng.choice([-1, 0, 1, 2], 16, p=[0.5, 0.2, 0.15, 0.15])
    for number, at in enumerate(_even(rng, n / RATE_HZ, step_s, 0.01)):
        which = int(pattern[number % 16])
        if which < 0:
            continue
        skin, wires, hz = drums[which]
        blow = strike(skin, 0.002, 0.5)
        add_at(out, blow / loudest(blow), samples(at))
        add_at(out, 0.3 * wires * _burst(rng, 0.03, hz, 2500.0), samples(at))
    return unit(out)


def tools(rng: np.random.Generator, n: int) -> Signal:
    """Make a machine that hits quickly and evenly: a jackhammer, a sewing machine; 6 to 30 blows a second."""
    out = np.zeros(n)
    body = plate(rng, log_uniform(rng, 60, 600), log_uniform(rng, 0.01, 0.1))
    blow = strike(body, log_uniform(rng, 0.0002, 0.003), 0.4)
    for at in _even(rng, n / RATE_HZ, 1.0 / log_uniform(rng, 6, 30), 0.02):
        add_at(out, blow * rng.uniform(0.8, 1.1), samples(at))
    rough = shape(noise(rng, n, -3.0), lambda f: low_pass(f, 5000.0))
    return unit(unit(out) + log_uniform(rng, 0.02, 0.5) * rough)


IMPACTS: dict[str, Callable[[np.random.Generator, int], Signal]] = {
    "footsteps": footsteps,
    "hammering": hammering,
    "clapping": clapping,
    "typing": typing,
    "mouse_clicks": mouse_clicks,
    "handling": handling,
    "dripping": dripping,
    "kitchen": kitchen,
    "thuds": thuds,
    "bouncing": bouncing,
    "drumming": drumming,
    "tools": tools,
}


def impacts(rng: np.random.Generator, n: int, kind: str | None = None) -> Signal:
    """Make n samples of impacts, RMS 1. kind: a key of IMPACTS, drawn if None."""
    return IMPACTS[draw_kind(rng, dict.fromkeys(IMPACTS, 1.0), kind, "impacts")](rng, n)
