"""Scenes with doorbells and knocks among the sounds that are mistaken for them."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from soundsdk_sim.scenes import bells, distractors, impacts
from soundsdk_sim.scenes.alarms import Pulses
from soundsdk_sim.scenes.doorbells import doorbell_sound
from soundsdk_sim.scenes.dsp import Signal, choice, edges, samples
from soundsdk_sim.scenes.knocks import knock_sound
from soundsdk_sim.scenes.recordings import Recordings
from soundsdk_sim.scenes.scene import (
    DOOR_LABELS,
    SNR_RANGE_DB,
    Maker,
    Part,
    Scene,
    compose,
    draw_bed,
    in_a_row,
    make_scene,
)

_RING_ON_S = 0.4  # the end of an event keeps so much of its decay
_OTHERS = {"impacts": 2.0, "bells": 1.5, "speech": 1.0, "music": 1.0, "whistle": 0.2, "calls": 0.3, "beeps": 1.0}


def door_scene(
    seed: int,
    seconds: float = 60.0,
    recordings: Recordings | None = None,
    snr_range_db: tuple[float, float] = SNR_RANGE_DB,
) -> Scene:
    """Make a random scene: one or two doorbells, one to three knocks, and sounds that are neither.

    seed: same seed, same scene. recordings: backgrounds; without them all sound is synthetic. Events keep 4 s apart;
    other sounds fall anywhere. Those of an event's own pitch or rhythm are not left out.
    """
    rng = np.random.default_rng([seed, 0xD002])
    n = samples(seconds)
    bed = draw_bed(rng, n, recordings, 0.6)
    planned: list[tuple[str, str | None, float, float]] = []
    for label, most in (("doorbell", 2), ("knock", 3)):
        for _ in range(int(rng.integers(1, most + 1))):
            planned.append((label, None, rng.uniform(2.5, 5.0), rng.uniform(*snr_range_db)))
    parts = in_a_row(rng, seconds, planned, 4.0)
    for _ in range(int(rng.integers(2, 6)) if seconds >= 30 else int(rng.integers(0, 3))):
        length = rng.uniform(2.0, 8.0)
        kind = choice(rng, _OTHERS)
        if kind == "beeps":
            kind = choice(rng, {name: 1.0 for name in distractors.BEEPS if name != "doorbell"})
        parts.append(Part(kind, rng.uniform(0.0, max(0.1, seconds - length)), length, rng.uniform(0.0, 20.0)))
    return compose(rng, bed, parts, recordings, events=EVENTS, others=_MORE)


def scene_maker(labels: Collection[str]) -> Callable[[int, float, Recordings | None], Scene]:
    """Return what makes scenes for a detector of these labels, of (seed, seconds, recordings): a door or alarms."""
    return door_scene if set(DOOR_LABELS) & set(labels) else make_scene


def _cut(made: Pulses) -> Signal:
    """Return an event until it is heard no more."""
    sound = made.sound[: made.spans[-1][1] + samples(_RING_ON_S)]
    return sound * edges(len(sound), 0.0, 0.1)


def _in_time(make: Maker) -> Maker:
    return lambda rng, seconds: make(rng, seconds) * edges(samples(seconds), 0.02, 0.05)


EVENTS: dict[str, Maker] = {
    "doorbell": lambda rng, seconds: _cut(doorbell_sound(rng, seconds)),
    "knock": lambda rng, seconds: _cut(knock_sound(rng, seconds)),
}
_MORE: dict[str, Maker] = {
    "impacts": _in_time(lambda rng, seconds: impacts.impacts(rng, samples(seconds))),
    "bells": _in_time(lambda rng, seconds: bells.bell_music(rng, samples(seconds))),
}
