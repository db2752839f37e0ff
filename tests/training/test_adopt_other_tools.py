"""soundsdk adopt: graphs as PyTorch's converters write them become detectors; what cannot says what to do about it."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundcore
from training_sounds import need

from soundsdk import cli


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return tests/core/tools_generator.py."""
    need("tensorflow")
    pytest.importorskip("tflite_micro", reason="the official interpreter (extra 'train') is for Linux on x86-64 only")
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "core"))
    import tools_generator

    return tools_generator


def _adopt(path: Path, *words: str) -> int:
    return cli.run(
        ["adopt", str(path), "--labels", "a,b,c", "-o", str(path.with_name("made.tflite")), "--json", *words]
    )


RUN = {
    "torch_conv": ["--head", "softmax"], "torch_flat": [], "torch_gru": ["--head", "softmax"],
    "torch_gru_cells": ["--head", "softmax"], "torch_lstm": ["--head", "softmax"], "torch_step": [],
}  # fmt: skip


@pytest.mark.parametrize("name", RUN)
def test_a_model_of_pytorch_becomes_a_detector(
    name: str, tools: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"{name}.tflite"
    path.write_bytes(tools.TOOLS[name](np.random.default_rng(3)))
    shape = soundcore.Model(path.read_bytes()).input_shape(0)
    streams = name == "torch_step"
    frames, bands = (shape[2], shape[1]) if streams else shape[2:]
    assert _adopt(path, *RUN[name], "--frontend", f"bands={bands}") == 0, capfd.readouterr().err
    said = json.loads(capfd.readouterr().out)
    assert (said["window_frames"], said["streams"], said["steps_compared"]) == (frames, streams, 72)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("RELU", "right behind a convolution"), ("DEQUANTIZE", "floating point"), ("ELU", "Change that part")],
)
def test_an_operator_that_cannot_run_says_what_to_do(
    name: str, hint: str, tools: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    g = tools.ToolGraph(np.random.default_rng(2), (1, 4, 40, 1))
    x = g.conv(g.entry, 1)
    x = g.op(name, [x.index], g.like(x))
    path = tmp_path / "model.tflite"
    path.write_bytes(g.done(g.dense(g.reshape(x, (1, 160)), g.weights(3, 160), (1, 3))))
    assert _adopt(path, "--head", "softmax") == 1
    said, what = capfd.readouterr().err.splitlines()
    assert f"({name}): unsupported operator" in said
    assert hint in what


def test_a_layer_of_too_many_steps_says_what_to_do(
    tools: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _, rows, _ = tools.keras_rows(np.random.default_rng(1), 40)
    bands = rows[0].shape[1]
    path = tmp_path / "long.tflite"
    path.write_bytes(tools.keras_gru(np.random.default_rng(1), 40))
    assert _adopt(path, "--head", "softmax", "--frontend", f"bands={bands}") == 1
    said, what = capfd.readouterr().err.splitlines()
    assert "more than 1024 tensors, 512 operators" in said
    assert "fewer frames" in what
