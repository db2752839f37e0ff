"""Training that diverges says so, and no abort of another program ends it without a word."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_sounds import need, quick_settings

from soundsdk.errors import CheckError
from soundsdk.models.shipped import load_model
from soundsdk_train import engine_check, export
from soundsdk_train.checkpoint import Checkpoint, TrainingError
from soundsdk_train.judge import OFFICIAL, judge_named

JUDGE = judge_named(OFFICIAL)


@pytest.fixture(scope="module")
def bank() -> Any:
    """Return a bank of twelve clips of noise with two labels."""
    need("tensorflow")
    from soundsdk_train.augment import Bank

    rng = np.random.default_rng(4)
    clips = [rng.integers(-128, 128, (60, 40)).astype(np.int8) for _ in range(12)]
    return Bank(clips, np.eye(2, dtype=np.float32)[[0, 1] * 6])


def fit(bank: Any, rate: float, epochs: int, **more: Any) -> Any:
    from soundsdk_train import training_loop

    settings = quick_settings(train={"clip_norm": 0.0})
    settings.train.learning_rate = rate  # beyond what a settings file may say: such numbers come by other ways as well
    return training_loop.fit(bank, settings, settings.model, epochs=epochs, **more)


@pytest.mark.parametrize(("rate", "epochs", "epoch"), [(1000.0, 3, 3), (1e5, 2, 2)])
def test_a_loss_far_above_that_of_no_training_is_said(rate: float, epochs: int, epoch: int, bank: Any) -> None:
    with pytest.raises(TrainingError, match=rf"the loss is .* in epoch {epoch}: training has diverged") as caught:
        fit(bank, rate, epochs)
    assert caught.value.hint == f"Lower train.learning_rate ({rate:g})."
    assert caught.value.exit_code == 1


def test_weights_that_are_no_numbers_are_said_though_the_loss_is_one(bank: Any, tmp_path: Path) -> None:
    def checkpoint(resume: bool) -> Checkpoint:
        return Checkpoint(tmp_path / "m.train.checkpoint", "same", resume)

    assert len(fit(bank, 1e-3, 2, checkpoint=checkpoint(False)).losses) == 2
    snapshot = checkpoint(True).read()
    assert snapshot is not None
    snapshot.about["epoch"] = 1
    average = snapshot.state[-2]  # the last of the averaged weights; the last of all counts the steps
    average[...] = np.nan
    checkpoint(True).write(snapshot)
    with pytest.raises(TrainingError, match="weights are no numbers in epoch 2: training has diverged") as caught:
        fit(bank, 1e-3, 2, checkpoint=checkpoint(True))
    assert "--resume --epochs 1" in caught.value.hint


def test_scales_out_of_proportion_are_said_when_the_file_is_made() -> None:
    need("tensorflow")
    from soundsdk_train import crnn, crnn_step, quantize

    settings = quick_settings().model
    shape = crnn_step.spec(settings, 40, 2)
    weights = crnn_step.fold_weights(crnn.build(settings, 40, 2), shape)
    weights.scores = (weights.scores[0] * 1e7, weights.scores[1])
    clips = [np.random.default_rng(i).integers(-128, 128, (40, 40)).astype(np.int8) for i in range(3)]
    converted = quantize.convert(weights, shape, clips)
    with pytest.raises(CheckError, match=r"a tensor has the scale .* Nothing was written") as caught:
        export.pack_detector(converted, shape, {})
    assert "lower train.learning_rate" in caught.value.hint


def test_the_engines_are_compared_in_a_process_of_its_own() -> None:
    need("tflite_micro")
    clip = np.random.default_rng(7).integers(-128, 128, (36, 40)).astype(np.int8)
    data = load_model("home").data
    assert engine_check.verify_apart(data, [clip, clip[:20]], JUDGE) == 4 + 2
    with pytest.raises(CheckError, match=r"soundcore refuses the model|cannot run the trained model"):
        engine_check.verify_apart(data[: len(data) // 2], [clip], JUDGE)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os, sys; print('quantized_bias_type', file=sys.stderr); os.abort()", "SIGABRT, saying 'quantized_bi"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "by SIGSEGV. Nothing was written"),
        ("import sys; sys.exit(3)", "by exit code 3. Nothing was written"),
        ("pass", "by exit code 0. Nothing was written"),
    ],
)
def test_an_engine_that_ends_its_process_is_one_sentence(code: str, says: str) -> None:
    with pytest.raises(CheckError) as caught:
        engine_check.verify_apart(b"model", [np.zeros((8, 40), np.int8)], JUDGE, [sys.executable, "-c", code])
    assert says in caught.value.message
    assert "lower train.learning_rate" in caught.value.hint


def test_what_the_process_found_is_the_error_of_the_training() -> None:
    answer = json.dumps({"error": "they differ on clip 0.", "hint": "Nothing was written."})
    with pytest.raises(CheckError, match="they differ on clip 0") as caught:
        engine_check.verify_apart(b"", [], JUDGE, [sys.executable, "-c", f"print({answer!r})"])
    assert caught.value.hint == "Nothing was written."
