"""Many scenes as features with frame targets, rendered in several processes."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np

from soundsdk_train.datasets import LabelledClip
from soundsdk_train.features import extract
from soundsdk_train.mixtures.material import Material
from soundsdk_train.mixtures.mixture import mixture
from soundsdk_train.run_settings import FrontendSettings, SceneSettings

_material = Material()  # of a worker: sent once, not with every scene


def scene_clips(
    settings: SceneSettings, material: Material, frontend: FrontendSettings, seed: int, workers: int | None = None
) -> list[LabelledClip]:
    """Make `settings.count` scenes as clips with features and strong labels; the samples are not kept.

    workers: number of processes; the result does not depend on it.
    """
    make = partial(_one, settings=settings, frontend=frontend, seed=seed)
    workers = workers or os.cpu_count() or 1
    if workers == 1 or settings.count < 32:
        _keep(material)
        return [make(i) for i in range(settings.count)]
    # Spawned, not forked: the parent may hold TensorFlow's threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_keep, initargs=(material,)) as pool:
        return list(pool.map(make, range(settings.count), chunksize=8))


def _keep(material: Material) -> None:
    global _material
    _material = material


def _one(number: int, settings: SceneSettings, frontend: FrontendSettings, seed: int) -> LabelledClip:
    pcm, truth = mixture(np.random.default_rng([seed, number, 0x7EA1]), _material, settings)
    features = extract(pcm, frontend)
    strong = truth.frames(len(features), frontend)
    sounding = tuple(label for i, label in enumerate(settings.labels) if (strong[:, i] == 1).any())
    digest = hashlib.sha256(pcm.tobytes()).hexdigest()
    name = f"scene-{number:05d}"
    return LabelledClip(name, pcm[:0], sounding, digest, name, features, strong)
