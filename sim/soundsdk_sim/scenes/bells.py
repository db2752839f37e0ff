"""Bells and tuned bodies that are no doorbell: church and clock bells, telephones, mallets, piano, glasses, timers.

A doorbell is a few tones and then rest; music goes on, a church bell swings, a telephone rings with its own cadence.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from soundsdk_sim.scenes.chime_voices import draw_voice
from soundsdk_sim.scenes.distractors import MAJOR, MINOR
from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, add_at, choice, draw_kind, log_uniform, samples, unit
from soundsdk_sim.scenes.struck import Modes, bar, gong, strike

# Partials of a tuned church bell to its strike note: hum, prime, tierce, quint, nominal and above.
_CHURCH = (0.5, 1.0, 1.2, 1.5, 2.0, 2.5, 2.67, 3.0, 4.0)


def church_bells(rng: np.random.Generator, n: int) -> Signal:
    """Make one to six tower bells that swing, 0.25 to 2.5 s from stroke to stroke."""
    out, count = np.zeros(n), int(rng.integers(1, 7))
    root_hz, gap_s = log_uniform(rng, 180, 900), log_uniform(rng, 0.25, 2.5)
    peal = []
    for number in range(count):
        ratio = np.array(_CHURCH) * np.exp(rng.normal(0, 0.012, len(_CHURCH)))
        hz = root_hz * 2 ** (MAJOR[number] / 12) * ratio
        level = rng.uniform(0.2, 1.0, len(ratio))
        peal.append(Modes(hz, log_uniform(rng, 2.0, 8.0) / ratio**0.8, level))
    at, number = rng.uniform(0, gap_s), 0
    while samples(at) < n:
        bell = peal[number % count]
        add_at(out, rng.uniform(0.7, 1.0) * strike(bell, log_uniform(rng, 0.0003, 0.0015), 4.0), samples(at))
        at += gap_s * rng.uniform(0.93, 1.07)
        number += 1
    return unit(out)


def striking_clock(rng: np.random.Generator, n: int) -> Signal:
    """Make a clock that strikes the hour: the same gong or rod every 1 to 2.5 s, and its works before each."""
    out, gap_s = np.zeros(n), rng.uniform(0.9, 2.5)
    rod = gong(rng, log_uniform(rng, 200, 700), log_uniform(rng, 1.5, 5.0))
    at = rng.uniform(0, gap_s)
    while samples(at) < n:
        add_at(out, strike(rod, log_uniform(rng, 0.0005, 0.002), 4.0), samples(at))
        at += gap_s
    return unit(out)


def mechanical_telephone(rng: np.random.Generator, n: int) -> Signal:
    """Make a telephone with two gongs and a clapper between them at 20 to 25 Hz, with the cadence of its country."""
    rate_hz = rng.choice([20.0, 25.0]) * rng.uniform(0.97, 1.03)
    low_hz = log_uniform(rng, 900, 2200)
    pair = [gong(rng, low_hz * up, log_uniform(rng, 0.4, 1.5)) for up in (1.0, rng.uniform(1.1, 1.3))]
    blows = [strike(one, 0.0002, 1.5) for one in pair]
    cadence = [(0.4, 0.2), (0.4, 2.0)] if rng.uniform() < 0.4 else [(rng.uniform(1.0, 2.0), rng.uniform(2.0, 4.0))]
    out, at, number = np.zeros(n), rng.uniform(0, 0.5), 0
    while samples(at) < n:
        on_s, off_s = cadence[number % len(cadence)]
        for i in range(int(on_s * rate_hz)):
            add_at(out, blows[i % 2] * rng.uniform(0.7, 1.0), samples(at + i / rate_hz))
        at += on_s + off_s
        number += 1
    return unit(out)


def mallets(rng: np.random.Generator, n: int) -> Signal:
    """Make a tune on marimba, glockenspiel, vibraphone or music box: struck bars, note after note."""
    root_hz, decay_s = log_uniform(rng, 160, 1400), log_uniform(rng, 0.15, 3.0)
    contact_s = log_uniform(rng, 0.0002, 0.002)
    return _melody(rng, n, root_hz, lambda hz, _: strike(bar(rng, hz, decay_s), contact_s, decay_s))


def keyboard_music(rng: np.random.Generator, n: int) -> Signal:
    """Make a tune on a piano, a toy or a synthesiser, sometimes with chords."""
    voice = draw_voice(rng, log_uniform(rng, 0.5, 4.0), choice(rng, {"piano": 0.6, "fm": 0.2, "square": 0.2}))
    return _melody(rng, n, log_uniform(rng, 130, 800), lambda hz, seconds: voice(hz, 3 * seconds, 1.0))


def glasses(rng: np.random.Generator, n: int) -> Signal:
    """Make glasses that touch and bowls that ring: single high tones, at odd times."""
    out, at = np.zeros(n), rng.uniform(0, 1.0)
    while samples(at) < n:
        ting = strike(gong(rng, log_uniform(rng, 900, 4500), log_uniform(rng, 0.3, 2.5)), 0.0003, 2.5)
        for _ in range(int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))):
            add_at(out, rng.uniform(0.3, 1.0) * ting, samples(at))
            at += rng.exponential(0.25) + 0.03
        at += rng.uniform(0.4, 3.5)
    return unit(out)


def timer_bell(rng: np.random.Generator, n: int) -> Signal:
    """Make a kitchen timer or an alarm clock with a bell: the ticking before it, and a ring of 3 s or more."""
    rate_hz, ring_s = rng.uniform(8, 30), rng.uniform(3.0, 9.0)
    blow = strike(gong(rng, log_uniform(rng, 1200, 4500), log_uniform(rng, 0.1, 0.6)), 0.0002, 0.8)
    out, at = np.zeros(n), rng.uniform(0.0, 0.3)
    end = at + ring_s
    while samples(at) < n and at < end:
        add_at(out, blow * rng.uniform(0.5, 1.0), samples(at))
        at += (1 + 0.05 * rng.normal()) / rate_hz
    return unit(out)


def bicycle_bell(rng: np.random.Generator, n: int) -> Signal:
    """Make a bicycle bell: short, quick trills of a high gong."""
    gong_modes = gong(rng, log_uniform(rng, 1600, 4200), log_uniform(rng, 0.4, 1.8))
    blow, out, at = strike(gong_modes, 0.0002, 2.0), np.zeros(n), rng.uniform(0, 0.6)
    while samples(at) < n:
        for _ in range(int(rng.integers(1, 9))):
            add_at(out, blow * rng.uniform(0.4, 1.0), samples(at))
            at += rng.uniform(0.03, 0.07)
        at += rng.uniform(0.3, 2.5)
    return unit(out)


def _melody(rng: np.random.Generator, n: int, root_hz: float, note: Callable[[float, float], Signal]) -> Signal:
    """Play a random walk on a scale that goes on to the end, with chords now and then."""
    scale, beat_s = MAJOR if rng.uniform() < 0.6 else MINOR, log_uniform(rng, 0.12, 0.6)
    out, at, degree, chords = np.zeros(n), rng.uniform(0, 0.3), int(rng.integers(0, 8)), rng.uniform() < 0.4
    while samples(at) < n:
        length_s = beat_s * float(rng.choice([0.5, 1.0, 1.0, 2.0]))
        for step in (0, 2, 4) if chords and rng.uniform() < 0.4 else (0,):
            up = degree + step
            hz = root_hz * 2 ** (up // 7 + scale[up % 7] / 12)
            if hz < 0.9 * RATE_HZ / 2:
                add_at(out, rng.uniform(0.5, 1.0) * note(hz, length_s), samples(at))
        degree = int(np.clip(degree + rng.integers(-3, 4), -5, 12))
        at += length_s
    return unit(out)


BELLS: dict[str, Callable[[np.random.Generator, int], Signal]] = {
    "church_bells": church_bells,
    "striking_clock": striking_clock,
    "mechanical_telephone": mechanical_telephone,
    "mallets": mallets,
    "keyboard_music": keyboard_music,
    "glasses": glasses,
    "timer_bell": timer_bell,
    "bicycle_bell": bicycle_bell,
}


def bell_music(rng: np.random.Generator, n: int, kind: str | None = None) -> Signal:
    """Make n samples of bells or tuned bodies that are no doorbell, RMS 1. kind: a key of BELLS, drawn if None."""
    return BELLS[draw_kind(rng, dict.fromkeys(BELLS, 1.0), kind, "bells")](rng, n)
