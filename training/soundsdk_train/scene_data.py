"""Training material of a run with a [scenes] table: scenes in place of the recordings themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.cache import content_sha256
from soundsdk_train.datasets import LabelledClip, LabelledFile
from soundsdk_train.feature_cache import code_version, keep_arrays, key_of, read_arrays
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
    Scenes are made once for the same settings, seed, recordings, teacher and code; soundsdk's cache keeps them.
    """
    scenes = settings.scenes
    everything = [item for item in files if item.label not in scenes.exclude]
    for folder in folders:
        everything += files_of(folder, scenes.exclude)
    contents = [(item.path.name, item.label, item.source, content_sha256(item.path)) for item in everything]
    sources = {name: digest for name, _, _, digest in contents}
    parts = [asdict(part) for part in (scenes, settings.frontend, settings.waveform, settings.teacher_file)]
    key = key_of(parts, settings.seed, contents, _teacher_digest(settings.teacher_file.file), code_version())
    kept = read_arrays(key)
    if kept is not None:
        return SceneTraining(_clips_of(*kept), kept[1]["labels"], sources)
    material = read_material(everything, scenes.labels, score, trusted=scenes.trusted)
    weights = {
        label: weight
        for label, weight in zip(scenes.labels, scenes.weights, strict=True)
        if label in SYNTHETIC_LABELS or label in material.events
    }
    chosen = replace(scenes, labels=list(weights), weights=list(weights.values()))
    clips = scene_clips(chosen, material, settings.frontend, settings.seed)
    arrays = {
        "features": np.concatenate([_frames(clip) for clip in clips]),
        "strong": np.concatenate([clip.strong for clip in clips if clip.strong is not None]),
    }
    lines = [[clip.name, clip.labels, clip.sha256, len(_frames(clip))] for clip in clips]
    about = {"labels": chosen.labels, "clips": lines}
    keep_arrays(key, arrays, about)
    return SceneTraining(_clips_of(arrays, about), chosen.labels, sources)


def _clips_of(arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> list[LabelledClip]:
    """Return scenes as views of their arrays, one scene behind another."""
    clips, at = [], 0
    for name, labels, digest, frames in about["clips"]:
        part = slice(at, at + frames)
        none = np.zeros(0, np.int16)
        features, strong = arrays["features"][part], arrays["strong"][part]
        clips.append(LabelledClip(name, none, tuple(labels), digest, name, features, strong))
        at += frames
    return clips


def _frames(clip: LabelledClip) -> NDArray[np.int8]:
    assert clip.features is not None  # scenes are rendered as features
    return clip.features


def _teacher_digest(path: str) -> list[str]:
    """Return the hashes of a teacher's files: one, or those in the folder of a SavedModel."""
    files = sorted(p for p in Path(path).rglob("*") if p.is_file()) if path and Path(path).is_dir() else [Path(path)]
    return [content_sha256(p) for p in files] if path else []
