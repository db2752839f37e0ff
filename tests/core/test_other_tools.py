"""Graphs as PyTorch's, Keras' and ONNX's converters write them equal TensorFlow Lite Micro to the byte."""

from __future__ import annotations

import os
import zlib

import numpy as np
import pytest
import soundcore

pytest.importorskip("tflite_micro", reason="the official interpreter (extra 'train') is for Linux on x86-64 only")
from tflm import differences, interpreter, random_inputs
from tools_generator import TOOLS, ToolGraph, keras_gru, keras_lstm

MODELS_EACH = int(os.environ.get("SOUNDSDK_MODELS_EACH", "24"))


def _compare(buf: bytes, rng: np.random.Generator, what: str) -> int:
    """Compare a few runs; return how many different outputs it gave."""
    model, reference, seen = soundcore.Model(buf), interpreter(buf), set()
    for _ in range(4):
        wrong = differences(model, reference, random_inputs(model, rng))
        assert not wrong, f"{what}: {'; '.join(wrong)}"
        seen.add(b"".join(bytes(model.output(i)) for i in range(model.outputs)))
    return len(seen)


@pytest.mark.parametrize("name", TOOLS)
def test_a_graph_of_another_tool_equals_tflm(name: str) -> None:
    follow = 0
    for seed in range(MODELS_EACH):
        rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
        follow += _compare(TOOLS[name](rng), rng, f"{name} seed {seed}") > 1
    assert follow > 0.6 * MODELS_EACH, "outputs that do not follow the input show little"


@pytest.mark.parametrize("steps", [8, 16, 30])
def test_recurrent_layers_unrolled_over_many_steps_equal_tflm(steps: int) -> None:
    """Their tensors, some 600 for 30 steps, are planned in memory that is given back."""
    for seed in range(max(1, MODELS_EACH // 8)):
        rng = np.random.default_rng([steps, seed])
        for buf in (keras_gru(rng, steps), keras_gru(rng, steps, reset_after=True), keras_lstm(rng, steps)):
            assert _compare(buf, rng, f"{steps} steps, seed {seed}") > 1


def test_a_plan_of_many_tensors_takes_no_memory_of_the_model() -> None:
    """Twice the steps, twice the operators and their records, and hardly more tensors alive at once."""
    short, long = (soundcore.Model(keras_gru(np.random.default_rng(1), steps)).arena_size for steps in (7, 14))
    assert 1.7 < long / short < 2.3


def test_a_layer_unrolled_over_too_many_steps_is_one_sentence() -> None:
    with pytest.raises(soundcore.Error) as caught:
        soundcore.Model(keras_gru(np.random.default_rng(1), 40))
    code, detail = caught.value.args
    assert code == "model.count"
    assert "more than 1024 tensors, 512 operators" in detail


def test_operators_count_what_an_unrolled_layer_costs() -> None:
    buf = keras_gru(np.random.default_rng(1), 16)
    names = [row[0] for row in soundcore.operators(buf)]
    assert len(names) > 250
    assert names.count("TANH") == 16


@pytest.mark.parametrize("name", ["RELU", "GELU", "ELU", "REDUCE_MAX", "DEQUANTIZE"])
def test_what_other_tools_write_beyond_that_is_refused_by_name(name: str) -> None:
    from soundsdk.detector_file import OTHER_OPERATORS

    g = ToolGraph(np.random.default_rng(2), (1, 4, 6, 1))
    x = g.conv(g.entry, 4)
    inputs = [x.index, g.shared_ints([1, 2])] if name == "REDUCE_MAX" else [x.index]
    y = g.like(x, (1, 1, 1, 4) if name == "REDUCE_MAX" else None)
    with pytest.raises(soundcore.Error) as caught:
        soundcore.Model(g.done(g.op(name, inputs, y)))
    code, detail = caught.value.args
    assert code == "model.op"
    number = {value: key for key, value in OTHER_OPERATORS.items()}.get(name)
    assert f"operator 1 ({name})" in detail or f"operator 1 (builtin {number})" in detail
