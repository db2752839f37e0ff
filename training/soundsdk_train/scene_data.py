"""Training material of a run with a [scenes] table: scenes in place of the recordings themselves."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soundsdk_train.datasets import LabelledClip, LabelledFile
from soundsdk_train.mixtures import read_material, scene_clips
from soundsdk_train.mixtures.material import Scorer, files_of
from soundsdk_train.run_settings import SYNTHETIC_LABELS, RunSettings


@dataclass
class SceneTraining:
    """Scenes to train on, their labels, and the recordings they were mixed from: name -> SHA-256."""

    clips: list[LabelledClip]
    labels: list[str]
    sources: dict[str, str]


def make_scenes(
    files: Sequence[LabelledFile], folders: Sequence[str], settings: RunSettings, score: Scorer | None = None
) -> SceneTraining:
    """Render the scenes of a run.

    files: recordings of the data set; folders: more labelled folders (`--material`). A label of the scenes that can
    be neither synthesised nor found among the recordings is left out. score: a teacher of the scenes' labels.
    """
    scenes = settings.scenes
    everything = [item for item in files if item.label not in scenes.exclude]
    for folder in folders:
        everything += files_of(folder, scenes.exclude)
    material = read_material(everything, scenes.labels, score, trusted=scenes.trusted)
    weights = {
        label: weight
        for label, weight in zip(scenes.labels, scenes.weights, strict=True)
        if label in SYNTHETIC_LABELS or label in material.events
    }
    chosen = replace(scenes, labels=list(weights), weights=list(weights.values()))
    clips = scene_clips(chosen, material, settings.frontend, settings.seed)
    return SceneTraining(clips, chosen.labels, {item.path.name: _sha256(item.path) for item in everything})


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
