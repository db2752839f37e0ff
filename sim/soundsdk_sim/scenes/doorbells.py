"""Doorbells: struck chimes, electronic ding-dong, melodies, video doorbells, buzzers and bells with a clapper.

A chime strikes two bars, the second a third lower and left to ring. Wireless chimes play a few notes through a
small loudspeaker. A buzzer is an armature that the mains shakes, 50 or 60 Hz or twice that; in an electric bell
the clapper breaks its own circuit 10 to 25 times a second. These two are made only when they are named: nothing but
the place tells a buzzer from a shaver and a clapper bell from a telephone, so they are no part of the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soundsdk_sim.scenes.alarms import Pulses
from soundsdk_sim.scenes.chime_voices import draw_voice, loudspeaker
from soundsdk_sim.scenes.dsp import (
    RATE_HZ,
    Signal,
    add_at,
    draw_kind,
    drift,
    edges,
    high_pass,
    log_uniform,
    noise,
    peak,
    samples,
    shape,
    unit,
)
from soundsdk_sim.scenes.struck import bar, gong, strike

KINDS = {"ding_dong": 0.36, "ding": 0.06, "electronic": 0.26, "melody": 0.17, "video": 0.15}
UNLABELLED_KINDS = {"buzzer": 0.5, "ringing": 0.5}
# From the first tone to the second, as ratios of frequency: major and minor third, fourth, whole tone.
_INTERVALS = {1.26: 0.55, 1.19: 0.2, 1.335: 0.15, 1.125: 0.1}
# Notes of the Westminster quarters as semitones from the key note; each line is one bar.
_QUARTERS = ((4, 0, 2, -5), (0, 2, 4, 0), (4, 2, 0, -5), (-5, 2, 4, 0), (0, 4, 2, -5))
_TUNES = (
    (0, 4, 7, 12),
    (12, 7, 4, 0),
    (7, 4, 7, 4, 0),
    (0, 0, 7, 7, 9, 9, 7),
    (7, 9, 7, 5, 4, 0),
    (4, 2, 0, 2, 4, 4, 4),
    (0, 7, 4, 7, 12),
    (12, 8, 5, 8, 12, 8, 5),
    (7, 4, 0),
    (0, 5, 9, 12, 9, 12),
)
_AFTER_TONE_S = 0.12  # after its second tone a chime is known
_LONE_TONE_S = 0.7  # a single tone is a chime when no other has followed
_CARRIES = 1.0 / 3.0  # a tone that falls by 60 dB in some time is 20 dB down after a third of it


@dataclass(frozen=True)
class Doorbell(Pulses):
    """A doorbell and its rings; until known_s, in seconds from its first tone, it may be one note of anything."""

    known_s: float


def doorbell_sound(rng: np.random.Generator, longest_s: float, kind: str | None = None) -> Doorbell:
    """Make a doorbell of at most longest_s seconds, rung one to three times; it starts on the first sample.

    kind: a key of KINDS, drawn if None, or of UNLABELLED_KINDS. The spans of the result are the rings, each from its
    first tone until its last one has fallen by 20 dB.
    """
    name = draw_kind(rng, UNLABELLED_KINDS if kind in UNLABELLED_KINDS else KINDS, kind, "doorbell")
    rings = int(rng.choice([1, 2, 3], p=[0.72, 0.2, 0.08]))
    made: _MainsBuzzer | _ClapperBell | _ChimeTones
    if name == "buzzer":
        made = _MainsBuzzer(rng, longest_s)
    elif name == "ringing":
        made = _ClapperBell(rng, longest_s)
    else:
        made = _chime(rng, longest_s, name)
    out, at, last = np.zeros(samples(longest_s)), 0.0, 0
    spans: list[tuple[int, int]] = []
    for _ in range(rings):
        sound, heard_s = made.press()
        start = samples(at)
        if spans and start + samples(min(heard_s, 0.6)) > len(out):
            break
        add_at(out, sound, start)
        spans.append((start, min(start + samples(heard_s), len(out))))
        last = max(last, min(start + len(sound), len(out)))
        at += heard_s + rng.uniform(0.15, 1.5)
    return Doorbell(out[:last], spans, made.known_s)


def two_tones(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw a ding and a dong: (Hz, Hz, seconds from one to the other)."""
    ratio = float(list(_INTERVALS)[int(rng.choice(len(_INTERVALS), p=list(_INTERVALS.values())))])
    high_hz = log_uniform(rng, 480, 1150)
    return high_hz, high_hz / (ratio * rng.uniform(0.985, 1.015)), log_uniform(rng, 0.22, 0.95)


def tune(rng: np.random.Generator) -> list[tuple[float, float]]:
    """Draw a melody of three to twelve notes: (semitones from its key note, seconds until the next)."""
    drawn = rng.uniform()
    if drawn < 0.35:
        bars = [_QUARTERS[int(i)] for i in rng.integers(0, len(_QUARTERS), int(rng.integers(1, 3)))]
        notes: list[float] = [n for one in bars for n in one]
        note_s = rng.uniform(0.35, 0.75)
    elif drawn < 0.75:
        notes, note_s = list(_TUNES[int(rng.integers(len(_TUNES)))]), rng.uniform(0.12, 0.4)
    else:
        scale = (0, 2, 4, 5, 7, 9, 11, 12)
        notes = [float(scale[int(i)]) for i in rng.integers(0, len(scale), int(rng.integers(3, 9)))]
        note_s = rng.uniform(0.1, 0.35)
    lengths = note_s * rng.choice([1.0, 1.0, 1.0, 1.5, 2.0], len(notes))
    return list(zip(notes, lengths.tolist(), strict=True))


class _ChimeTones:
    """Play the notes of one chime, the same each time that it is rung. notes: (seconds, Hz, seconds, level)."""

    def __init__(self, notes: Sequence[tuple[float, float, float, float]], sound: Signal, decay_s: float) -> None:
        # It ends when it has died away to -70 dB, not when the time for it is over.
        self.sound = sound[: int(np.flatnonzero(np.abs(sound) > 3e-4 * np.abs(sound).max())[-1]) + 1]
        ends = [at + min(length, decay_s * _CARRIES) for at, _, length, _ in notes]
        self.heard_s = min(max(ends), len(self.sound) / RATE_HZ)
        self.known_s = notes[1][0] + _AFTER_TONE_S if len(notes) > 1 else _LONE_TONE_S

    def press(self) -> tuple[Signal, float]:
        """Return the sound of one press of the button and the seconds for which it is heard."""
        return self.sound, self.heard_s


def _chime(rng: np.random.Generator, longest_s: float, name: str) -> _ChimeTones:
    struck = name in ("ding_dong", "ding")
    decay_s = log_uniform(rng, 1.2, 5.0) if struck else log_uniform(rng, 0.5, 3.0)
    high_hz, low_hz, gap_s = two_tones(rng)
    rest_s = max(0.3, longest_s - gap_s)
    if name == "ding":
        notes = [(0.0, high_hz, longest_s, 1.0)]
    elif name in ("ding_dong", "electronic"):
        notes = [(0.0, high_hz, longest_s, 1.0), (gap_s, low_hz, rest_s, rng.uniform(0.6, 1.3))]
        if name == "electronic" and rng.uniform() < 0.25:  # ding-dang-dong
            notes.append((2 * gap_s, low_hz / rng.choice([1.19, 1.26]), rest_s, 1.0))
    elif name == "melody":
        root_hz, at = log_uniform(rng, 380, 1500), 0.0
        decay_s = log_uniform(rng, 0.4, 2.2)
        notes = []
        for semitones, step_s in tune(rng):
            notes.append((at, root_hz * 2 ** (semitones / 12), min(2.0, 3 * step_s), rng.uniform(0.7, 1.0)))
            at += step_s
    else:  # a video doorbell: a quick figure of soft, bell-like tones, mostly rising
        root_hz, step_s, at = log_uniform(rng, 420, 1900), log_uniform(rng, 0.07, 0.25), 0.0
        decay_s = log_uniform(rng, 0.5, 2.0)
        steps = np.cumsum(rng.choice([-5, -3, 2, 3, 4, 5, 7], int(rng.integers(2, 6))))
        notes = []
        for semitones in (0, *steps):
            notes.append((at, root_hz * 2 ** (float(np.clip(semitones, -9, 16)) / 12), 1.5, rng.uniform(0.6, 1.0)))
            at += step_s
    notes = [note for note in notes if note[0] < longest_s - 0.1]
    out = np.zeros(samples(longest_s))
    if struck:
        contact_s = log_uniform(rng, 0.00015, 0.0008)
        bars = [(at, bar(rng, hz, decay_s * (hz / high_hz) ** -0.5), level) for at, hz, _, level in notes]
        for at, modes, level in bars:
            add_at(out, level * strike(modes, contact_s, longest_s), samples(at))
        for at, *_ in notes:  # the plunger hits the case
            add_at(out, rng.uniform(0.0, 0.15) * _click(rng), samples(at))
        return _ChimeTones(notes, out, decay_s)
    voice = draw_voice(rng, decay_s)
    for at, hz, length_s, level in notes:
        add_at(out, voice(hz, length_s, level), samples(at))
    return _ChimeTones(notes, loudspeaker(rng, out), decay_s)


class _HeldButton:
    """Sounds that last as long as the button is pressed: each press has its own length."""

    known_s = 0.4

    def __init__(self, rng: np.random.Generator, shortest_s: float, longest_s: float, most_s: float) -> None:
        self.rng, self.range_s, self.most_s = rng, (shortest_s, longest_s), most_s

    def seconds(self) -> float:
        """Draw how long the button is held."""
        return min(log_uniform(self.rng, *self.range_s), self.most_s)


class _MainsBuzzer(_HeldButton):
    """An armature that hits its stop with the mains: pulses of 50, 60, 100 or 120 Hz in a resonant case."""

    def __init__(self, rng: np.random.Generator, most_s: float) -> None:
        super().__init__(rng, 0.25, 2.5, most_s)
        self.base_hz = float(rng.choice([50.0, 60.0, 100.0, 120.0])) * rng.uniform(0.998, 1.002)
        self.duty, self.rough = rng.uniform(0.05, 0.5), log_uniform(rng, 0.01, 0.3)
        self.cases = [(log_uniform(rng, 250, 4000), rng.uniform(100, 900), rng.uniform(6, 22)) for _ in range(3)]
        self.corner_hz = rng.uniform(80, 400)
        self.uneven = rng.uniform(0.0, 0.3)

    def press(self) -> tuple[Signal, float]:
        """Return the sound of one press of the button and the seconds for which it is heard."""
        seconds = self.seconds()
        n = samples(seconds)
        phase = self.base_hz * np.arange(n) / RATE_HZ
        every_other = 1.0 + self.uneven * np.where(phase.astype(np.int64) % 2, 1.0, -1.0)
        pulses = np.where(phase % 1.0 < self.duty, every_other, -self.duty)
        raw = np.diff(pulses, prepend=0.0) + 0.1 * pulses + self.rough * self.rng.standard_normal(n)

        def case(f: Signal) -> Signal:
            out = high_pass(f, self.corner_hz)
            for centre_hz, width_hz, lift_db in self.cases:
                out = out * peak(f, centre_hz, width_hz, lift_db)
            return out

        sound = unit(shape(raw, case)) * (1 + 0.05 * drift(self.rng, n, 0.05))
        return sound * edges(n, 0.004, 0.012), seconds


class _ClapperBell(_HeldButton):
    """A clapper that strikes a bell 10 to 25 times a second, unevenly, with the spark of its contact."""

    def __init__(self, rng: np.random.Generator, most_s: float) -> None:
        super().__init__(rng, 0.4, 3.0, most_s)
        self.modes = gong(rng, log_uniform(rng, 700, 2800), log_uniform(rng, 0.25, 1.6))
        self.rate_hz, self.jitter = rng.uniform(10, 25), rng.uniform(0.01, 0.08)
        self.contact_s, self.spark = log_uniform(rng, 0.0001, 0.0005), log_uniform(rng, 0.01, 0.2)

    def press(self) -> tuple[Signal, float]:
        """Return the sound of one press of the button and the seconds for which it is heard."""
        seconds = self.seconds()
        blow = strike(self.modes, self.contact_s, self.most_s)
        out = np.zeros(samples(seconds) + len(blow))
        at = 0.0
        while at < seconds:
            add_at(out, blow * self.rng.uniform(0.6, 1.1), samples(at))
            add_at(out, self.spark * _click(self.rng), samples(at))
            at += max(0.02, (1 + self.jitter * self.rng.normal()) / self.rate_hz)
        ring_s = float(self.modes.decay_s[0]) * _CARRIES
        return out[: samples(self.most_s)], min(seconds + min(ring_s, 0.4), self.most_s)


def _click(rng: np.random.Generator) -> Signal:
    n = samples(0.01)
    return noise(rng, n, rng.uniform(-3, 3)) * np.exp(-np.arange(n) / samples(0.0015))
