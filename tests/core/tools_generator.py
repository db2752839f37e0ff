"""Graphs with the operators, shapes and quantization that other tools write, and random sizes, weights and scales.

Read from small networks that these versions converted:

- torch_*: litert-torch 0.10.0 (once ai-edge-torch) with torch 2.13.0, then ai-edge-quantizer 0.10.0 (static_wi8_ai8).
- keras_*: an unrolled GRU and LSTM of Keras 3.15.1, by the converter of TensorFlow 2.21.0 in int8.
- onnx2tf_*: onnx2tf 1.29.24 with -oiqt, by the converter of TensorFlow 2.19.0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from graph_generator import Graph, Rng, Value
from tflite_builder import SAME, VALID

CLASSES = 3


class ToolGraph(Graph):
    """A graph whose weights, axes and shapes are tensors that several operators share, as converters write them."""

    def __init__(self, rng: Rng, shape: Sequence[int]) -> None:
        super().__init__(rng)
        self._ints: dict[tuple[int, ...], int] = {}
        self.entry = self.value(tuple(shape), 0.025, int(rng.integers(-20, 20)))

    def shared_ints(self, values: Sequence[int]) -> int:
        key = tuple(values)
        if key not in self._ints:
            self._ints[key] = self.b.ints(values)
        return self._ints[key]

    def constant(self, shape: Sequence[int], scale: float, zero_point: int = 0) -> Value:
        data = self.rng.integers(-128, 128, size=shape, dtype=np.int8)
        return Value(self.b.tensor(shape, scale, zero_point, data), tuple(shape), scale, zero_point)

    def weights(self, units: int, depth: int, size: float = 0.02) -> Value:
        """Return weights of a dense layer, with a scale for each unit."""
        scales = self.rng.uniform(0.5, 1.5, units).astype(np.float32) * np.float32(size / np.sqrt(depth))
        data = self.rng.integers(-127, 128, size=(units, depth), dtype=np.int8)
        return Value(self.b.tensor((units, depth), scales, 0, data), (units, depth), float(scales.mean()), 0)

    def dense(self, x: Value, w: Value, shape: Sequence[int], bias: bool = True, keep: bool = False) -> Value:
        units, depth = w.shape
        inputs = [x.index, w.index, -1]
        if bias:
            values = self.rng.integers(-2000, 2000, size=units, dtype=np.int32)
            inputs[2] = self.b.tensor((units,), np.full(units, w.scale * x.scale, np.float32), 0, values, dtype="int32")
        y = self.value(tuple(shape), x.scale * w.scale * 40 * np.sqrt(depth), int(self.rng.integers(-30, 30)))
        return self.op("FULLY_CONNECTED", inputs, y, keepNumDims=keep)

    def slice_plain(self, x: Value, begin: Sequence[int], size: Sequence[int]) -> Value:
        """Return a SLICE, which PyTorch's chunk and index become."""
        y = self.like(x, tuple(size))
        return self.op("SLICE", [x.index, self.shared_ints(begin), self.shared_ints(size)], y)

    def parts(self, x: Value, count: int) -> list[Value]:
        """Return the equal parts of x along its last axis, each a SLICE."""
        size = (*x.shape[:-1], x.shape[-1] // count)
        return [self.slice_plain(x, [0] * (len(size) - 1) + [i * size[-1]], size) for i in range(count)]

    def strided_thirds(self, x: Value, count: int) -> list[Value]:
        """Return them as Keras writes them: masks in place of ends."""
        units = x.shape[1] // count
        found = []
        for i in range(count):
            first, last = i == 0, i == count - 1
            inputs = [self.shared_ints([0, 0 if first else i * units]),
                      self.shared_ints([0, 0 if last else (i + 1) * units]), self.shared_ints([1, 1])]  # fmt: skip
            y = self.like(x, (1, units))
            masks = {"beginMask": 3 if first else 1, "endMask": 3 if last else 1}
            found.append(self.op("STRIDED_SLICE", [x.index, *inputs], y, **masks))
        return found

    def mean_over(self, x: Value, axes: Sequence[int], shape: Sequence[int], keep: bool, same: bool = False) -> Value:
        least = 2 / np.sqrt(x.elements / np.prod(shape))  # noise alone; what is not symmetric needs more
        y = self.value(tuple(shape), x.scale * float(self.rng.uniform(min(least, 0.5), 1)), x.zero_point)
        y = self.like(x, tuple(shape)) if same else y
        return self.op("MEAN", [x.index, self.shared_ints(axes)], y, keepDims=keep)

    def wide(self, x: Value, channels: int, stride: int, padding: int = SAME) -> Value:
        """Return a depthwise convolution of 3x3; one channel becomes several by the depth multiplier."""
        scales = self.rng.uniform(0.001, 0.004, channels).astype(np.float32)
        data = self.rng.integers(-127, 128, size=(1, 3, 3, channels), dtype=np.int8)
        w = self.b.tensor((1, 3, 3, channels), scales, 0, data, axis=3)
        values = self.rng.integers(-2000, 2000, size=channels, dtype=np.int32)
        bias = self.b.tensor((channels,), scales * np.float32(x.scale), 0, values, dtype="int32")
        size = [-(-s // stride) if padding == SAME else (s - 3) // stride + 1 for s in x.shape[1:3]]
        y = self.value((1, *size, channels), x.scale * 0.4, -128)
        return self.op(
            "DEPTHWISE_CONV_2D", [x.index, w, bias], y, padding=padding, strideH=stride, strideW=stride,
            depthMultiplier=channels // x.shape[3], dilationHFactor=1, dilationWFactor=1, fusedActivationFunction=1,
        )  # fmt: skip

    def done(self, *outputs: Value, inputs: Sequence[Value] = ()) -> bytes:
        return self.b.build([v.index for v in inputs or (self.entry,)], [v.index for v in outputs])

    def one_minus(self, x: Value, zero: bool = False) -> Value:
        """Return 1 - x, or -x with the zero of a first state: its scale is next to nothing."""
        scale = 3.922e-12 if zero else 1 / 255
        data = np.array(-128 if zero else 127, np.int8)
        one = self.b.tensor((), scale, -128, data)
        return self.op("SUB", [one, x.index], self.value(x.shape, 0.0065, int(self.rng.integers(-30, 30))))


def _bands_first(rng: Rng) -> tuple[ToolGraph, Value]:
    """Return the start of every network that PyTorch feeds with (batch, channel, frames, bands)."""
    frames, bands = 2 * int(rng.integers(2, 6)), 2 * int(rng.integers(3, 21))
    g = ToolGraph(rng, (1, 1, frames, bands))
    return g, g.reshape(g.entry, (1, frames, bands, 1))


def _head(g: ToolGraph, x: Value) -> bytes:
    """Return the file with the mean over frames and bands of channels first, and a dense layer."""
    x = g.transpose(x, [0, 3, 1, 2])
    x = g.mean_over(x, [2, 3], x.shape[:2], keep=False, same=bool(g.rng.random() < 0.5))
    return g.done(g.dense(x, g.weights(CLASSES, x.shape[1]), (1, CLASSES), keep=True))


def torch_conv(rng: Rng) -> bytes:
    g, x = _bands_first(rng)
    channels = int(rng.integers(2, 10))
    x = g.wide(x, channels, 1)
    x = g.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    x = g.wide(x, channels, 2, VALID)
    return _head(g, g.conv(x, int(rng.integers(1, 14)), relu=True))


def torch_flat(rng: Rng) -> bytes:
    g, x = _bands_first(rng)
    x = g.pool(g.hard_swish(g.wide(x, int(rng.integers(2, 6)), 1)), average=False)
    x = g.transpose(x, [0, 3, 1, 2])
    x = g.reshape(x, (1, x.elements))
    return g.done(g.softmax(g.dense(x, g.weights(CLASSES, x.elements, 0.2), (1, CLASSES), keep=True)))


def torch_silu(rng: Rng) -> bytes:
    g, x = _bands_first(rng)
    x = g.wide(x, int(rng.integers(2, 10)), 1, VALID)
    return _head(g, g.binary("MUL", x, g.logistic(x)))


def torch_hardsigmoid(rng: Rng) -> bytes:
    g, x = _bands_first(rng)
    x = g.wide(x, int(rng.integers(2, 10)), 1, VALID)
    sixth = g.b.tensor((), 0.0006536, -128, np.array(127, np.int8))
    return _head(g, g.op("MUL", [x.index, sixth], g.value(x.shape, x.scale / 6, -128)))


def _gru_gates(g: ToolGraph, given: list[Value], carried: list[Value], before: Value | None) -> Value:
    """Return the new state of PyTorch's cell. before: None for a first state of zeros, which is folded away."""
    r = g.logistic(g.binary("ADD", given[0], carried[0]))
    z = g.logistic(g.binary("ADD", given[1], carried[1]))
    n = g.tanh(g.binary("ADD", given[2], g.binary("MUL", r, carried[2])))
    rest = g.one_minus(n, zero=True) if before is None else g.binary("SUB", before, n)
    return g.binary("ADD", g.binary("MUL", rest, z), n)


def _folded(g: ToolGraph, shape: Sequence[int]) -> list[Value]:
    """Return what the first step carries: three constants."""
    return [g.constant(shape, 0.002, int(g.rng.integers(-40, 40))) for _ in range(3)]


def torch_gru(rng: Rng) -> bytes:
    """Return nn.GRU: one dense layer for all steps, a SLICE and a RESHAPE for each, the last state."""
    steps, bands, units = int(rng.integers(2, 9)), int(rng.integers(4, 41)), int(rng.integers(2, 13))
    g = ToolGraph(rng, (1, 1, steps, bands))
    all_steps = g.dense(g.entry, g.weights(3 * units, bands), (1, 1, steps, 3 * units), keep=True)
    all_steps = g.reshape(all_steps, (steps, 1, 3 * units))
    each = [g.slice_plain(all_steps, (i, 0, 0), (1, 1, 3 * units)) for i in range(steps)]
    each = [g.reshape(x, (1, 3 * units)) for x in each]
    w, h, hidden = g.weights(3 * units, units), None, []
    for x in each:
        given = g.parts(x, 3)
        carried = _folded(g, (1, 1, units)) if h is None else g.parts(g.dense(h, w, (1, 1, 3 * units), keep=True), 3)
        h = _gru_gates(g, given, carried, h)
        hidden.append(h)
    last = g.slice_plain(g.concat(hidden, 0), (steps - 1, 0, 0), (1, 1, units))
    return g.done(g.dense(last, g.weights(CLASSES, units), (1, CLASSES)))


def torch_gru_cells(rng: Rng) -> bytes:
    """Return nn.GRUCell in a loop."""
    steps, bands, units = int(rng.integers(2, 7)), int(rng.integers(4, 41)), int(rng.integers(2, 13))
    g = ToolGraph(rng, (1, 1, steps, bands))
    rows = g.reshape(g.entry, (1, steps, bands))
    w, u, h = g.weights(3 * units, bands), g.weights(3 * units, units), None
    for i in range(steps):
        given = g.parts(g.dense(g.slice_plain(rows, (0, i, 0), (1, 1, bands)), w, (1, 3 * units)), 3)
        carried = _folded(g, (1, units)) if h is None else g.parts(g.dense(h, u, (1, 3 * units), keep=True), 3)
        h = _gru_gates(g, given, carried, h)
    assert h is not None
    return g.done(g.dense(h, g.weights(CLASSES, units), (1, CLASSES), keep=True))


def _lstm_cell(g: ToolGraph, gates: list[Value], cell: Value | None) -> tuple[Value, Value]:
    """Return output and cell. gates: input, forget (not read without a cell), candidate, output."""
    new = g.binary("MUL", g.logistic(gates[0]), g.tanh(gates[2]))
    if cell is not None:
        new = g.binary("ADD", g.binary("MUL", g.logistic(gates[1]), cell), new)
    return g.binary("MUL", g.logistic(gates[3]), g.tanh(new)), new


def torch_lstm(rng: Rng) -> bytes:
    """Return nn.LSTM: the gates are added before they are taken apart."""
    steps, bands, units = int(rng.integers(2, 9)), int(rng.integers(4, 41)), int(rng.integers(2, 13))
    g = ToolGraph(rng, (1, 1, steps, bands))
    all_steps = g.dense(g.entry, g.weights(4 * units, bands), (1, 1, steps, 4 * units), keep=True)
    all_steps = g.reshape(all_steps, (steps, 1, 4 * units))
    each = [g.slice_plain(all_steps, (i, 0, 0), (1, 1, 4 * units)) for i in range(steps)]
    w, h, cell, hidden = g.weights(4 * units, units), None, None, []
    for x in each:
        more = g.constant((1, 4 * units), 0.0025, 4) if h is None else g.dense(h, w, (1, 4 * units))
        h, cell = _lstm_cell(g, g.parts(g.binary("ADD", more, x), 4), cell)
        hidden.append(h)
    last = g.slice_plain(g.concat(hidden, 0), (steps - 1, 0, 0), (1, 1, units))
    return g.done(g.dense(last, g.weights(CLASSES, units), (1, CLASSES)))


def torch_step(rng: Rng) -> bytes:
    """Return a streaming step: a convolution with carried context and a GRU cell, states as inputs and outputs."""
    bands, frames, units = int(rng.integers(4, 41)), int(rng.integers(3, 7)), int(rng.integers(4, 13))
    g = ToolGraph(rng, (1, bands, frames))
    context, h = g.value((1, bands, 2), 0.02, 20), g.value((1, units), 0.0088, 7)
    x = g.concat([g.quantize(context, 0.024, 1), g.quantize(g.entry, 0.024, 1)], 2)
    x = g.transpose(g.reshape(x, (1, bands, 1, frames + 2)), [0, 2, 3, 1])
    x = g.transpose(g.conv(x, int(rng.integers(2, 12)), (1, 3), relu=True), [0, 3, 1, 2])
    x = g.mean_over(g.reshape(x, (1, x.shape[1], frames)), [2], (1, x.shape[1]), keep=False)
    given = g.parts(g.dense(x, g.weights(3 * units, x.shape[1]), (1, 3 * units), keep=True), 3)
    carried = g.parts(g.dense(h, g.weights(3 * units, units), (1, 3 * units), keep=True), 3)
    new = _gru_gates(g, given, carried, h)
    scores = g.logistic(g.dense(new, g.weights(CLASSES, units), (1, CLASSES), keep=True))
    rest = g.slice_plain(g.entry, (0, 0, frames - 2), (1, bands, 2))
    return g.done(scores, rest, new, inputs=(g.entry, context, h))


def keras_rows(rng: Rng, steps: int) -> tuple[ToolGraph, list[Value], int]:
    """Return the steps of an unrolled layer, and its units."""
    bands, units = int(rng.integers(4, 41)), int(rng.integers(2, 13))
    g = ToolGraph(rng, (1, steps, bands, 1))
    return g, g.unpack(g.reshape(g.entry, (steps, 1, bands)), 0), units


def keras_gru(rng: Rng, steps: int | None = None, reset_after: bool = False) -> bytes:
    g, rows, units = keras_rows(rng, steps or int(rng.integers(2, 9)))
    w = g.weights(3 * units, rows[0].shape[1])
    u = g.weights((3 if reset_after else 2) * units, units)
    v, h = g.weights(units, units), None
    for row in rows:
        z, r, n = g.split(g.dense(row, w, (1, 3 * units), bias=False), 1, 3)
        if h is None:
            h = g.binary("MUL", g.one_minus(g.logistic(z)), g.tanh(n))
            continue
        carried = g.strided_thirds(g.dense(h, u, (1, u.shape[0]), bias=False), 3 if reset_after else 2)
        gate = g.logistic(g.binary("ADD", z, carried[0]))
        r = g.logistic(g.binary("ADD", r, carried[1]))
        more = (g.binary("MUL", r, carried[2]) if reset_after
                else g.dense(g.binary("MUL", r, h), v, (1, units), bias=False))  # fmt: skip
        new = g.binary("MUL", g.one_minus(gate), g.tanh(g.binary("ADD", n, more)))
        h = g.binary("ADD", g.binary("MUL", gate, h), new)
    assert h is not None
    return g.done(g.dense(h, g.weights(CLASSES, units), (1, CLASSES)))


def keras_gru_reset_after(rng: Rng) -> bytes:
    return keras_gru(rng, reset_after=True)


def keras_lstm(rng: Rng, steps: int | None = None) -> bytes:
    g, rows, units = keras_rows(rng, steps or int(rng.integers(2, 9)))
    w, u = g.weights(4 * units, rows[0].shape[1]), g.weights(4 * units, units)
    bias = g.constant((4 * units,), 1 / 255, -128)
    h, cell = None, None
    for row in rows:
        x = g.dense(row, w, (1, 4 * units), bias=h is None)
        if h is not None:
            carried = g.reshape(g.dense(h, u, (1, 4 * units), bias=False), (4 * units,))
            total = g.value(x.shape, max(x.scale, carried.scale) * 1.1, int(rng.integers(-30, 30)))
            x = g.op("ADD", [x.index, carried.index], total)
            x = g.op("ADD", [x.index, bias.index], g.value(x.shape, x.scale, int(rng.integers(-30, 30))))
        h, cell = _lstm_cell(g, g.split(x, 1, 4), cell)
    assert h is not None
    return g.done(g.dense(h, g.weights(CLASSES, units), (1, CLASSES)))


def onnx2tf_conv(rng: Rng) -> bytes:
    frames, bands = 2 * int(rng.integers(2, 6)), 2 * int(rng.integers(3, 21))
    g = ToolGraph(rng, (1, frames, bands, 1))
    x = g.conv(g.entry, int(rng.integers(2, 10)), (3, 3), padding=SAME, relu=True)
    x = g.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    x = g.conv(x, 0, (3, 3), (2, 2), relu=True, depthwise=True)
    x = g.conv(x, int(rng.integers(1, 14)))
    x = g.op("LEAKY_RELU", [x.index], g.value(x.shape, x.scale * 0.5, -93), alpha=0.1)
    x = g.mean_over(x, [1, 2], (1, 1, 1, x.shape[3]), keep=True)
    return g.done(g.softmax(g.dense(x, g.weights(CLASSES, x.shape[3], 0.2), (1, CLASSES))))


def onnx2tf_split(rng: Rng) -> bytes:
    """Return ONNX's Split, which becomes a STRIDED_SLICE for each part, in a gated convolution."""
    frames, bands, half = 2 * int(rng.integers(2, 6)), 2 * int(rng.integers(3, 21)), int(rng.integers(1, 6))
    g = ToolGraph(rng, (1, frames, bands, 1))
    x = g.hard_swish(g.conv(g.entry, 2 * half, (3, 3), padding=SAME))
    x = g.pool(x, average=False)
    x = g.binary("MUL", g.logistic(g.slice(x, 3, 0, half)), g.tanh(g.slice(x, 3, half, 2 * half)))
    x = g.transpose(x, [0, 3, 1, 2])
    x = g.reshape(x, (1, x.elements))
    return g.done(g.dense(x, g.weights(CLASSES, x.elements), (1, CLASSES)))


TOOLS: dict[str, Callable[[Rng], bytes]] = {
    make.__name__: make
    for make in (
        torch_conv, torch_flat, torch_silu, torch_hardsigmoid, torch_gru, torch_gru_cells, torch_lstm, torch_step,
        keras_gru, keras_gru_reset_after, keras_lstm, onnx2tf_conv, onnx2tf_split,
    )
}  # fmt: skip
