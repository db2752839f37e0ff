"""Training material from generated scenes: features with a label for every frame.

A mixture is a scene (soundsdk_sim.scenes) of some seconds: a background, no event or a few, and sounds that are not
events. Synthesised labels (smoke_alarm, siren) come from the generator, other labels of the model from recordings of
that class; recordings of all other classes are background and, loud and in front, negatives.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.scenes import Part, Recordings, Scene, SceneEvent, backgrounds, compose
from soundsdk_sim.scenes.dsp import choice, from_db, samples
from soundsdk_train.datasets import UNKNOWN, LabelledClip, LabelledFile
from soundsdk_train.features import extract
from soundsdk_train.run_settings import SYNTHETIC_LABELS, FrontendSettings, RunSettings, SceneSettings

# Time after a label's last sound before its end can be known: a smoke alarm pauses for up to 1.65 s.
_TRAIL_S = {"smoke_alarm": 1.8}
_TRAIL_DEFAULT_S = 0.4
_LEAD_S = 0.1  # nor can its onset be known in the first moment
_VARY = 0.2  # share by which recordings are played faster or slower
# Sounds in front besides events; melodies and animals are mistaken for an alarm most often.
_FRONT = {"any": 0.3, "recorded": 0.28, "music": 0.18, "calls": 0.1, "whistle": 0.07, "doorbell": 0.07}
# More of the harder kinds: two tones are learned later than a sweep, a low alarm later than a shrill one.
_KINDS = {"smoke_alarm": {"piezo": 0.55, "low": 0.45}, "siren": {"wail": 0.3, "yelp": 0.25, "hi_lo": 0.45}}
_SECONDS = {"smoke_alarm": (2.5, 10.0), "siren": (2.0, 9.0)}


def recordings_of(items: Sequence[LabelledFile]) -> Recordings | None:
    """Return the files of a dataset as material for scenes; None if there are none."""
    clips: dict[str, list[Path]] = {}
    for item in items:
        clips.setdefault(item.label, []).append(item.path)
    return Recordings(clips, _VARY) if clips else None


def add_scenes(
    loaded: Sequence[LabelledClip], material: Recordings | None, settings: RunSettings
) -> tuple[list[LabelledClip], list[str]]:
    """Return the clips and labels that training with a [scenes] table uses instead of the recordings alone.

    Recordings of the scenes' labels stay as they are; all others become negatives in every frame. A label that can
    be neither synthesised nor found among the recordings is left out.
    """
    pairs = zip(settings.scenes.labels, settings.scenes.weights, strict=True)
    weights = {label: weight for label, weight in pairs if available(label, material)}
    scenes = replace(settings.scenes, labels=list(weights), weights=list(weights.values()))
    names = scenes.labels
    clips = []
    for clip in loaded:
        negative = not set(clip.labels) & set(names) and clip.features is not None
        strong = np.zeros((len(clip.features), len(names)), np.uint8) if negative else clip.strong  # type: ignore[arg-type]
        clips.append(replace(clip, strong=strong))
    clips += scene_clips(scenes, material, settings.frontend, settings.seed)
    return clips, names


def mixture(rng: np.random.Generator, recordings: Recordings | None, settings: SceneSettings) -> Scene:
    """Compose one random training scene."""
    n = samples(settings.seconds)
    negatives = [k for k in recordings.clips if k not in settings.labels] if recordings else []
    if recordings and negatives and rng.uniform() < settings.recorded:
        bed = recordings.background(rng, n) + from_db(rng.uniform(-40, -10)) * backgrounds.background(rng, n)
    else:
        bed = backgrounds.background(rng, n)
    parts: list[Part] = []
    if rng.uniform() >= settings.empty:
        p = np.array(settings.weights) / sum(settings.weights)
        at = rng.uniform(0.0, 0.5 * settings.seconds)
        while at < settings.seconds - 0.5 and len(parts) < 3:
            label = settings.labels[int(rng.choice(len(p), p=p))]
            length = float(rng.uniform(*_SECONDS.get(label, (5.0, 5.0))))
            kind = choice(rng, _KINDS[label]) if label in _KINDS else None
            parts.append(Part(label, at, length, float(rng.uniform(settings.snr_db[0], settings.snr_db[1])), kind))
            # Sometimes two sound at once.
            at += length * (rng.uniform(0.3, 1.0) if rng.uniform() < 0.15 else 1.0) + rng.uniform(0.5, 5.0)
    for _ in range(int(rng.choice(4, p=[0.25, 0.35, 0.25, 0.15]) if parts else rng.integers(1, 5))):
        label = choice(rng, _FRONT)
        if label == "recorded":
            label = negatives[int(rng.integers(len(negatives)))] if negatives else "any"
        length = float(rng.uniform(2.0, 9.0))
        parts.append(Part(label, float(rng.uniform(0, settings.seconds - 1)), length, float(rng.uniform(-3, 30))))
    return compose(rng, bed, parts, recordings)


def frame_labels(
    events: Sequence[SceneEvent], labels: Sequence[str], frames: int, frontend: FrontendSettings
) -> NDArray[np.uint8]:
    """Return strong labels (frames, labels): 1 while an event lasts, pauses included, UNKNOWN at its edges, else 0."""
    centre_s = (np.arange(frames) * frontend.hop + frontend.window / 2) / frontend.rate_hz
    out = np.zeros((frames, len(labels)), np.uint8)
    index = {label: i for i, label in enumerate(labels)}
    labelled = [event for event in events if event.label in index]
    for event in labelled:
        trail = _TRAIL_S.get(event.label, _TRAIL_DEFAULT_S)
        near = (centre_s >= event.onset_s) & (centre_s < event.offset_s + trail)
        out[near, index[event.label]] = UNKNOWN
    for event in labelled:
        lasting = (centre_s >= event.onset_s + _LEAD_S) & (centre_s < event.offset_s)
        out[lasting, index[event.label]] = 1
    return out


def scene_clips(
    settings: SceneSettings,
    recordings: Recordings | None,
    frontend: FrontendSettings,
    seed: int,
    workers: int | None = None,
) -> list[LabelledClip]:
    """Make `settings.count` mixtures as clips with features and strong labels; the samples are not kept.

    workers: number of processes; the result does not depend on it.
    """
    make = partial(_one, settings=settings, recordings=recordings, frontend=frontend, seed=seed)
    workers = workers or os.cpu_count() or 1
    if workers == 1 or settings.count < 32:
        return [make(i) for i in range(settings.count)]
    # Spawned, not forked: the parent may hold TensorFlow's threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(make, range(settings.count), chunksize=8))


def _one(
    number: int, settings: SceneSettings, recordings: Recordings | None, frontend: FrontendSettings, seed: int
) -> LabelledClip:
    scene = mixture(np.random.default_rng([seed, number, 0x7EA1]), recordings, settings)
    features = extract(scene.pcm, frontend)
    strong = frame_labels(scene.events, settings.labels, len(features), frontend)
    sounding = tuple(label for i, label in enumerate(settings.labels) if (strong[:, i] == 1).any())
    digest = hashlib.sha256(scene.pcm.tobytes()).hexdigest()
    return LabelledClip(f"scene-{number:05d}", scene.pcm[:0], sounding, digest, f"scene-{number:05d}", features, strong)


def available(label: str, recordings: Recordings | None) -> bool:
    """Return True if scenes can hold the label: it is synthesised or among the recordings."""
    return label in SYNTHETIC_LABELS or (recordings is not None and label in recordings.clips)
