"""The detectors that are shipped: within the bounds of a small board, and equal in both engines on real recordings."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from training_sounds import need

from soundsdk_sim.scenes.detection import detect
from soundsdk_sim.scenes.rooms import to_pcm
from soundsdk_train import crnn, datasets, export, run_settings, training_run
from soundsdk_train.negatives.electrical import ELECTRICAL

ROOT = Path(__file__).parents[2]
MODELS = sorted((ROOT / "firmware" / "models").glob("*.tflite"))
# Of the detectors for boards with little memory: they run from a stock image of MicroPython on a plain ESP32.
TINY = {"file_bytes": 40 * 1024, "arena_bytes": 12 * 1024, "macs_per_second": 520_000}
DATA = Path(os.environ.get("SOUNDSDK_DATA", ROOT.parent / "shared" / "data")) / "esc10"


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_a_shipped_model_is_within_its_bounds(path: Path) -> None:
    import soundcore

    data = path.read_bytes()
    stream = soundcore.Stream(data)
    metadata = json.loads(stream.metadata)
    assert metadata["name"] == path.stem
    budget = training_run.BUDGET | (TINY if path.stem.endswith("_tiny") else {})
    assert len(data) <= budget["file_bytes"]
    assert soundcore.Model(data).arena_size <= budget["arena_bytes"]
    config = run_settings.read_settings(ROOT / "training" / "configs" / f"{path.stem}.toml")
    assert config.model.hop_frames == metadata["hop_frames"]
    cost = crnn.cost(config.model, config.frontend.width, len(metadata["labels"]), 62.5)
    assert cost["parameters"] <= budget["parameters"]
    assert cost["macs_per_second"] <= budget["macs_per_second"]
    assert path.with_suffix(".md").is_file(), "a model without its card"


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_a_shipped_model_gives_tflm_bytes_on_real_recordings(path: Path) -> None:
    need("tflite_micro")
    if not DATA.is_dir():
        pytest.skip(f"no recordings in {DATA}: set SOUNDSDK_DATA to the folder that holds esc10")
    recordings = datasets.scan(DATA).recordings[::20]
    loaded = datasets.load_clips(recordings, run_settings.FrontendSettings(), 8)
    features = [c.features for c in loaded.clips if c.features is not None]
    assert len(features) == len(recordings) > 10
    assert export.verify(path.read_bytes(), features) == sum(len(f) // 8 for f in features)


@lru_cache
def ten_minutes(signal: str) -> np.ndarray:
    return to_pcm(ELECTRICAL[signal](np.random.default_rng(1), 600 * 16000))


@pytest.mark.parametrize("signal", sorted(ELECTRICAL))
@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_ten_minutes_of_what_no_sound_makes_raise_no_event(path: Path, signal: str) -> None:
    events = detect(path.read_bytes(), ten_minutes(signal))
    assert [(e.label, round(e.onset_s, 1), round(e.offset_s, 1)) for e in events] == []
