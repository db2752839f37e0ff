"""Smoke alarms: the temporal-three evacuation signal of ISO 8201.

ISO 8201 (and ANSI S3.41 after it): three pulses of 0.5 s with 0.5 s between, then 1.5 s of silence, every time
within 10 %. Domestic alarms sound a piezo disc near 3.1 kHz; alarms for people with impaired hearing sound a
square wave of 520 Hz, within 10 % (UL 464, NFPA 72).
"""

from __future__ import annotations

import numpy as np

from soundsdk_sim.scenes.dsp import Signal, add_at, drift, edges, harmonics, noise, samples

PULSE_S = 0.5
PAUSE_S = 1.5
TOLERANCE = 0.10

KINDS = {"piezo": 0.7, "low": 0.3}


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
