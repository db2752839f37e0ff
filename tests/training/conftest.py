"""A small synthetic data set and one detector trained on it, shared by all tests of training."""

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
            pytest.skip(f"{module} is not installed: pip install 'soundsdk[train,tflm]'")


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


def quick_settings(**tables: dict[str, Any]) -> Any:
    """A model small enough to train in seconds."""
    from soundsdk_train import settings

    return settings.from_dict(
        {
            "name": "quick",
            "model": {"stem_filters": 4, "blocks": [[8, 2, 2], [8, 2, 2]], "gru_units": 8, **tables.pop("model", {})},
            "train": {"epochs": 3, "batch": 8, "window_frames": 56, "warmup_epochs": 1, **tables.pop("train", {})},
            "augment": {"time_mask_frames": 8, **tables.pop("augment", {})},
            "quantize": {"clips_per_class": 3},
            **tables,
        }
    )


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folders(tmp_path_factory.mktemp("sounds"))


@pytest.fixture(scope="session")
def trained(folders: Path) -> Any:
    """Detector made from the folders with fold 1 held out, and the clips it was tested on."""
    need("tensorflow", "tflite_micro")
    from soundsdk_train import datasets, pipeline
    from soundsdk_train.cli_train import load_split

    settings = quick_settings()
    train, test, labels = load_split(datasets.scan(folders), 1, settings)
    return pipeline.make(train, test, labels, settings, test_fold=1), test
