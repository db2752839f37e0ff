"""Knocks at a door: knuckles, fists and door knockers on wood, metal and glass, in the rhythms that people knock in.

A knock is 2 to 12 blows. `RHYTHMS` are the gaps between them, `DOORS` what is struck, `STRIKERS` with what.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soundsdk_sim.scenes.alarms import Pulses
from soundsdk_sim.scenes.dsp import Signal, add_at, choice, log_uniform, loudest, low_pass, peak, samples, shape
from soundsdk_sim.scenes.struck import Modes, plate, strike

HEARD_S = 0.1  # a blow on wood is over by then
PAUSE_S = 0.45  # blows closer than this are one row

# Doors and how often each is drawn.
DOORS = {"hollow": 0.34, "solid": 0.3, "metal": 0.12, "glass": 0.12, "frame": 0.12}
STRIKERS = {"knuckle": 0.68, "fist": 0.17, "knocker": 0.15}
RHYTHMS = {"even": 0.5, "pairs": 0.14, "quick": 0.12, "haircut": 0.09, "pounding": 0.15}

# Lowest mode in Hz and loss factor of each kind of door.
_DOOR_HZ = {"hollow": (55, 160), "solid": (110, 330), "metal": (60, 240), "glass": (90, 380), "frame": (220, 700)}
# A door in its frame loses far more than a free plate: with the losses of wood alone (0.01 to 0.03) it sounds like a
# marimba, and YAMNet hears no knock in it.
_DOOR_LOSS = {
    "hollow": (0.08, 0.4),
    "solid": (0.08, 0.35),
    "metal": (0.03, 0.15),
    "glass": (0.04, 0.2),
    "frame": (0.08, 0.3),
}
_CONTACT_S = {"knuckle": (0.0004, 0.002), "fist": (0.001, 0.0045), "knocker": (0.0002, 0.0008)}
# "Shave and a haircut, two bits": beats from one blow to the next.
_HAIRCUT = (1.0, 0.5, 0.5, 1.0, 2.0, 1.0)


@dataclass(frozen=True)
class Knock:
    """One drawn knock: what is struck, with what, and when the blows fall in seconds."""

    door: str
    striker: str
    rhythm: str
    blows_s: list[float]


def draw_knock(
    rng: np.random.Generator, door: str | None = None, striker: str | None = None, rhythm: str | None = None
) -> Knock:
    """Draw a knock; door, striker and rhythm are keys of DOORS, STRIKERS and RHYTHMS, drawn if None."""
    drawn = rhythm or choice(rng, RHYTHMS)
    if drawn not in RHYTHMS:
        raise ValueError(f"no such rhythm: {drawn}")
    struck, used = door or choice(rng, DOORS), striker or choice(rng, STRIKERS)
    if struck not in DOORS or used not in STRIKERS:
        raise ValueError(f"no such door or striker: {struck}, {used}")
    return Knock(struck, used, drawn, blow_times(rng, drawn))


def blow_times(rng: np.random.Generator, rhythm: str) -> list[float]:
    """Draw the times in seconds at which the blows of a rhythm fall, the first at 0, with a hand's unevenness."""
    if rhythm == "haircut":
        beat_s = rng.uniform(0.28, 0.5)
        gaps = [beat_s * beats for beats in _HAIRCUT[: 6 if rng.uniform() < 0.7 else 4]]
    elif rhythm == "pairs":
        near_s, count = log_uniform(rng, 0.11, 0.24), int(rng.integers(2, 4))
        gaps = [near_s if i % 2 == 0 else rng.uniform(0.4, 0.9) for i in range(2 * count - 1)]
    elif rhythm == "quick":
        gaps = [log_uniform(rng, 0.09, 0.15)] * int(rng.integers(2, 8))
    elif rhythm == "pounding":
        gaps = [log_uniform(rng, 0.17, 0.42)] * int(rng.integers(3, 12))
    else:
        gap_s = float(np.clip(rng.lognormal(np.log(0.2), 0.28), 0.12, 0.35))
        gaps = [gap_s] * int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.12, 0.36, 0.26, 0.13, 0.08, 0.05]))
        if rng.uniform() < 0.3:  # again after a wait
            gaps = [*gaps, rng.uniform(0.7, 1.6), *gaps]
    hurry = rng.normal(0.0, 0.025)  # each gap is so much shorter or longer than the one before
    uneven = rng.uniform(0.015, 0.09)
    times = [0.0]
    for number, gap_s in enumerate(gaps):
        times.append(times[-1] + gap_s * max(0.55, (1.0 + hurry) ** number * (1.0 + uneven * rng.normal())))
    return times


def knock_sound(rng: np.random.Generator, longest_s: float, knock: Knock | None = None) -> Pulses:
    """Make a knock of at most longest_s seconds, drawn if None; its first blow falls on the first sample.

    The spans of the result are rows of blows: from the first blow of a row until its last one is heard no more.
    """
    drawn = knock or draw_knock(rng)
    times = [t for t in drawn.blows_s if t <= longest_s - HEARD_S] or [0.0]
    blow = _KnockingHand(rng, drawn).blow
    length = samples(min(longest_s, times[-1] + 1.2))
    out = np.zeros(length)
    loudness = rng.uniform(0.5, 3.0)  # dB from one blow to another
    swell = rng.normal(0.0, 1.0)  # dB from each to the next
    for number, at in enumerate(times):
        level_db = loudness * rng.normal() + np.clip(swell * number, -8.0, 8.0)
        add_at(out, blow() * 10.0 ** (level_db / 20.0), samples(at))
    spans: list[tuple[int, int]] = []
    for at in times:
        start, end = samples(at), min(samples(at + HEARD_S), length)
        if spans and start - spans[-1][1] <= samples(PAUSE_S - HEARD_S):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return Pulses(out, spans)


class _KnockingHand:
    """A hand at a door: its blows fall near the same place, each a little harder or softer."""

    def __init__(self, rng: np.random.Generator, knock: Knock) -> None:
        self.rng, self.knock = rng, knock
        self.door = plate(rng, log_uniform(rng, *_DOOR_HZ[knock.door]), log_uniform(rng, *_DOOR_LOSS[knock.door]), 60)
        self.dull_hz = log_uniform(rng, 1500, 9000)  # the treble stays on the other side of the door
        self.contact_s = log_uniform(rng, *_CONTACT_S[knock.striker])
        self.skin = log_uniform(rng, 0.03, 0.25) if knock.striker != "knocker" else 0.05
        self.skin_hz = rng.uniform(600, 3500)
        self.knocker = _knocker(rng) if knock.striker == "knocker" else None
        self.rattle = log_uniform(rng, 0.02, 0.25) if rng.uniform() < 0.25 else 0.0

    def blow(self) -> Signal:
        """Make one blow."""
        rng = self.rng
        moved = Modes(
            self.door.hz,
            self.door.decay_s,
            self.door.level * np.exp(rng.normal(0.0, 0.15, len(self.door.level))),
        )
        contact_s = self.contact_s * float(np.exp(rng.normal(0.0, 0.12)))
        sound = strike(moved, contact_s, 0.9)
        out = np.zeros(max(len(sound), samples(0.15)))
        add_at(out, sound / loudest(sound), 0)
        add_at(out, self.skin * self._slap(0.006), 0)
        if self.knocker is not None:
            ring = strike(self.knocker, contact_s, 0.5)
            add_at(out, rng.uniform(0.4, 1.0) * ring / loudest(ring), 0)
        if self.rattle:  # a loose lock or pane answers
            add_at(out, self.rattle * self._slap(0.03), samples(rng.uniform(0.008, 0.03)))
        return shape(out, lambda f: low_pass(f, self.dull_hz))

    def _slap(self, decay_s: float) -> Signal:
        """Make the noise of skin or of a rattle, 60 dB down after seven times decay_s."""
        n = samples(7 * decay_s)
        raw = self.rng.standard_normal(n) * np.exp(-np.arange(n) / samples(decay_s))
        return shape(raw, lambda f: peak(f, self.skin_hz, 900.0, 18.0) / 8.0)


def _knocker(rng: np.random.Generator) -> Modes:
    """Draw a ring or hammer of iron or brass on its plate."""
    count = int(rng.integers(4, 9))
    hz = np.sort(np.exp(rng.uniform(np.log(700), np.log(6500), count)))
    return Modes(hz, np.exp(rng.uniform(np.log(0.04), np.log(0.35), count)), rng.uniform(0.2, 1.0, count))
