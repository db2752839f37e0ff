"""UNIDIRECTIONAL_SEQUENCE_LSTM: what is refused, its states from one run to the next, and back at the start."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
import pytest
import soundcore

pytest.importorskip("tflite_micro", reason="the models are built with the schema that the extra 'train' brings")
from graph_generator import Graph, Value
from lstm_generator import CELL, HIDDEN, add_lstm
from tflite_builder import ModelBuilder
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema
from tflm import differences, interpreter, random_inputs

Change = Callable[[Any, Any], None]


def _model() -> bytes:
    """Return 12 units on 8 inputs."""
    b = ModelBuilder()
    rng = np.random.default_rng(2)
    x = b.tensor([1, 3, 8], 0.05, 3)
    y, *_ = add_lstm(b, rng, x, ([1, 3], 8, 0.05), plain=12)
    return b.build([x], [y])


def _altered(change: Change) -> bytes:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(_model(), 0))
    change(model.subgraphs[0], model.subgraphs[0].operators[0])
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _left_out(*inputs: int) -> Change:
    def change(graph: Any, op: Any) -> None:
        op.inputs = np.array([-1 if i in inputs else t for i, t in enumerate(op.inputs)], np.int32)

    return change


def _given(at: int, other: int) -> Change:
    """Give input `at` the tensor of another input."""

    def change(graph: Any, op: Any) -> None:
        op.inputs = np.array([op.inputs[other] if i == at else t for i, t in enumerate(op.inputs)], np.int32)

    return change


def _tensor(at: int, name: str, value: Any) -> Change:
    def change(graph: Any, op: Any) -> None:
        *steps, last = name.split(".")
        place = graph.tensors[op.inputs[at]]
        for step in steps:
            place = getattr(place, step)
        setattr(place, last, value)

    return change


def _option(name: str, value: Any) -> Change:
    def change(graph: Any, op: Any) -> None:
        setattr(op.builtinOptions, name, value)

    return change


def _output(shape: list[int]) -> Change:
    def change(graph: Any, op: Any) -> None:
        graph.tensors[op.outputs[0]].shape = shape

    return change


def _state_is_input(graph: Any, op: Any) -> None:
    graph.inputs = np.array([*graph.inputs, op.inputs[HIDDEN]], np.int32)


def _twice(graph: Any, op: Any) -> None:
    graph.operators = [op, op]


REFUSED: list[tuple[str, str, Change]] = [
    ("coupled gates", "model.arity", _left_out(1)),
    ("no cell", "model.arity", _left_out(CELL)),
    ("peephole", "model.options", _given(9, 12)),
    ("projection", "model.options", _given(16, 5)),
    ("layer normalization", "model.options", _given(20, 12)),
    ("activation", "model.activation", _option("fusedActivationFunction", 0)),
    ("negative clip", "model.options", _option("cellClip", -1.0)),
    ("one state for both", "model.type", _given(CELL, HIDDEN)),
    ("states of another", "model.order", _twice),
    ("a state that is an input", "model.variable", _state_is_input),
    ("a state that is no variable", "model.variable", _tensor(HIDDEN, "isVariable", False)),
    ("weights that are a variable", "model.variable", _tensor(3, "isVariable", True)),
    ("int8 cell", "model.type", _tensor(CELL, "type", schema.TensorType.INT8)),
    ("cell scale", "model.quant", _tensor(CELL, "quantization.scale", [0.001])),
    ("cell zero point", "model.quant", _tensor(CELL, "quantization.zeroPoint", [1])),
    ("state scale", "model.quant", _tensor(HIDDEN, "quantization.scale", [0.5])),
    ("state zero point", "model.quant", _tensor(HIDDEN, "quantization.zeroPoint", [300])),
    ("cell size", "model.shape", _tensor(CELL, "shape", [1, 2])),
    ("weights' shape", "model.shape", _tensor(6, "shape", [1, 2])),
    ("weights asymmetric", "model.quant", _tensor(6, "quantization.zeroPoint", [1])),
    ("weights' scale", "model.multiplier", _tensor(6, "quantization.scale", [1e6])),
    ("weights' type", "model.type", _tensor(2, "type", schema.TensorType.INT16)),
    ("bias type", "model.type", _tensor(14, "type", schema.TensorType.INT8)),
    ("bias length", "model.shape", _tensor(14, "shape", [1])),
    ("two dimensions", "model.shape", _output([3, 8])),
    ("steps", "model.shape", _output([1, 4, 8])),
]


@pytest.mark.parametrize(("code", "change"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_what_the_operator_does_not_do_is_refused_by_name(code: str, change: Change) -> None:
    with pytest.raises(soundcore.Error) as caught:
        soundcore.Model(_altered(change))
    found, detail = caught.value.args
    assert found == code, detail
    assert "(UNIDIRECTIONAL_SEQUENCE_LSTM)" in detail or "tensor" in detail


def test_unaltered_it_is_accepted_and_its_states_carry_over() -> None:
    buf = _altered(lambda graph, op: None)
    model, reference, rng = soundcore.Model(buf), interpreter(buf), np.random.default_rng(1)
    same = random_inputs(model, rng)
    seen = set()
    for _ in range(6):
        assert not differences(model, reference, same)
        seen.add(bytes(model.output(0)))
    assert len(seen) > 1  # one input, several outputs


def _stream() -> soundcore.Stream:
    g = Graph(np.random.default_rng(3))
    x = g.value((1, 2, 20, 1), 1 / 32, 0)
    flat = g.reshape(x, (1, 2, 20))
    y, scale, zero_point, units = add_lstm(g.b, g.rng, flat.index, ([1, 2], 20, 1 / 32), plain=6)
    y = g.slice(Value(y, (1, 2, units), scale, zero_point), 1, 1, 2).index
    meta = {
        "soundsdk": 1, "labels": [f"c{i}" for i in range(units)], "features": 0, "scores": 0, "states": [],
        "hop_frames": 2,
        "frontend": {
            "version": soundcore.FRONTEND_VERSION, "rate_hz": 16000, "window": 400, "hop": 160, "fft": 512,
            "bands": 20, "low_hz": 60, "high_hz": 7600, "coefficients": 0, "floor_db": -90, "step_mdb": 500,
        },
    }  # fmt: skip
    return soundcore.Stream(g.b.build([x.index], [y], {"soundsdk": json.dumps(meta).encode()}))


def test_a_stream_that_is_reset_begins_as_a_new_one() -> None:
    pcm = np.random.default_rng(4).integers(-8000, 8000, size=16000).astype(np.int16)

    def scores(stream: soundcore.Stream) -> list[bytes]:
        found, at = [], 0
        while at < len(pcm):
            at += stream.feed(pcm[at:])
            if stream.stepped:
                found.append(bytes(stream.scores))
        return found

    stream = _stream()
    first = scores(stream)
    assert len(set(first)) > 10
    assert scores(stream) != first  # goes on from where it was
    stream.reset()
    assert scores(stream) == first
