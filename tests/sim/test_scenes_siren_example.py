"""examples/siren: the forty clips, and the one command that trains and scores them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import wave
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

RUN = Path(__file__).resolve().parents[2] / "examples" / "siren" / "run.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("siren_example", RUN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_forty_clips_of_five_seconds_in_recordings_of_two_takes(example: ModuleType, tmp_path: Path) -> None:
    from soundsdk_train.datasets import scan, split

    assert example.write_clips(tmp_path, 1, None) == 40
    for path in tmp_path.rglob("*.wav"):
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
            assert file.getnframes() == 5 * 16000
            assert np.frombuffer(file.readframes(80000), "<i2").any()
    dataset = scan(tmp_path, "folders")
    assert {label: sum(r.label == label for r in dataset.recordings) for label in dataset.labels} == {
        "background": 20,
        "siren": 20,
    }
    for fold in dataset.folds:
        train, test = split(dataset, fold)
        assert len(test) == 8
        assert not {(r.label, r.source) for r in train} & {(r.label, r.source) for r in test}


def test_one_command_trains_and_scores_a_held_out_fold(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="the extra `train` is not installed")
    pytest.importorskip("tflite_micro", reason="the extra `train` is not installed")
    words = [sys.executable, str(RUN), "--output", str(tmp_path), "--folds", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "held-out macro-F1" in done.stdout
    assert (tmp_path / "siren-fold1.tflite").is_file()
