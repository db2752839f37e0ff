"""A damaged or unsupported file is refused at load, with its own code and the operator and tensor that are to blame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
import pytest
import soundcore

pytest.importorskip("tflite_micro", reason="the models are built with the schema that the extra 'train' brings")
from graph_generator import Graph, streaming_step
from model_generator import GENERATORS
from tflite_builder import SAME, ModelBuilder
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema


def _small() -> bytes:
    """Operators: 0 CONV_2D (tensors 0 1 2 -> 3), 1 LOGISTIC (3 -> 4), 2 STRIDED_SLICE (4 5 6 7 -> 8)."""
    g = Graph(np.random.default_rng(1))
    x = g.value((1, 4, 4, 2), 0.05, 3)
    y = g.slice(g.logistic(g.conv(x, 3, (3, 3), padding=SAME)), 3, 0, 2)
    return g.b.build([x.index], [y.index], {"soundsdk": b'{"soundsdk":1}'})


def _pack(model: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _unpack(buf: bytes) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(buf, 0))


def _altered(change: Callable[[Any, Any], None]) -> bytes:
    model = _unpack(_small())
    change(model, model.subgraphs[0])
    return _pack(model)


def _refusal(buf: bytes) -> tuple[str, str]:
    with pytest.raises(soundcore.Error) as caught:
        soundcore.Model(buf)
    code, detail = caught.value.args
    return code, detail


def _load(buf: bytes) -> soundcore.Model | str:
    """Return the model, or the code of its refusal."""
    try:
        return soundcore.Model(buf)
    except soundcore.Error as error:
        return str(error.args[0])


def _set(path: str, value: Any) -> Callable[[Any, Any], None]:
    """Assign to an attribute path below the graph, e.g. tensors.3.type."""

    def change(_: Any, graph: Any) -> None:
        *steps, last = path.split(".")
        at = graph
        for step in steps:
            at = at[int(step)] if step.isdigit() else getattr(at, step)
        if last.isdigit():
            at[int(last)] = value
        else:
            setattr(at, last, value)

    return change


def _clear_buffer(index: int) -> Callable[[Any, Any], None]:
    def change(model: Any, graph: Any) -> None:
        model.buffers[graph.tensors[index].buffer].data = None

    return change


def _cut_buffer(index: int) -> Callable[[Any, Any], None]:
    def change(model: Any, graph: Any) -> None:
        buffer = model.buffers[graph.tensors[index].buffer]
        buffer.data = buffer.data[:-1]

    return change


def _fill_buffer(index: int) -> Callable[[Any, Any], None]:
    def change(model: Any, graph: Any) -> None:
        model.buffers[graph.tensors[index].buffer].data = np.zeros(1 << 12, np.uint8)

    return change


def _second_subgraph(model: Any, graph: Any) -> None:
    model.subgraphs = [graph, graph]


def _version(model: Any, _: Any) -> None:
    model.version = 2


def _relu(model: Any, _: Any) -> None:
    model.operatorCodes[1].builtinCode = model.operatorCodes[1].deprecatedBuiltinCode = schema.BuiltinOperator.RELU


def _external(model: Any, graph: Any) -> None:
    buffer = model.buffers[graph.tensors[1].buffer]
    buffer.data, buffer.offset, buffer.size = None, 1 << 12, 54


def _sparse(_: Any, graph: Any) -> None:
    graph.tensors[1].sparsity = schema.SparsityParametersT()


def _no_quantization(_: Any, graph: Any) -> None:
    graph.tensors[3].quantization = None


def _swap_operators(_: Any, graph: Any) -> None:
    graph.operators = [graph.operators[i] for i in (1, 0, 2)]


def _repeat_operator(_: Any, graph: Any) -> None:
    graph.operators = [graph.operators[0], *graph.operators]


def _unwritten_output(_: Any, graph: Any) -> None:
    graph.tensors = [*graph.tensors, graph.tensors[8]]
    graph.outputs = [9]


def _too_many_tensors(_: Any, graph: Any) -> None:
    graph.tensors = graph.tensors * 120


CASES: list[tuple[str, str, Callable[[Any, Any], None], str]] = [
    # name, code, change, what the detail must say
    ("version", "model.version", _version, ""),
    ("two subgraphs", "model.subgraph", _second_subgraph, ""),
    ("no operators", "model.graph", _set("operators", []), ""),
    ("no outputs", "model.graph", _set("outputs", []), ""),
    ("too many tensors", "model.count", _too_many_tensors, "more than 1024 tensors, 512 operators"),
    ("five dimensions", "model.limit", _set("tensors.0.shape", [1, 1, 4, 4, 2]), "tensor 0"),
    ("a huge dimension", "model.limit", _set("tensors.3.shape", [1, 70000, 4, 3]), "operator 0 (CONV_2D), tensor 3"),
    ("unknown operator", "model.op", _relu, "operator 1 (RELU)"),
    ("operator code index", "model.index", _set("operators.1.opcodeIndex", 9), "operator 1"),
    ("input tensor index", "model.index", _set("operators.1.inputs", [99]), "operator 1 (LOGISTIC), tensor 99"),
    ("output tensor index", "model.index", _set("operators.1.outputs", [77]), "operator 1 (LOGISTIC), tensor 77"),
    ("graph input index", "model.index", _set("inputs", [-1]), ""),
    ("buffer index", "model.index", _set("tensors.1.buffer", 1000), "operator 0 (CONV_2D), tensor 1"),
    ("an input missing", "model.arity", _set("operators.2.inputs", [4, 5, 6]), "operator 2 (STRIDED_SLICE)"),
    ("an input left out", "model.arity", _set("operators.2.inputs", [4, -1, 6, 7]), "operator 2 (STRIDED_SLICE)"),
    ("two outputs", "model.arity", _set("operators.1.outputs", [4, 8]), "operator 1 (LOGISTIC)"),
    ("read before written", "model.order", _swap_operators, "operator 0 (LOGISTIC), tensor 3"),
    ("written twice", "model.order", _repeat_operator, "operator 1 (CONV_2D), tensor 3"),
    ("input overwritten", "model.order", _set("inputs", [0, 3]), "operator 0 (CONV_2D), tensor 3"),
    ("output never written", "model.order", _unwritten_output, "tensor 9"),
    ("constant output", "model.const", _fill_buffer(4), "operator 1 (LOGISTIC), tensor 4"),
    ("constant graph input", "model.io", _fill_buffer(0), "tensor 0"),
    ("graph input not int8", "model.io", _set("tensors.0.type", schema.TensorType.UINT8), "tensor 0"),
    ("computed weights", "model.const", _clear_buffer(1), "operator 0 (CONV_2D), tensor 1"),
    ("computed bias", "model.const", _clear_buffer(2), "operator 0 (CONV_2D), tensor 2"),
    ("computed slice", "model.const", _clear_buffer(5), "operator 2 (STRIDED_SLICE), tensor 5"),
    ("short weights", "model.size", _cut_buffer(1), "operator 0 (CONV_2D), tensor 1"),
    ("short bias", "model.size", _cut_buffer(2), "operator 0 (CONV_2D), tensor 2"),
    ("short slice", "model.size", _cut_buffer(6), "operator 2 (STRIDED_SLICE), tensor 6"),
    ("data elsewhere", "model.buffer", _external, "operator 0 (CONV_2D), tensor 1"),
    ("int4 weights", "model.type", _set("tensors.1.type", schema.TensorType.INT4), "operator 0 (CONV_2D), tensor 1"),
    ("int64 bias", "model.type", _set("tensors.2.type", schema.TensorType.INT64), "operator 0 (CONV_2D), tensor 2"),
    ("float activation", "model.type", _set("tensors.3.type", schema.TensorType.FLOAT32), "tensor 3"),
    ("variable tensor", "model.variable", _set("tensors.3.isVariable", True), "operator 0 (CONV_2D), tensor 3"),
    ("sparse weights", "model.sparse", _sparse, "operator 0 (CONV_2D), tensor 1"),
    ("no quantization", "model.quant", _no_quantization, "operator 0 (CONV_2D), tensor 3"),
    ("scale 0", "model.quant", _set("tensors.3.quantization.scale", [0.0]), "tensor 3"),
    ("scale NaN", "model.quant", _set("tensors.3.quantization.scale", [float("nan")]), "tensor 3"),
    ("scale infinite", "model.quant", _set("tensors.3.quantization.scale", [float("inf")]), "tensor 3"),
    ("negative scale", "model.quant", _set("tensors.3.quantization.scale", [-0.1]), "tensor 3"),
    ("zero point 128", "model.quant", _set("tensors.3.quantization.zeroPoint", [128]), "tensor 3"),
    ("zero point 2^32", "model.quant", _set("tensors.3.quantization.zeroPoint", [1 << 32]), "tensor 3"),
    ("two scales", "model.quant", _set("tensors.3.quantization.scale", [0.1, 0.1]), "tensor 3"),
    ("weights asymmetric", "model.quant", _set("tensors.1.quantization.zeroPoint", [0, 1, 0]), "tensor 1"),
    ("weights' axis", "model.quant", _set("tensors.1.quantization.quantizedDimension", 1), "tensor 1"),
    ("a channel's scale", "model.quant", _set("tensors.1.quantization.scale", [0.1, 0.0, 0.1]), "tensor 1"),
    ("logistic scale", "model.quant", _set("tensors.4.quantization.scale", [1 / 128]), "operator 1 (LOGISTIC)"),
    ("huge multiplier", "model.multiplier", _set("tensors.3.quantization.scale", [1e-30]), "operator 0 (CONV_2D)"),
    ("shape of the output", "model.shape", _set("tensors.3.shape", [1, 4, 5, 3]), "operator 0 (CONV_2D), tensor 3"),
    ("a dimension of 0", "model.shape", _set("tensors.3.shape", [1, 4, 0, 3]), "operator 0 (CONV_2D), tensor 3"),
    ("a negative dimension", "model.shape", _set("tensors.0.shape", [-1, 4, 4, 2]), "tensor 0"),
    ("channels", "model.shape", _set("tensors.1.shape", [3, 3, 2, 3]), "operator 0 (CONV_2D), tensor 1"),
    ("bias length", "model.shape", _set("tensors.2.shape", [2]), "operator 0 (CONV_2D), tensor 2"),
    ("slice length", "model.shape", _set("tensors.5.shape", [3]), "operator 2 (STRIDED_SLICE), tensor 5"),
    ("stride 0", "model.options", _set("operators.0.builtinOptions.strideH", 0), "operator 0 (CONV_2D)"),
    ("dilation -1", "model.options", _set("operators.0.builtinOptions.dilationWFactor", -1), "operator 0 (CONV_2D)"),
    ("padding 2", "model.options", _set("operators.0.builtinOptions.padding", 2), "operator 0 (CONV_2D)"),
    ("ellipsis", "model.options", _set("operators.2.builtinOptions.ellipsisMask", 1), "operator 2 (STRIDED_SLICE)"),
    ("options of another", "model.options", _set("operators.0.builtinOptionsType", 2), "operator 0 (CONV_2D)"),
    ("activation TANH", "model.activation", _set("operators.0.builtinOptions.fusedActivationFunction", 4), "tensor 3"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "change", "names"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_broken_model_is_refused_with_its_code(code: str, change: Callable[[Any, Any], None], names: str) -> None:
    found, detail = _refusal(_altered(change))
    assert found == code, detail
    assert names in detail


def test_unaltered_model_is_accepted() -> None:
    model = soundcore.Model(_altered(lambda model, graph: None))
    assert (model.inputs, model.outputs) == (1, 1)
    assert model.output_shape(0) == (1, 4, 4, 2)
    assert bytes(model.metadata) == b'{"soundsdk":1}'


@pytest.mark.parametrize("buf", [b"", b"TFL3", b"\0" * 64, b"RIFF" + bytes(100), b"not a model at all" * 9])
def test_other_files_are_not_models(buf: bytes) -> None:
    assert _refusal(buf)[0] == "model.file"


def test_every_truncation_is_refused_or_harmless() -> None:
    whole = _small()
    model = soundcore.Model(whole)
    model.input(0)[:] = np.arange(32, dtype=np.int8)
    model.invoke()
    refused = 0
    for length in range(len(whole)):
        cut = _load(whole[:length])
        if isinstance(cut, str):
            assert cut.startswith("model.")
            refused += 1
            continue
        # Nothing that the graph needs lies in the bytes that were cut off.
        cut.input(0)[:] = np.arange(32, dtype=np.int8)
        cut.invoke()
        assert bytes(cut.output(0)) == bytes(model.output(0))
    assert refused > 0.9 * len(whole)


def test_unaligned_bias_is_refused() -> None:
    whole = _small()
    model = schema.Model.GetRootAsModel(whole, 0)
    at = model._tab.Offset(4 + 2 * 4)
    assert at, "the model has buffers"
    bias = model.Buffers(model.Subgraphs(0).Tensors(2).Buffer())
    data = bias._tab.Offset(4)
    field = bias._tab.Pos + data
    moved = bytearray(whole)
    # The vector moves to the end of the file, one byte off a word.
    start = bias._tab.Vector(data)
    moved += b"\0" * (-len(moved) % 4 + 1)
    target = len(moved)
    moved += (12).to_bytes(4, "little") + whole[start : start + 12]
    moved[field : field + 4] = (target - field).to_bytes(4, "little")
    code, detail = _refusal(bytes(moved))
    assert code == "model.align"
    assert "operator 0 (CONV_2D), tensor 2" in detail


def test_a_sum_whose_multiplier_is_not_below_one_is_refused() -> None:
    b = ModelBuilder()
    x, y = b.tensor([4], 0.1), b.tensor([4], 1e-8)
    b.op("ADD", [x, x], [y])
    assert _refusal(b.build([x], [y]))[0] == "model.multiplier"


def test_weights_of_more_terms_than_a_sum_can_hold_are_refused() -> None:
    b = ModelBuilder()
    shape = [1, 16, 16, 257]
    x, y = b.tensor(shape, 0.1), b.tensor([1, 1, 1, 1], 0.1)
    w = b.tensor(shape, 0.01, 0, np.zeros(shape, np.int8))
    b.op("CONV_2D", [x, w], [y], padding=1, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
    assert _refusal(b.build([x], [y]))[0] == "model.limit"


def test_memory_is_needed_in_proportion_to_the_file_not_to_what_it_claims() -> None:
    b = ModelBuilder()
    shape = [1024, 1024, 64]
    x, y = b.tensor(shape, 1 / 16), b.tensor(shape, 1 / 128)
    b.op("TANH", [x], [y])
    model = soundcore.Model(b.build([x], [y]))
    assert 2 << 26 <= model.arena_size < (2 << 26) + 1000
    shape = [1024, 1024, 65]
    x, y = b.tensor(shape, 1 / 16), b.tensor(shape, 1 / 128)
    b.op("TANH", [x], [y])
    assert _refusal(b.build([x], [y]))[0] == "model.limit"


@pytest.mark.parametrize("name", GENERATORS)
def test_a_shape_that_does_not_fit_is_refused(name: str) -> None:
    """The output tensor of each operator in turn is made one larger along each of its dimensions."""
    rng = np.random.default_rng(11)
    refused = 0
    for _ in range(6):
        model = _unpack(GENERATORS[name](rng))
        graph = model.subgraphs[0]
        output = graph.tensors[graph.outputs[0]]
        shape = list(output.shape)
        for d in range(len(shape)):
            output.shape = [size + (i == d) for i, size in enumerate(shape)]
            code, detail = _refusal(_pack(model))
            assert code == "model.shape", (name, d, detail)
            refused += 1
    assert refused > 0


def test_bytes_of_a_streaming_step_altered_at_random_never_crash_and_errors_are_coded() -> None:
    rng = np.random.default_rng(2)
    whole = streaming_step(rng, units=8)[0]
    for _ in range(2000):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), size=int(rng.integers(1, 4))):
            damaged[at] = int(rng.integers(256))
        model = _load(bytes(damaged))
        if isinstance(model, str):
            assert model.startswith("model.")
        elif model.arena_size < 1 << 20:
            model.invoke()
