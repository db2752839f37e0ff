"""`soundsdk train --json`: one object that says what was made, and progress beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from training_sounds import need, write_folders

from soundsdk import cli
from soundsdk.errors import EXIT_INTERRUPTED
from soundsdk.models.shipped import load_model

CONFIG = (
    "[model]\nstem_filters = 4\nblocks = [[8, 2, 2], [8, 2, 2]]\ngru_units = 8\n"
    "[train]\nepochs = 2\nbatch = 8\nwindow_frames = 56\nwarmup_epochs = 1\n"
    "[calibration]\nuse = false\n[quantize]\nclips_per_class = 2\n[waveform]\nvariants = 0\n[negatives]\nuse = false\n"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need("tensorflow")
    root = tmp_path_factory.mktemp("json")
    write_folders(root / "data", 5)
    (root / "c.toml").write_text(CONFIG)
    return root


def words(project: Path, out: Path) -> list[str]:
    options = ["--data", str(project / "data"), "--config", str(project / "c.toml"), "--from", "none", "--fold", "1"]
    return ["train", *options, "-o", str(out), "--json"]


def test_the_object_names_the_file_what_it_holds_its_figures_and_warnings(
    project: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tones.tflite"
    assert cli.run(words(project, out)) == 0
    said = capfd.readouterr()
    (line,) = said.out.splitlines()
    report = json.loads(line)
    assert report["file"] == str(out)
    assert report["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    metadata = load_model(out).metadata
    for key in ("name", "labels", "detector"):
        assert report[key] == metadata[key]
    record = json.loads(Path(report["record"]).read_text())
    for key in ("cost", "float", "int8", "deployed"):
        assert report[key] == record[key]
    assert (report["fold"], report["interrupted"], report["training"]["epochs"]) == (1, False, 2)
    assert report["times"]["seconds"] > 0
    assert report["times"]["processor_seconds"] > 0
    assert all(text in said.err for text in report["warnings"])
    spoken = [text for text in said.err.splitlines() if text.startswith(("note: ", "warning: "))]
    assert set(report["warnings"]) >= set(spoken)
    assert "epoch 2 of 2" in said.err


def test_an_interrupted_training_gives_its_object_and_then_the_error(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from soundsdk_train import progress

    def interrupt(self: Any, report: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress.TrainingDisplay, "epoch", interrupt)
    out = tmp_path / "tones.tflite"
    assert cli.run(words(project, out)) == EXIT_INTERRUPTED
    report, error = map(json.loads, capfd.readouterr().out.splitlines())
    assert report["interrupted"]
    assert report["file"] == str(tmp_path / "tones.interrupted.tflite")
    assert error["error"]["exit_code"] == EXIT_INTERRUPTED
    assert "--resume" in error["error"]["hint"]


def test_a_training_that_cannot_begin_is_the_error_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = cli.run(["train", "--data", str(tmp_path / "none"), "-o", str(tmp_path / "a.tflite"), "--json"])
    (line,) = capfd.readouterr().out.splitlines()
    assert json.loads(line)["error"]["exit_code"] == code != 0
