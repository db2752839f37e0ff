"""A small synthetic data set and settings that train on it in seconds."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

RATE = 16000
CLASSES = ("low tone", "high tone", "noise")


def need(*modules: str) -> None:
    """Skip, aloud, what cannot run without these modules."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install 'soundsdk[train]'")


def sound(label: str, rng: np.random.Generator, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    """One recording of a class, float in -1..1."""
    t = np.arange(int(seconds * rate)) / rate
    if label == "noise":
        out = rng.normal(0, 0.1, len(t))
    else:
        pitch = rng.uniform(300, 500) if label == "low tone" else rng.uniform(2500, 3500)
        out = 0.2 * np.sin(2 * np.pi * pitch * t) * (np.sin(2 * np.pi * rng.uniform(2, 5) * t) > 0)
    return out + rng.normal(0, 0.001, len(t))


def write_folders(root: Path, per_class: int = 10, seed: int = 3) -> Path:
    """One folder per class."""
    rng = np.random.default_rng(seed)
    for label in CLASSES:
        (root / label).mkdir(parents=True)
        for i in range(per_class):
            soundfile.write(root / label / f"{label[0]}{i:02d}.wav", sound(label, rng), RATE)
    return root


def write_few(root: Path) -> None:
    """Write a folder with four recordings of one label, doorbell, and four of background."""
    rng = np.random.default_rng(5)
    for folder, label in (("doorbell", "high tone"), ("background", "noise")):
        (root / folder).mkdir(parents=True)
        for i in range(4):
            soundfile.write(root / folder / f"{i}.wav", sound(label, rng), RATE)


def quick_settings(**tables: dict[str, Any]) -> Any:
    """Return settings of a model small enough to train in seconds."""
    from soundsdk_train import run_settings

    return run_settings.from_dict(
        {
            "name": "quick",
            "model": {"stem_filters": 4, "blocks": [[8, 2, 2], [8, 2, 2]], "gru_units": 8, **tables.pop("model", {})},
            "train": {"epochs": 3, "batch": 8, "window_frames": 56, "warmup_epochs": 1, **tables.pop("train", {})},
            "augment": {"time_mask_frames": 8, **tables.pop("augment", {})},
            "quantize": {"clips_per_class": 3},
            "waveform": {"variants": 1},
            "negatives": {"use": False},
            "calibration": {"use": False},
            **tables,
        }
    )
