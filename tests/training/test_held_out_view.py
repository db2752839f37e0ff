"""The held-out fold as `soundsdk train` shows it: figures of continuous sound beside those of clips."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from training_sounds import need

from soundsdk import cli
from soundsdk_train.datasets import LabelledClip
from soundsdk_train.evaluation.tables import open_console, print_figures
from soundsdk_train.evaluation.view import clip_figures

HOME = (Path(__file__).parents[2] / "firmware" / "models" / "home.tflite").read_bytes()


def test_held_out_clips_are_heard_as_on_a_board(capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)
    clips = [
        LabelledClip(f"{i}.wav", rng.normal(0, 500, 16000).astype(np.int16), labels, "", f"s{i}")
        for i, labels in enumerate([("siren",), ("siren", "dog_bark"), (), ("helicopter",)])
    ]
    figures = clip_figures(HOME, clips)
    print_figures(open_console(), "fold 1", figures, onsets_known=False)
    out = capfd.readouterr().out
    assert "fold 1: 4 recordings" in out
    assert {label.label: label.events for label in figures.labels} == {
        "smoke_alarm": 0, "siren": 2, "dog_bark": 1, "baby_cry": 0,
    }  # fmt: skip
    kinds = [rate.kind for rate in figures.labels[0].false_alarms]
    assert kinds == ["background", "helicopter", "all negatives", "between events"]
    assert figures.negative_hours == pytest.approx(2 / 3600)


def test_train_shows_the_held_out_fold_as_on_a_board(
    folders: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    need("tensorflow")
    config = tmp_path / "quick.toml"
    config.write_text(
        '[model]\nhead = "softmax"\n'
        "stem_filters = 4\nblocks = [[8, 2, 2]]\ngru_units = 8\n"
        "[train]\nepochs = 1\nbatch = 8\nwindow_frames = 56\nwarmup_epochs = 1\n"
        "[quantize]\nclips_per_class = 3\n"
    )
    words = ["train", "--data", str(folders), "--fold", "1", "--config", str(config), "-o", str(tmp_path / "a.tflite")]
    assert cli.run(words) == 0
    out = capfd.readouterr().out
    assert "fold 1, INT8: accuracy" in out
    assert "fold 1, on continuous sound as on the device: 6 recordings" in out
    assert "false/h" in out
    record = json.loads((tmp_path / "a.run.json").read_text())
    assert record["deployed"]["recordings"] == 6
    assert [label["label"] for label in record["deployed"]["labels"]] == ["high_tone", "low_tone", "noise"]


@pytest.mark.parametrize("samples", [160, 2100])
def test_a_clip_shorter_than_a_step_is_the_same_with_and_without_deployed(
    samples: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for folder in ("siren", "noise"):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "short.wav", np.random.default_rng(1).normal(0, 0.1, samples), 16000)
    figures = []
    for more in ([], ["--deployed"]):
        assert cli.run(["evaluate", "home", "--data", str(tmp_path), "--json", *more]) == 0
        figures.append(json.loads(capfd.readouterr().out))
    assert figures[0]["int8"]["clips"] == 2
    assert figures[0]["deployed"] == figures[1]["deployed"]
    # The silence that a clip needs for a score of its own is no sound in which an event could be false.
    assert figures[1]["deployed"]["negative_hours"] == pytest.approx(samples / 16000 / 3600)
