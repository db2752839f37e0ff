"""Graphs of several operators: the arena plan never lets one tensor spoil another, and it saves memory."""

from __future__ import annotations

import os

import numpy as np
import pytest
import soundcore

pytest.importorskip("tflite_micro", reason="the official interpreter (extra 'train') is for Linux on x86-64 only")
from graph_generator import Graph, Value, random_graph, streaming_step
from tflite_builder import SAME, VALID
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema
from tflm import differences, interpreter, random_inputs

MODELS_EACH = int(os.environ.get("SOUNDSDK_MODELS_EACH", "24"))


@pytest.mark.parametrize("operators", [3, 6, 12, 25, 50])
def test_random_graph_equals_tflm(operators: int) -> None:
    for seed in range(MODELS_EACH):
        rng = np.random.default_rng([operators, seed])
        buf = random_graph(rng, operators)
        model, reference = soundcore.Model(buf), interpreter(buf)
        for _ in range(2):
            inputs = random_inputs(model, rng)
            wrong = differences(model, reference, inputs)
            assert not wrong, f"{operators} operators, seed {seed}: {'; '.join(wrong)}"
            for i, values in enumerate(inputs):
                assert bytes(model.input(i)) == values.tobytes(), f"seed {seed}: input {i} was written to"
            # Outputs stay until the next invoke, whatever is written to the inputs meanwhile.
            before = [bytes(model.output(i)) for i in range(model.outputs)]
            for i in range(model.inputs):
                model.input(i)[:] = np.zeros(len(model.input(i)), np.int8)
            assert [bytes(model.output(i)) for i in range(model.outputs)] == before


def test_result_is_not_written_over_a_broadcast_part_of_its_own_input() -> None:
    """The sum could lie on the concatenation, but a part of that is its other, repeated, input."""
    rng = np.random.default_rng(1)
    g = Graph(rng)
    x = g.value((1, 1, 4, 4), 0.05, 0)
    a, b = g.conv(x, 4, scale=0.1, zero_point=0), g.conv(x, 4, scale=0.1, zero_point=0)
    y = g.binary("ADD", g.concat([a, b], 1), a)
    buf = g.b.build([x.index], [y.index])
    model = soundcore.Model(buf)
    assert not differences(model, interpreter(buf), random_inputs(model, rng))


def test_streaming_step_with_carried_states_equals_tflm() -> None:
    rng = np.random.default_rng(5)
    buf, pairs = streaming_step(rng)
    model, reference = soundcore.Model(buf), interpreter(buf)
    inputs = random_inputs(model, rng)
    for i in range(1, model.inputs):
        inputs[i][:] = model.input_quant(i)[1]
    seen = set()
    for step in range(40):
        inputs[0] = rng.integers(-128, 128, size=inputs[0].shape, dtype=np.int8)
        assert not differences(model, reference, inputs), f"step {step}"
        for i, o in pairs:
            assert model.input_quant(i) == model.output_quant(o)
            inputs[i] = np.frombuffer(bytes(model.output(o)), np.int8).reshape(model.input_shape(i))
        seen.add(bytes(model.output(0)))
    assert len(seen) > 30  # the scores follow the input; nothing is stuck


def _build(g: Graph, x: Value, y: Value) -> soundcore.Model:
    return soundcore.Model(g.b.build([x.index], [y.index]))


def _layers(count: int) -> int:
    """Arena of that many 1x1 convolutions of 4 KB each."""
    g = Graph(np.random.default_rng(0))
    x = y = g.value((1, 16, 16, 16), 0.05, 0)
    for _ in range(count):
        y = g.conv(y, 16)
    return int(_build(g, x, y).arena_size)


def test_tensors_whose_lifetimes_do_not_meet_share_memory() -> None:
    # Layers cost their records and multipliers, but none of the 4 KB that each one's output takes.
    assert _layers(24) - _layers(18) < 6 * 320
    assert _layers(24) < 3 * 4096 + 25 * 320


def test_a_convolution_writes_over_the_rows_of_its_input_that_are_done_with() -> None:
    assert _layers(4) < 2 * 4096 + 4 * 256 + 4 * 320


def test_chains_of_convolutions_equal_tflm() -> None:
    for seed in range(MODELS_EACH):
        rng = np.random.default_rng([7, seed])
        g = Graph(rng)
        x = y = g.value((1 + (rng.random() < 0.1), *(int(n) for n in rng.integers(8, 24, size=2)), 3), 0.05, 0)
        for _ in range(6):
            padding = int(rng.choice([SAME, VALID]))
            kernel, stride = (
                tuple(int(n) for n in rng.choice(sizes, size=2)) for sizes in ([1, 2, 3, 5], [1, 1, 1, 2])
            )
            if padding == VALID:
                kernel = (min(kernel[0], y.shape[1]), min(kernel[1], y.shape[2]))
            y = g.conv(y, int(rng.integers(1, 12)), kernel, stride, padding, depthwise=bool(rng.random() < 0.3))
        buf = g.b.build([x.index], [y.index])
        model = soundcore.Model(buf)
        assert not differences(model, interpreter(buf), random_inputs(model, rng)), f"seed {seed}"


def test_elementwise_results_and_reshapes_lie_on_their_inputs() -> None:
    g = Graph(np.random.default_rng(0))
    x = g.value((1, 16, 16, 8), 0.05, 0)
    y = g.tanh(g.reshape(g.logistic(g.conv(x, 8)), (1, 8, 32, 8)))
    assert _build(g, x, y).arena_size < 2 * 2048 + 2 * 256 + 1000  # with the tables of both functions


def test_concatenated_tensors_are_made_inside_the_result() -> None:
    g = Graph(np.random.default_rng(0))
    x = g.value((1, 16, 16, 8), 0.05, 0)
    a, b = g.conv(x, 8, scale=0.1, zero_point=0), g.conv(x, 8, scale=0.1, zero_point=0)
    y = g.concat([a, b], 1)
    assert _build(g, x, y).arena_size < 3 * 2048 + 1200


def test_the_parts_of_a_split_lie_in_the_whole_unless_they_are_outputs_of_the_graph() -> None:
    def arena(end: bool) -> int:
        g = Graph(np.random.default_rng(0))
        x = g.value((1, 1, 1, 4000), 0.05, 0)
        parts = g.split(x if end else g.logistic(x), 3, 2)
        y = g.binary("ADD", *parts) if not end else parts[0]
        model = _build(g, x, y)
        assert not differences(model, interpreter(g.b.build([x.index], [y.index])), random_inputs(model, g.rng))
        return int(model.arena_size)

    assert arena(end=False) < 4000 + 4000 + 800  # the sum lies on a part
    # An output inside an input would change when the next input is written.
    assert arena(end=True) >= 4000 + 2000


def _live_bytes(buf: bytes) -> int:
    """Return the most that is alive during one operator when every tensor has its own place."""
    graph = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(buf, 0)).subgraphs[0]
    size = [int(np.prod(t.shape)) for t in graph.tensors]
    end = len(graph.operators)
    first = {int(t): 0 for t in graph.inputs}
    last = {int(t): end for t in graph.inputs}
    for k, op in enumerate(graph.operators):
        for t in (int(t) for t in op.inputs if int(t) in first):
            last[t] = max(last[t], k)
        for t in (int(t) for t in op.outputs):
            first[t] = last[t] = k
    last |= {int(t): end for t in graph.outputs}
    return max(sum(size[t] for t in first if first[t] <= k <= last[t]) for k in range(end))


def test_plan_stays_near_what_is_alive_at_once() -> None:
    rng = np.random.default_rng(3)
    graphs = [random_graph(rng, 40) for _ in range(20)] + [streaming_step(rng)[0]]
    # Beyond the tensors, the arena holds about 100 bytes for each operator and 5 for each channel, and scratch.
    excess = [soundcore.Model(buf).arena_size - 1.05 * _live_bytes(buf) for buf in graphs]
    assert max(excess) < 9000
