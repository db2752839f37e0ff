"""One training scene: a background, sounds in front, events, and the device that records them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.scenes import backgrounds, rooms
from soundsdk_sim.scenes.dsp import Signal, add_at, choice, edges, from_db, noise, rms, samples, unit
from soundsdk_train.mixtures.material import Material
from soundsdk_train.mixtures.sounds import GENERATORS, VOICES, SourceEvent, make_event, make_front, through_device
from soundsdk_train.mixtures.truth import SceneTruth
from soundsdk_train.negatives.electrical import ELECTRICAL
from soundsdk_train.run_settings import SceneSettings

# How often each kind is in front; those not named here: _OTHER. What is mistaken for an event most often comes most.
FRONT = {
    "children": 2.4,
    "speech": 2.2,
    "distractor": 3.4,
    "generated": 1.4,
    "synthetic_music": 2.8,
    "music": 2.0,
    "synthetic_speech": 1.2,
    "home": 1.2,
    "rooster": 1.1,
    "person_sneeze": 0.6,
    "street": 0.7,
    "nature": 0.7,
}
_OTHER = 0.25
# Backgrounds: what lasts; any other kind is one now and then.
BEDS = {"street": 1.5, "home": 1.2, "nature": 0.8}
_OTHER_BED = 0.2
_NO_BED = (*VOICES, "synthetic_music", "rooster", "person_sneeze", "beeps")
_QUIETEST_DB, _EVENT_FLOOR_DB = -90.0, -68.0
_TONAL = ("smoke_alarm", "siren")  # heard well below the level of the noise around them


def mixture(
    rng: np.random.Generator, material: Material, settings: SceneSettings
) -> tuple[NDArray[np.int16], SceneTruth]:
    """Compose one random training scene and what is known of its labels.

    Levels are absolute: a background of -90 to -24 dBFS, events up to 38 dB above what sounds under them, from -68 to
    -3 dBFS. An event too faint to be promised is unknown.
    """
    n = samples(settings.seconds)
    truth = SceneTruth(settings.labels, n)
    mix, bed_db = _bed(rng, n, material, truth)
    planned = _plan(rng, settings, material)
    sounds_in_front = int(rng.choice(4, p=[0.35, 0.35, 0.2, 0.1]) if planned else rng.integers(1, 4))
    weights = {kind: FRONT.get(kind, _OTHER) for kind in ("distractor", "generated", "children", *material.negatives)}
    weights |= {kind: weight for kind, weight in settings.front.items() if kind in weights or kind in GENERATORS}
    for _ in range(sounds_in_front):
        start = samples(rng.uniform(0.0, settings.seconds - 0.5))
        sound, masks = make_front(rng, choice(rng, weights), material, settings.labels)
        add_at(mix, unit(sound) * from_db(rng.uniform(np.clip(bed_db - 3.0, -55.0, -12.0), -8.0)), start)
        for label, mask in masks.items():
            if label in truth.labels:
                truth.mark_unknown(label, start, mask)
    for label, start_s in planned:
        event = make_event(rng, label, settings.seconds - start_s, material)
        if event is not None:
            _add_event(rng, mix, event, label, samples(start_s), settings, truth)
    return _record(rng, mix, truth), truth


def _bed(rng: np.random.Generator, n: int, material: Material, truth: SceneTruth) -> tuple[Signal, float]:
    """Make the background, and return it and its level in dBFS.

    It is an electrical signal, quiet noise, a generated place, or recordings joined.
    """
    drawn = rng.uniform()
    kinds = {k: BEDS.get(k, _OTHER_BED) for k in material.negatives if k not in _NO_BED}
    if drawn < 0.05:
        signal = ELECTRICAL[choice(rng, dict.fromkeys(ELECTRICAL, 1.0))](rng, n)
        return signal, 20 * np.log10(max(rms(signal), from_db(_QUIETEST_DB)))
    if drawn < 0.4:
        level_db = rng.uniform(_QUIETEST_DB, -50.0)
        return noise(rng, n, rng.uniform(-6.0, 1.0)) * from_db(level_db), level_db
    if drawn < 0.6 or not kinds:
        level_db = rng.uniform(-65.0, -28.0)
        return backgrounds.background(rng, n) * from_db(level_db), level_db
    clips = material.negatives[choice(rng, kinds)]
    out, at, fade_s = np.zeros(n), -int(rng.integers(0, samples(2.0))), 0.2
    for _ in range(8):
        if at >= n:
            break
        clip = material.draw(rng, clips)
        longest = n - at + samples(0.5)
        first = int(rng.integers(0, max(1, len(clip.pcm) - longest)))
        sound = clip.sound[first : first + longest]
        add_at(out, unit(sound * edges(len(sound), fade_s, fade_s)) * from_db(rng.uniform(-4.0, 0.0)), at)
        for label, mask in clip.masks.items():
            if label in truth.labels:
                truth.mark_unknown(label, at, mask[first : first + longest])
        at += max(len(sound) - samples(fade_s), samples(0.5))
    level_db = rng.uniform(-60.0, -24.0)
    return (unit(out) + from_db(-40.0) * noise(rng, n, -3.0)) * from_db(level_db), level_db


def _plan(rng: np.random.Generator, settings: SceneSettings, material: Material) -> list[tuple[str, float]]:
    """Draw which events a scene has and when they start: (label, seconds); none in a share of the scenes."""
    if rng.uniform() < settings.empty:
        return []
    weights = dict(zip(settings.labels, settings.weights, strict=True))
    at = rng.uniform(0.0, 0.5 * settings.seconds) if rng.uniform() < 0.6 else rng.uniform(0.0, 1.0)
    planned = []
    for _ in range(2):
        if at > settings.seconds - 0.6:
            break
        planned.append((choice(rng, weights), float(at)))
        at += rng.uniform(2.0, 7.0)
    return planned


def _add_event(
    rng: np.random.Generator,
    mix: Signal,
    event: SourceEvent,
    label: str,
    start: int,
    settings: SceneSettings,
    truth: SceneTruth,
) -> None:
    """Mix an event at a drawn SNR and note it: known from a moment after its onset, unknown in pauses and tails."""
    sound = through_device(rng, event.sound) if rng.uniform() < 0.45 else event.sound
    end = min(start + len(sound), len(mix))
    heard = sound[: end - start]
    sounding = event.sounding[: end - start]
    if not sounding.any():
        return
    under = max(rms(mix[start:end]), 1e-9)
    lowest_db, highest_db = settings.snr_db
    wanted = from_db(rng.uniform(lowest_db if label in _TONAL else max(lowest_db, -3.0), highest_db)) * under
    level = min(max(wanted, from_db(_EVENT_FLOOR_DB)), from_db(rng.uniform(-14.0, -3.0) - event.headroom_db))
    add_at(mix, heard * (level / max(rms(heard[sounding]), 1e-9)), start)
    onsets = np.flatnonzero(np.diff(np.concatenate([[0], event.sounding.astype(np.int8)])) == 1)
    last = int(np.flatnonzero(event.sounding)[-1])
    around = np.zeros(max(len(event.sounding), last + samples(event.tail_s)), np.bool_)
    around[: len(event.possible)] = event.possible | event.sounding
    around[last : last + samples(event.tail_s)] = True
    truth.mark_unknown(label, start, around)
    if 20 * np.log10(level / under) < (-7.0 if label in _TONAL else 0.0):
        return
    known = event.sounding.copy()
    for number, onset in enumerate(onsets):
        known[onset : onset + samples(event.lead_s if number == 0 else event.edge_s)] = False
    truth.mark_present(label, start, known)


def _record(rng: np.random.Generator, mix: Signal, truth: SceneTruth) -> NDArray[np.int16]:
    """Record a scene with a drawn microphone, gain and converter."""
    if rng.uniform() < 0.25:
        mix = through_device(rng, mix)
    if rng.uniform() < 0.6:
        mix = rooms.MicrophoneResponse.draw(rng).apply(rng, mix)
    mix = mix * from_db(rng.uniform(-12.0, 8.0))
    drawn = rng.uniform()
    if drawn < 0.01:
        mix = np.zeros(len(mix))  # a microphone that is switched off
        truth.clear()
    elif drawn < 0.04:
        mix = mix * from_db(rng.uniform(10.0, 25.0))  # overdriven
    return rooms.to_pcm(mix + rng.uniform(-0.5, 0.5, len(mix)) / 32767.0)
