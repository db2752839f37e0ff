"""Smoke alarms: the temporal-three evacuation signal of ISO 8201.

ISO 8201 (and ANSI S3.41 after it): three pulses of 0.5 s with 0.5 s between, then 1.5 s of silence, every time
within 10 %. Domestic alarms sound a piezo disc near 3.1 kHz; alarms for people with impaired hearing sound a
square wave of 520 Hz, within 10 % (UL 464, NFPA 72). Many that are in use keep to no pattern: they sweep, pulse
quickly, sound steadily or buzz like a horn. `alarm_sound` makes all of these, for training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from soundsdk_sim.scenes.dsp import (
    RATE_HZ,
    Signal,
    add_at,
    choice,
    drift,
    edges,
    frame_levels,
    harmonics,
    high_pass,
    log_uniform,
    noise,
    peak,
    samples,
    shape,
    unit,
)

PULSE_S = 0.5
PAUSE_S = 1.5
TOLERANCE = 0.10

KINDS = {"piezo": 0.7, "low": 0.3}
# All that `alarm_sound` makes: how often each is drawn.
ALL_KINDS = {"piezo": 0.42, "low": 0.16, "horn": 0.12, "pulsed": 0.12, "warble": 0.10, "steady": 0.08}


@dataclass(frozen=True)
class Pulses:
    """A sound and the stretches (start, end in samples) in which it sounds; pauses lie between."""

    sound: Signal
    spans: list[tuple[int, int]]


def temporal_three(rng: np.random.Generator, seconds: float, kind: str = "piezo", start_pulse: int = 0) -> Signal:
    """Make a smoke alarm of at most `seconds`, ending with the end of its last whole pulse.

    kind: "piezo" (2.8-3.4 kHz, weak overtones) or "low" (520 Hz, square-like). start_pulse: 0-2, the pulse of the
    group it begins with (a device that was switched on between pulses begins with 0).
    The first sample belongs to the first pulse, so the onset is at 0 and the offset at the end.
    """
    pulse_s, gap_s, pause_s = (t * rng.uniform(1 - TOLERANCE, 1 + TOLERANCE) for t in (PULSE_S, PULSE_S, PAUSE_S))
    if kind == "piezo":
        base_hz = float(np.clip(rng.normal(3100, 130), 2800, 3400))
        partials = [1.0, rng.uniform(0.0, 0.25), 0.0]
        attack_s, chirp = rng.uniform(0.002, 0.02), rng.normal(0, 0.003)
    elif kind == "low":
        base_hz = 520.0 * rng.uniform(1 - TOLERANCE, 1 + TOLERANCE)
        rolloff, even = rng.uniform(0.9, 1.6), rng.uniform(0.0, 0.12)
        partials = [(1.0 if k % 2 else even) / k**rolloff for k in range(1, 15)]
        attack_s, chirp = rng.uniform(0.001, 0.015), 0.0
    else:
        raise ValueError(f"no such smoke alarm: {kind}")
    wander = rng.uniform(0.0, 0.004)
    buzz = rng.uniform(0.0, 0.02)
    out = np.zeros(samples(seconds))
    at, number, end = 0.0, start_pulse % 3, 0
    while at + pulse_s <= seconds:
        n = samples(pulse_s)
        settle = np.exp(-np.arange(n) / samples(0.05))
        freq = base_hz * (1.0 + chirp * settle + wander * 0.3 * drift(rng, n, 2.0))
        tone = harmonics(freq, partials) * (1.0 + 0.05 * drift(rng, n, 0.1))
        tone += buzz * noise(rng, n)
        add_at(out, tone * edges(n, attack_s, attack_s), samples(at))
        end = samples(at) + n
        number += 1
        at += pulse_s + (pause_s if number % 3 == 0 else gap_s)
    return out[:end]


def alarm_sound(rng: np.random.Generator, seconds: float, kind: str | None = None) -> Pulses:
    """Make a smoke or fire alarm of at most `seconds`, starting anywhere in its pattern.

    kind: a key of ALL_KINDS, drawn if None. "piezo": three pulses of a shrill tone; "low": of 520 Hz; "horn": a buzzer
    with a resonance near 3 kHz, in three pulses or steady; "pulsed": quick pulses; "warble": a tone that sweeps 2 to
    14 times a second; "steady": one tone, which may beat. Shrill tones lie in 2.65-3.75 kHz.
    """
    kind = kind or choice(rng, ALL_KINDS)
    if kind == "low":
        sound = temporal_three(rng, max(seconds, 1.0), "low", int(rng.integers(3)))
        return Pulses(sound, _loud_spans(sound))
    base_hz = float(np.clip(rng.normal(3150, 220), 2650, 3750))
    partials = [1.0, rng.uniform(0.0, 0.4)]
    attack_s = rng.uniform(0.001, 0.02)
    if kind == "warble":
        sound = _warble(rng, samples(seconds), rng.uniform(2500, 3500), partials) * edges(
            samples(seconds), attack_s, 0.02
        )
        return Pulses(sound, [(0, len(sound))])
    tone = _piezo(rng, base_hz, partials)
    if kind == "steady":
        n = samples(seconds)
        sound = tone(n) * edges(n, attack_s, 0.02)
        if rng.uniform() < 0.5:
            sound *= 1 + rng.uniform(0, 0.6) * np.sin(2 * np.pi * log_uniform(rng, 2, 60) * np.arange(n) / RATE_HZ)
        return Pulses(sound, [(0, n)])
    if kind == "pulsed":
        on_s, off_s = log_uniform(rng, 0.04, 0.3), log_uniform(rng, 0.03, 0.3)
        made = _in_pattern(seconds, [(on_s, off_s)], tone, min(attack_s, on_s / 4))
        return Pulses(made.sound, [(0, made.spans[-1][1])] if made.spans else [])
    if kind not in ("piezo", "horn"):
        raise ValueError(f"no such smoke alarm: {kind}")
    unit_s = PULSE_S * rng.uniform(1 - TOLERANCE, 1 + TOLERANCE)
    three = [(unit_s, unit_s), (unit_s, unit_s), (unit_s, unit_s * PAUSE_S / PULSE_S)]
    first = int(rng.integers(3))
    pattern = three[first:] + three[:first]
    if kind == "horn":
        tone = _horn(rng)
        if rng.uniform() < 0.4:
            pattern = [(seconds + 1.0, 0.1)]
    return _in_pattern(seconds, pattern, tone, attack_s)


def _piezo(rng: np.random.Generator, base_hz: float, partials: Sequence[float]) -> Callable[[int], Signal]:
    wander, chirp, buzz = rng.uniform(0, 0.0012), rng.normal(0, 0.006), rng.uniform(0, 0.03)

    def tone(n: int) -> Signal:
        settle = np.exp(-np.arange(n) / samples(0.05))
        freq = base_hz * (1 + chirp * settle + wander * drift(rng, n, 2.0))
        return harmonics(freq, partials) * (1 + 0.05 * drift(rng, n, 0.1)) + buzz * noise(rng, n)

    return tone


def _horn(rng: np.random.Generator) -> Callable[[int], Signal]:
    """Draw a buzzer: a rough pulse train whose case resonates near 3 kHz."""
    base_hz, duty, jitter = log_uniform(rng, 60, 500), rng.uniform(0.1, 0.5), rng.uniform(0, 0.05)
    centre_hz, width_hz, lift_db = rng.uniform(2800, 3700), rng.uniform(150, 900), rng.uniform(10, 30)
    rough, corner_hz = 3 * log_uniform(rng, 0.02, 0.6), rng.uniform(300, 900)

    def tone(n: int) -> Signal:
        phase = np.cumsum(base_hz * (1 + jitter * drift(rng, n, 0.01))) / RATE_HZ
        raw = np.sign(phase % 1.0 - duty) + rough * rng.standard_normal(n)
        return unit(shape(raw, lambda f: peak(f, centre_hz, width_hz, lift_db) * high_pass(f, corner_hz)))

    return tone


def _warble(rng: np.random.Generator, n: int, base_hz: float, partials: Sequence[float]) -> Signal:
    rate_hz, depth = log_uniform(rng, 2, 14), rng.uniform(0.02, 0.15)
    at = np.arange(n) / RATE_HZ
    turn = at * rate_hz % 1.0
    sweep = 2 * turn - 1 if rng.uniform() < 0.5 else np.sin(2 * np.pi * turn)
    loudness = 1 + rng.uniform(0, 0.5) * np.sin(2 * np.pi * at * rate_hz + rng.uniform(0, 6))
    return harmonics(base_hz * (1 + depth * sweep), partials) * loudness


def _in_pattern(
    seconds: float, pattern: Sequence[tuple[float, float]], tone: Callable[[int], Signal], attack_s: float
) -> Pulses:
    """Repeat a pattern of (seconds on, seconds off) until `seconds` are full; the last pulse may be cut."""
    out, spans, at, number = np.zeros(samples(seconds)), [], 0.0, 0
    while samples(at) < len(out) - samples(0.025):
        on_s, off_s = pattern[number % len(pattern)]
        start = samples(at)
        n = min(samples(on_s), len(out) - start)
        out[start : start + n] += tone(n) * edges(n, attack_s, attack_s)
        spans.append((start, start + n))
        at += on_s + off_s
        number += 1
    return Pulses(out, spans)


def _loud_spans(sound: Signal) -> list[tuple[int, int]]:
    """Return the stretches within 20 dB of the loudest 32 ms, in samples."""
    frame = samples(0.032)
    level = frame_levels(sound, frame)
    loud = np.concatenate([[0], (level > 0.1 * level.max(initial=0.0)).astype(np.int8), [0]])
    turns = np.flatnonzero(np.diff(loud)) * frame
    return [(int(a), int(b)) for a, b in zip(turns[::2], turns[1::2], strict=True)]
