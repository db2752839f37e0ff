"""Graphs of several operators: random ones with branches, and a streaming step with states as training exports it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tflite_builder import SAME, VALID, ModelBuilder

Rng = np.random.Generator


@dataclass(frozen=True)
class Value:
    """A tensor of the graph under construction."""

    index: int
    shape: tuple[int, ...]
    scale: float
    zero_point: int

    @property
    def elements(self) -> int:
        return int(np.prod(self.shape))


class Graph:
    """Operators with sensible scales on top of ModelBuilder."""

    def __init__(self, rng: Rng) -> None:
        self.rng = rng
        self.b = ModelBuilder()
        self.used: set[int] = set()

    def value(self, shape: tuple[int, ...], scale: float, zero_point: int) -> Value:
        scale = float(np.float32(min(max(scale, 1e-5), 1e3)))  # chains of products would leave float32 otherwise
        return Value(self.b.tensor(shape, scale, zero_point), shape, scale, zero_point)

    def like(self, x: Value, shape: tuple[int, ...] | None = None) -> Value:
        return self.value(x.shape if shape is None else shape, x.scale, x.zero_point)

    def op(self, name: str, inputs: list[int], y: Value, **options: object) -> Value:
        return self.ops(name, inputs, [y], **options)[0]

    def ops(self, name: str, inputs: list[int], ys: list[Value], **options: object) -> list[Value]:
        self.used.update(inputs)
        self.b.op(name, inputs, [y.index for y in ys], **options)
        return ys

    def conv(
        self, x: Value, channels: int, kernel: tuple[int, int] = (1, 1), stride: tuple[int, int] = (1, 1),
        padding: int = VALID, relu: bool = False, scale: float | None = None, zero_point: int | None = None,
        depthwise: bool = False,
    ) -> Value:  # fmt: skip
        in_c = x.shape[3]
        shape = (1, *kernel, in_c) if depthwise else (channels, *kernel, in_c)
        out_c = in_c if depthwise else channels
        scales = np.exp(self.rng.uniform(-7, -5, size=out_c)).astype(np.float32)
        w = self.b.tensor(shape, scales, 0, self.rng.integers(-127, 128, size=shape, dtype=np.int8), axis=3 * depthwise)
        bias = self.rng.integers(-2000, 2000, size=out_c, dtype=np.int32)
        bias_index = self.b.tensor((out_c,), scales * np.float32(x.scale), 0, bias, dtype="int32")
        size = [
            -(-s // t) if padding == SAME else (s - k) // t + 1
            for s, k, t in zip(x.shape[1:3], kernel, stride, strict=True)
        ]
        terms = np.prod(kernel) if depthwise else np.prod(shape[1:])
        natural = x.scale * float(scales.mean()) * 40 * np.sqrt(terms)
        if zero_point is None:
            zero_point = -128 if relu else int(self.rng.integers(-20, 20))
        y = self.value((x.shape[0], *size, out_c), scale or natural, zero_point)
        name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        options = {"depthMultiplier": 1} if depthwise else {}
        return self.op(
            name, [x.index, w, bias_index], y, padding=padding, strideH=stride[0], strideW=stride[1], dilationHFactor=1,
            dilationWFactor=1, fusedActivationFunction=int(relu), **options,
        )  # fmt: skip

    def binary(self, name: str, a: Value, c: Value) -> Value:
        scale = a.scale * c.scale * 60 if name == "MUL" else max(a.scale, c.scale) * 1.3
        shape = np.broadcast_shapes(a.shape, c.shape)
        return self.op(name, [a.index, c.index], self.value(shape, scale, int(self.rng.integers(-30, 30))))

    def logistic(self, x: Value) -> Value:
        return self.op("LOGISTIC", [x.index], self.value(x.shape, 1 / 256, -128))

    def tanh(self, x: Value) -> Value:
        return self.op("TANH", [x.index], self.value(x.shape, 1 / 128, 0))

    def softmax(self, x: Value) -> Value:
        return self.op("SOFTMAX", [x.index], self.value(x.shape, 1 / 256, -128), beta=1.0)

    def quantize(self, x: Value, scale: float, zero_point: int) -> Value:
        if (x.scale, x.zero_point) == (scale, zero_point):
            return x
        return self.op("QUANTIZE", [x.index], self.value(x.shape, scale, zero_point))

    def concat(self, values: list[Value], axis: int) -> Value:
        first = values[0]
        values = [self.quantize(v, first.scale, first.zero_point) for v in values]
        shape = list(first.shape)
        shape[axis] = sum(v.shape[axis] for v in values)
        return self.op("CONCATENATION", [v.index for v in values], self.like(first, tuple(shape)), axis=axis)

    def reshape(self, x: Value, shape: tuple[int, ...]) -> Value:
        return self.op("RESHAPE", [x.index, self.b.ints(shape)], self.like(x, shape), newShape=list(shape))

    def slice(self, x: Value, axis: int, begin: int, end: int) -> Value:
        begins, ends, shape = [0] * len(x.shape), list(x.shape), list(x.shape)
        begins[axis], ends[axis], shape[axis] = begin, end, end - begin
        parameters = [self.b.ints(begins), self.b.ints(ends), self.b.ints([1] * len(shape))]
        return self.op("STRIDED_SLICE", [x.index, *parameters], self.like(x, tuple(shape)))

    def pad(self, x: Value, pads: list[tuple[int, int]]) -> Value:
        shape = tuple(s + a + c for s, (a, c) in zip(x.shape, pads, strict=True))
        return self.op("PAD", [x.index, self.b.ints(np.array(pads))], self.like(x, shape))

    def pool(self, x: Value, average: bool) -> Value:
        shape = (x.shape[0], -(-x.shape[1] // 2), -(-x.shape[2] // 2), x.shape[3])
        return self.op(
            "AVERAGE_POOL_2D" if average else "MAX_POOL_2D", [x.index], self.like(x, shape), padding=SAME, strideH=2,
            strideW=2, filterHeight=2, filterWidth=2,
        )  # fmt: skip

    def split(self, x: Value, axis: int, parts: int) -> list[Value]:
        shape = list(x.shape)
        shape[axis] //= parts
        ys = [self.like(x, tuple(shape)) for _ in range(parts)]
        return self.ops("SPLIT", [self.b.ints([axis]), x.index], ys, numSplits=parts)

    def unpack(self, x: Value, axis: int) -> list[Value]:
        shape = x.shape[:axis] + x.shape[axis + 1 :]
        ys = [self.like(x, shape) for _ in range(x.shape[axis])]
        return self.ops("UNPACK", [x.index], ys, num=len(ys), axis=axis)

    def pack(self, values: list[Value], axis: int) -> Value:
        first = values[0]
        values = [self.quantize(v, first.scale, first.zero_point) for v in values]
        shape = (*first.shape[:axis], len(values), *first.shape[axis:])
        return self.op("PACK", [v.index for v in values], self.like(first, shape), valuesCount=len(values), axis=axis)

    def transpose(self, x: Value, order: list[int]) -> Value:
        y = self.like(x, tuple(x.shape[d] for d in order))
        return self.op("TRANSPOSE", [x.index, self.b.ints(order)], y)

    def hard_swish(self, x: Value) -> Value:
        return self.op("HARD_SWISH", [x.index], self.value(x.shape, x.scale * 0.9, int(self.rng.integers(-30, 30))))

    def mean(self, x: Value) -> Value:
        y = self.value((x.shape[0], 1, 1, x.shape[3]), x.scale * 0.7, int(self.rng.integers(-30, 30)))
        return self.op("MEAN", [x.index, self.b.ints([1, 2])], y, keepDims=True)


def random_graph(rng: Rng, operators: int) -> bytes:
    """Operators on randomly chosen earlier tensors; unread tensors and some read ones are outputs."""
    g = Graph(rng)
    values = []
    for _ in range(int(rng.integers(1, 4))):
        shape = (1, int(rng.integers(1, 7)), int(rng.integers(1, 7)), int(rng.integers(1, 9)))
        values.append(g.value(shape, float(np.exp(rng.uniform(-5, -2))), int(rng.integers(-128, 128))))
    inputs = list(values)
    made: list[Value] = []
    while len(made) < operators:
        # The newest ones more often, so that chains and long branches both come up.
        x = values[-1 - min(int(rng.exponential(3)), len(values) - 1)]
        same = [v for v in values if v.shape == x.shape]
        other = same[int(rng.integers(len(same)))]
        kind = int(rng.integers(20))
        if x.elements > 3000 and kind in (2, 8, 12):
            continue
        if kind == 0:
            y = g.conv(x, int(rng.integers(1, 12)), relu=bool(rng.random() < 0.5))
        elif kind == 1:
            y = g.conv(x, 0, (min(3, x.shape[1]), min(3, x.shape[2])), padding=SAME, depthwise=True)
        elif kind == 2:
            y = g.conv(x, int(rng.integers(1, 12)), (min(2, x.shape[1]), 1), (1, int(rng.integers(1, 3))))
        elif kind in (3, 4, 5):
            fits = [v for v in values if all(s in (1, t) for s, t in zip(v.shape, x.shape, strict=True))]
            y = g.binary(("ADD", "SUB", "MUL")[kind - 3], x, fits[int(rng.integers(len(fits)))])
        elif kind == 6:
            y = g.binary("ADD", x, g.mean(x))
        elif kind == 7:
            y = g.logistic(x)
        elif kind == 8:
            y = g.concat([x, other] + [x] * int(rng.random() < 0.3), int(rng.integers(1, 4)))
        elif kind == 9:
            y = g.tanh(x)
        elif kind == 10:
            y = g.reshape(x, (1, x.shape[2], x.shape[1], x.shape[3]))
        elif kind == 11:
            axis = int(np.argmax(x.shape))
            begin = int(rng.integers(x.shape[axis]))
            y = g.slice(x, axis, begin, int(rng.integers(begin, x.shape[axis])) + 1)
        elif kind == 12:
            y = g.pad(x, [(0, 0), (int(rng.integers(2)), 1), (0, int(rng.integers(2))), (0, 0)])
        elif kind == 13:
            y = g.pool(x, bool(rng.random() < 0.5))
        elif kind == 14:
            y = g.quantize(x, float(np.float32(x.scale * 1.5)), int(rng.integers(-50, 50)))
        elif kind == 15:
            y = g.softmax(x)
        elif kind == 16:
            y = g.transpose(x, [0, *(int(d) for d in 1 + rng.permutation(3))])
        elif kind == 17:
            y = g.hard_swish(x)
        elif kind == 18:
            axis = int(rng.integers(1, 4))
            parts = int(rng.choice([n for n in (1, 2, 3, 4, 6) if x.shape[axis] % n == 0]))
            pieces = g.split(x, axis, parts)
            values.extend(pieces[:-1])
            made.extend(pieces[:-1])
            y = pieces[-1]
        else:
            axis = int(rng.integers(1, 4))
            if x.shape[axis] > 24:  # nn/ops.h takes no more parts
                x = g.slice(x, axis, 0, 24)
            y = g.pack([v for v in g.unpack(x, axis) if rng.random() < 0.7] or g.unpack(x, axis), axis)
        values.append(y)
        made.append(y)
    leaves = [v for v in made if v.index not in g.used]
    extra = [v for v in made if v.index in g.used and rng.random() < 0.1]
    read = [v for v in inputs if v.index in g.used]
    outputs = (leaves + extra)[:16]
    return g.b.build([v.index for v in read], [v.index for v in outputs])


def streaming_step(rng: Rng, units: int = 24, classes: int = 5) -> tuple[bytes, list[tuple[int, int]]]:
    """Return a CRNN step: its file, and the pairs of input and output index that carry a state.

    Input 0 is the features, output 0 the scores.
    """
    g = Graph(rng)
    x = g.value((1, 8, 20, 1), 1 / 32, 0)
    inputs, outputs = [x], []
    y = x
    for channels, stride in ((8, (2, 2)), (12, (2, 2)), (16, (2, 1))):
        state = g.value((1, 3 - stride[0], y.shape[2], y.shape[3]), y.scale, y.zero_point)
        joined = g.concat([state, y], 1)
        inputs.append(state)
        outputs.append(g.slice(joined, 1, joined.shape[1] - state.shape[1], joined.shape[1]))
        if channels == 8:
            y = g.conv(joined, channels, (3, 3), stride, relu=True)
        else:
            padded = g.pad(joined, [(0, 0), (0, 0), (1, 1), (0, 0)])
            y = g.conv(padded, 0, (3, 3), stride, relu=True, depthwise=True)
            y = g.conv(y, channels, relu=True)
    y = g.reshape(y, (1, 1, 1, y.elements))
    h = g.value((1, 1, 1, units), 1 / 100, 3)
    inputs.append(h)
    gates = g.conv(y, 3 * units)
    recurrent = g.conv(h, 3 * units)
    parts = [(g.slice(gates, 3, i * units, (i + 1) * units), g.slice(recurrent, 3, i * units, (i + 1) * units))
             for i in range(3)]  # fmt: skip
    z = g.logistic(g.binary("ADD", *parts[0]))
    r = g.logistic(g.binary("ADD", *parts[1]))
    n = g.tanh(g.binary("ADD", parts[2][0], g.binary("MUL", r, parts[2][1])))
    new = g.binary("ADD", n, g.binary("MUL", z, g.binary("SUB", h, n)))
    both = g.concat([g.reshape(h, (1, 1, 1, units)), new], 0)
    new_h = g.slice(both, 0, 1, 2)
    scores, attention = g.conv(new_h, classes), g.conv(new_h, 1)
    ends = [scores, attention, *outputs, new_h]
    pairs = [(i + 1, i + 2) for i in range(len(inputs) - 1)]
    return g.b.build([v.index for v in inputs], [v.index for v in ends]), pairs
