"""Sounds that are not events and must not be mistaken for one: speech, music, beeps.

By ISO 8201 a smoke alarm is one tone in pulses of 0.5 s; a detector that answers within a second has one pulse to
go by. A single beep of that length and pitch is an alarm until the silence after it says otherwise, so the beeps here
differ by pitch, by length or by both, as those of household machines do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from soundsdk_sim.scenes.dsp import (
    RATE_HZ,
    Signal,
    add_at,
    choice,
    drift,
    edges,
    harmonics,
    high_pass,
    low_pass,
    noise,
    peak,
    samples,
    shape,
    unit,
)

# Formant frequencies in Hz of an adult male, after the averages of Peterson and Barney (1952).
VOWELS = (
    (270, 2290, 3010),
    (390, 1990, 2550),
    (530, 1840, 2480),
    (660, 1720, 2410),
    (730, 1090, 2440),
    (570, 840, 2410),
    (440, 1020, 2240),
    (300, 870, 2240),
    (640, 1190, 2390),
    (490, 1350, 1690),
)
MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)


def _voiced(rng: np.random.Generator, pitch: Signal, vowel: tuple[int, ...], size: float) -> Signal:
    """Pass glottal pulses through three formants and a fixed fourth."""
    source = harmonics(pitch, [k**-1.0 for k in range(1, 50)], rng.uniform(0, 6))

    def tract(f: Signal) -> Signal:
        out = np.zeros(len(f))
        for number, (centre, gain) in enumerate(zip((*vowel, 3500), (1.0, 0.6, 0.35, 0.15), strict=True)):
            out += gain / (1.0 + ((f - centre * size) / (45 + 25 * number)) ** 2)
        return out + 0.003

    return shape(source, tract)


def _fricative(rng: np.random.Generator, n: int) -> Signal:
    centre, width = rng.uniform(2000, 6500), rng.uniform(600, 2000)
    return shape(rng.standard_normal(n), lambda f: peak(f, centre, width, 25.0) * high_pass(f, 800.0)) / 20.0


def speech(rng: np.random.Generator, n: int) -> Signal:
    """Make the babble of one voice: syllables of consonant and vowel in phrases, with a melody and pauses."""
    size = rng.uniform(0.95, 1.25)  # vocal tract: man to child
    pitch_hz = rng.uniform(85, 150) if size < 1.08 else rng.uniform(160, 320)
    rate = rng.uniform(3.0, 6.0)
    out = np.zeros(n)
    at = samples(rng.uniform(0, 0.3))
    while at < n:
        syllables = int(rng.integers(3, 14))
        for i in range(syllables):
            fall = 1.15 - 0.3 * i / syllables + rng.normal(0, 0.07)
            length = samples(rng.uniform(0.5, 0.85) / rate)
            move = 2 ** (rng.normal(0, 0.15) * np.linspace(-0.5, 0.5, length))
            pitch = pitch_hz * fall * move * (1 + 0.01 * drift(rng, length, 0.02))
            vowel = VOWELS[int(rng.integers(len(VOWELS)))]
            loud = rng.lognormal(0, 0.25)
            if rng.uniform() < 0.6:
                burst = samples(rng.uniform(0.02, 0.12))
                add_at(out, loud * rng.uniform(0.3, 1.2) * _fricative(rng, burst) * edges(burst, 0.01, 0.01), at)
                at += burst
            voice = unit(_voiced(rng, pitch, vowel, size)) * 0.3
            add_at(out, loud * voice * edges(length, 0.03, 0.06), at)
            at += length + samples(rng.uniform(0.0, 0.08))
        at += samples(rng.uniform(0.2, 0.9))
    return unit(out)


def _instrument(rng: np.random.Generator) -> Callable[[float, float], Signal]:
    """Draw an instrument and return what plays its notes: (Hz, seconds) -> signal."""
    fall, even = rng.uniform(0.8, 2.5), rng.uniform(0.1, 1.0)
    partials = [(1.0 if k % 2 else even) / k**fall for k in range(1, 11)]
    plucked = rng.uniform() < 0.5
    attack, release = (0.004, 0.05) if plucked else (rng.uniform(0.02, 0.1), rng.uniform(0.05, 0.2))
    vibrato, shake = (0.0 if plucked else rng.uniform(0, 0.012)), rng.uniform(4.5, 7)
    decay = rng.uniform(1.5, 6.0) if plucked else rng.uniform(0, 0.5)

    def note(hz: float, seconds: float) -> Signal:
        n = samples(seconds)
        t = np.arange(n) / RATE_HZ
        freq = hz * (1 + vibrato * np.sin(2 * np.pi * shake * t) * np.minimum(1, t * 4))
        return harmonics(freq, partials, 0.0) * np.exp(-decay * t) * edges(n, attack, release)

    return note


def music(rng: np.random.Generator, n: int) -> Signal:
    """Make chords, a melody and perhaps drums, in a key and a tempo."""
    beat_s = 60.0 / rng.uniform(60, 160)
    scale = MAJOR if rng.uniform() < 0.6 else MINOR
    tonic_hz = 110.0 * 2 ** (rng.integers(0, 12) / 12)
    lead, pad = _instrument(rng), _instrument(rng)
    octave = int(rng.integers(1, 3))  # the melody ends near C7, 2.1 kHz, as the piano's usual range does

    def degree_hz(degree: int, octaves: int) -> float:
        return tonic_hz * 2 ** (octaves + degree // 7 + scale[degree % 7] / 12)

    out = np.zeros(n)
    at, degree, bar = 0.0, int(rng.integers(0, 7)), 0
    chords, drums = rng.uniform() < 0.8, rng.uniform() < 0.4
    melody = not chords or rng.uniform() < 0.85
    while samples(at) < n:
        if bar % 4 == 0 and chords:
            root = int(rng.choice([0, 3, 4, 5]))
            for step in (0, 2, 4):
                add_at(out, 0.3 * pad(degree_hz(root + step, 1), 4 * beat_s), samples(at))
            add_at(out, 0.5 * pad(degree_hz(root, 0), 4 * beat_s), samples(at))
        if drums:
            length = samples(0.15)
            hit = noise(rng, length, -6.0 if bar % 2 == 0 else 2.0) * np.exp(-np.arange(length) / samples(0.03))
            add_at(out, 0.8 * hit, samples(at))
        position = at
        while melody and position < at + beat_s - 1e-6:
            note_s = float(rng.choice([0.5, 1.0]) * beat_s)
            degree = int(np.clip(degree + rng.choice([-2, -1, -1, 0, 1, 1, 2]), -3, 10))
            if rng.uniform() < 0.85:
                add_at(out, rng.uniform(0.5, 0.9) * lead(degree_hz(degree, octave), note_s), samples(position))
            position += note_s
        at += beat_s
        bar += 1
    return unit(out)


def _tone(rng: np.random.Generator, hz: float, seconds: float, square: bool) -> Signal:
    n = samples(seconds)
    overtone = rng.uniform(0, 0.3)
    partials = [1.0 / k if k % 2 else 0.0 for k in range(1, 12)] if square else [1.0, overtone]
    return harmonics(np.full(n, hz), partials) * edges(n, 0.004, 0.006)


def _pattern(rng: np.random.Generator, n: int, notes: list[tuple[float, float, float]], square: bool) -> Signal:
    """Repeat notes (Hz, seconds on, seconds off after it) to fill n samples."""
    out = np.zeros(n)
    at = 0.0
    while samples(at) < n:
        for hz, on_s, off_s in notes:
            add_at(out, _tone(rng, hz, on_s, square), samples(at))
            at += on_s + off_s
    return unit(out)


def _not_alarm_hz(rng: np.random.Generator) -> float:
    """Draw a pitch of household beeps that no smoke alarm has: outside 2.6-3.6 kHz and 430-610 Hz."""
    bands = ((650, 1000), (1000, 2500), (1000, 2500), (3800, 5000))
    return float(rng.uniform(*bands[int(rng.integers(len(bands)))]))


def microwave(rng: np.random.Generator, n: int) -> Signal:
    """Make three to five equal beeps and a rest."""
    count, on_s, off_s = int(rng.integers(3, 6)), rng.uniform(0.3, 1.0), rng.uniform(0.3, 1.0)
    hz = _not_alarm_hz(rng)
    notes = [(hz, on_s, off_s)] * (count - 1) + [(hz, on_s, rng.uniform(2, 6))]
    return _pattern(rng, n, notes, rng.uniform() < 0.3)


def back_up(rng: np.random.Generator, n: int) -> Signal:
    """Make a lorry in reverse: even beeps near 1.2 kHz (SAE J994: 700-2800 Hz; in use 1-1.4 kHz)."""
    period_s = rng.uniform(0.6, 1.1)
    return _pattern(rng, n, [(rng.uniform(950, 1450), period_s / 2, period_s / 2)], rng.uniform() < 0.6)


def telephone(rng: np.random.Generator, n: int) -> Signal:
    """Make an electronic ringer: two tones warbling at 10-25 Hz, with rests, or a short tune."""
    if rng.uniform() < 0.5:
        low, rate = rng.uniform(700, 2200), rng.uniform(10, 25)
        high = low * rng.uniform(1.15, 1.4)
        t = np.arange(n) / RATE_HZ
        freq = np.where((t * rate).astype(np.int64) % 2 == 0, low, high)
        ring_s, rest_s = rng.uniform(0.4, 1.8), rng.uniform(0.3, 3.0)
        return unit(harmonics(freq, [1.0, 0.3, 0.2]) * (t % (ring_s + rest_s) < ring_s))
    root = rng.uniform(600, 1300)
    count = int(rng.integers(4, 12))
    notes = [
        (float(root * 2 ** (rng.choice(MAJOR) / 12)), float(rng.choice([0.1, 0.15, 0.2])), 0.02) for _ in range(count)
    ]
    notes[-1] = (notes[-1][0], notes[-1][1], rng.uniform(0.4, 2.0))
    return _pattern(rng, n, notes, rng.uniform() < 0.4)


def clock_alarm(rng: np.random.Generator, n: int) -> Signal:
    """Make a bedside clock: groups of quick beeps."""
    count, on_s = int(rng.integers(2, 6)), rng.uniform(0.05, 0.13)
    hz = rng.uniform(1700, 2500) if rng.uniform() < 0.7 else rng.uniform(3700, 4400)
    notes = [(hz, on_s, on_s)] * (count - 1) + [(hz, on_s, rng.uniform(0.3, 1.0))]
    return _pattern(rng, n, notes, rng.uniform() < 0.3)


def chirps(rng: np.random.Generator, n: int) -> Signal:
    """Make single short beeps: a keypad, or the low-battery chirp of a smoke alarm (its pitch, but under 0.15 s)."""
    hz = rng.uniform(2800, 3400) if rng.uniform() < 0.4 else _not_alarm_hz(rng)
    out = np.zeros(n)
    at = rng.uniform(0, 1.0)
    while samples(at) < n:
        add_at(out, _tone(rng, hz, rng.uniform(0.03, 0.15), False), samples(at))
        at += rng.uniform(0.4, 8.0)
    return unit(out)


def single_beeps(rng: np.random.Generator, n: int) -> Signal:
    """Make single long beeps, each of its own pitch: appliances, lifts, hold tones."""
    out = np.zeros(n)
    at = rng.uniform(0, 1.0)
    while samples(at) < n:
        add_at(out, _tone(rng, _not_alarm_hz(rng), rng.uniform(0.2, 1.8), rng.uniform() < 0.3), samples(at))
        at += rng.uniform(1.5, 5.0)
    return unit(out)


def doorbell(rng: np.random.Generator, n: int) -> Signal:
    """Make a doorbell of two falling tones."""
    high = rng.uniform(550, 900)
    out = np.zeros(n)
    at = rng.uniform(0, 0.5)
    while samples(at) < n:
        for i, hz in enumerate((high, high / 1.26)):
            length = samples(1.6)
            ring = harmonics(np.full(length, hz), [1, 0.0, 0.3, 0.1, 0.1]) * np.exp(-np.arange(length) / samples(0.4))
            add_at(out, ring * edges(length, 0.002, 0.1), samples(at + 0.6 * i))
        at += rng.uniform(3, 8)
    return unit(out)


def whistle(rng: np.random.Generator, n: int) -> Signal:
    """Make someone whistling a tune: glides and vibrato, almost a pure tone, with breath."""
    steps = np.cumsum(rng.choice([-3, -2, -1, 0, 1, 2, 3], n // samples(0.25) + 2))
    at = np.arange(n) / samples(0.25)
    whole = at.astype(np.int64)
    blend = np.clip((at - whole) * 4, 0, 1)
    semitones = np.clip(steps[np.maximum(whole - 1, 0)] * (1 - blend) + steps[whole] * blend, -9, 9)
    freq = 1300.0 * 2 ** (semitones / 12 + 0.004 * np.sin(2 * np.pi * 5.5 * np.arange(n) / RATE_HZ))
    loud = np.clip(1 + 0.7 * drift(rng, n, 0.6), 0, 2)
    return unit(
        loud * (harmonics(freq, [1.0, 0.05]) + 0.08 * shape(rng.standard_normal(n), lambda f: low_pass(f, 4000.0)))
    )


def calls(rng: np.random.Generator, n: int) -> Signal:
    """Make animals and people calling: single cries of a rough voice, 0.2-2 s, that glide up, hold and fall."""
    base_hz = np.exp(rng.uniform(np.log(220), np.log(1100)))
    size, shake, rough = rng.uniform(0.9, 1.8), rng.uniform(0, 0.03), rng.uniform(0.0, 0.3)
    length_s = np.exp(rng.uniform(np.log(0.2), np.log(2.0)))
    knots = np.concatenate([[rng.uniform(-8, 0)], rng.uniform(-3, 3, 3), [rng.uniform(-10, 0)]])  # semitones
    vowel = VOWELS[int(rng.integers(len(VOWELS)))]
    out = np.zeros(n)
    at = rng.uniform(0, 0.5)
    while samples(at) < n:
        length = samples(length_s * rng.uniform(0.8, 1.2))
        t = np.linspace(0, 1, length)
        semitones = np.interp(t, np.linspace(0, 1, len(knots)), knots + rng.normal(0, 0.7, len(knots)))
        flutter = (
            1 + shake * np.sin(2 * np.pi * rng.uniform(5, 25) * length / RATE_HZ * t) + 0.004 * drift(rng, length, 0.01)
        )
        voice = unit(_voiced(rng, base_hz * 2 ** (semitones / 12) * flutter, vowel, size))
        add_at(out, (voice + rough * noise(rng, length, -3.0)) * edges(length, 0.03, 0.12), samples(at))
        at += length / RATE_HZ + rng.uniform(0.15, 3.0)
    return unit(out)


BEEPS: dict[str, Callable[[np.random.Generator, int], Signal]] = {
    "microwave": microwave,
    "back_up": back_up,
    "telephone": telephone,
    "clock_alarm": clock_alarm,
    "chirps": chirps,
    "single_beeps": single_beeps,
    "doorbell": doorbell,
}
KINDS = {"speech": 1.0, "music": 1.0, "beeps": 1.0, "whistle": 0.3, "calls": 0.3}


def distractor(rng: np.random.Generator, seconds: float, kind: str | None = None) -> Signal:
    """Make a distractor of `seconds`, RMS 1. kind: a key of KINDS or of BEEPS; drawn if None."""
    n = samples(seconds)
    name = kind or choice(rng, KINDS)
    if name == "beeps":
        name = choice(rng, dict.fromkeys(BEEPS, 1.0))
    makers: dict[str, Callable[[np.random.Generator, int], Signal]] = {
        "speech": speech,
        "music": music,
        "whistle": whistle,
        "calls": calls,
        **BEEPS,
    }
    return unit(makers[name](rng, n) * edges(n, 0.02, 0.05))
