"""The interpreter that a detector has to equal: the official one, or TensorFlow's own where it has no package."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundcore
from training_sounds import need, quick_settings

from soundsdk import cli
from soundsdk.errors import CheckError
from soundsdk.resources import models_dir
from soundsdk_train import export
from soundsdk_train.judge import OFFICIAL, REFERENCE, Judge, choose_judge, judge_named


@pytest.fixture
def no_tflm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the official interpreter impossible to import, as where its package does not exist."""
    for name in [name for name in sys.modules if name.split(".")[0] == "tflite_micro"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tflite_micro", None)


def _content(data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return the metadata without judge, versions and commit, and all weights."""
    from tensorflow.lite.python import schema_py_generated as schema

    text = soundcore.Model(data).metadata
    assert text is not None
    metadata = json.loads(text)
    for key in ("judge", "versions", "commit"):
        del metadata["provenance"][key]
    buffers = schema.ModelT.InitFromPackedBuf(bytearray(data), 0).buffers
    weights = [bytes(buffer.data) for buffer in buffers if buffer.data is not None]
    assert weights.pop() == text
    return metadata, weights


def _outputs(judge: Judge, data: bytes, steps: int) -> list[np.ndarray]:
    """Feed a detector noise of changing loudness and return all outputs of all steps."""
    opened, model = judge.open(data), soundcore.Model(data)
    assert model.metadata is not None
    metadata = json.loads(model.metadata)
    states = {i: np.full(model.input_shape(i), model.input_quant(i)[1], np.int8) for i, _ in metadata["states"]}
    shape, rng, out = model.input_shape(metadata["features"]), np.random.default_rng(5), []
    for _ in range(steps):
        noise = rng.normal(rng.uniform(-80, 80), rng.uniform(1, 80), shape)
        opened.set_input(np.clip(noise, -128, 127).astype(np.int8), metadata["features"])
        for i, values in states.items():
            opened.set_input(values, i)
        opened.invoke()
        out += [opened.get_output(o).reshape(-1).copy() for o in range(model.outputs)]
        states = {i: opened.get_output(o).copy() for i, o in metadata["states"]}
    return out


def test_the_official_interpreter_is_the_judge_where_it_is_installed(trained: Any) -> None:
    need("tflite_micro")
    judge = choose_judge()
    assert (judge.name, judge.note()) == (OFFICIAL, None)
    assert trained[0].record["judge"]["name"] == OFFICIAL


@pytest.mark.parametrize("path", sorted(models_dir().glob("*.tflite")), ids=lambda p: p.stem)
def test_tensorflows_reference_kernels_give_the_bytes_of_the_official_interpreter(path: Path) -> None:
    need("tensorflow", "tflite_micro")
    official = _outputs(judge_named(OFFICIAL), path.read_bytes(), 60)
    lite = _outputs(judge_named(REFERENCE), path.read_bytes(), 60)
    assert len({out.tobytes() for out in official}) > 60
    assert all(np.array_equal(a, b) for a, b in zip(official, lite, strict=True))


def test_without_the_official_interpreter_training_ends_with_the_same_file_which_says_who_judged_it(
    folders: Path, trained: Any, no_tflm: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from soundsdk_train import datasets, training_run
    from soundsdk_train.preparation import load_split

    settings = quick_settings()
    train, test, labels = load_split(datasets.scan(folders), 1, settings)
    detector = training_run.train_detector(train, test, labels, settings, test_fold=1)
    assert detector.record["judge"]["name"] == REFERENCE
    assert detector.record["judge"]["steps_equal"] == trained[0].record["judge"]["steps_equal"] > 0
    assert _content(detector.data) == _content(trained[0].data)
    path = tmp_path / "quick.tflite"
    record = json.loads(training_run.write_detector(detector, path).read_text())
    assert record["judge"]["name"] == REFERENCE
    assert cli.run(["info", str(path)]) == 0
    assert f"checked against {REFERENCE} {record['versions']['tensorflow']}" in capfd.readouterr().out


def test_a_byte_that_differs_from_tensorflows_kernels_is_refused(
    trained: Any, no_tflm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, test = trained[0].data, trained[1]
    model = soundcore.Model

    class OneByteOff:
        def __init__(self, file: bytes) -> None:
            self._model = model(file)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._model, name)

        def output(self, index: int) -> bytes:
            out = bytearray(self._model.output(index))
            out[-1] ^= 1
            return bytes(out)

    monkeypatch.setattr(soundcore, "Model", OneByteOff)
    with pytest.raises(CheckError, match=f"{REFERENCE} and soundcore differ on clip 0, step 0, output 0"):
        export.verify(data, [test[0].features])


def test_that_the_official_interpreter_is_missing_is_said_with_the_command_where_it_is_published(
    no_tflm: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("tensorflow")
    systems = ("linux", "x86_64", True), ("linux", "aarch64", False), ("darwin", "arm64", False)
    for system, machine, published in systems:
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setattr("platform.machine", lambda machine=machine: machine)
        note = choose_judge().note()
        assert note is not None
        assert "tflite-micro cannot be loaded" in note
        assert REFERENCE in note
        assert ('pip install "soundsdk[train]"' in note) == published
