"""Random models of one operator each: odd shapes, strides, one-element tensors, saturating and extreme scales.

Each function takes a random generator and returns the bytes of a .tflite file whose inputs and outputs are int8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from lstm_generator import lstm
from parts_generator import hard_swish, pack, slice_, split, split_v, transpose, unpack
from random_values import Rng, a_scale, a_size, a_zero_point, an_activation, an_out_scale, int8_values
from tflite_builder import SAME, VALID, ModelBuilder


def _padded(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    reach = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - reach) // stride + 1


def _weights(
    b: ModelBuilder, rng: Rng, shape: Sequence[int], channels: int, axis: int, in_scale: float, bias: bool
) -> tuple[list[int], float]:
    """Weights, per tensor or per channel, and bias: tensor indices and the mean scale."""
    scales = np.array([a_scale(rng, 1e-4, 2e-2) for _ in range(channels if rng.random() < 0.7 else 1)], np.float32)
    low = int(rng.choice([-128, -127]))
    indices = [b.tensor(shape, scales, 0, int8_values(rng, shape, low), axis=axis)]
    if bias:
        span = int(rng.choice([1 << 8, 1 << 16, 1 << 31]))
        values = rng.integers(-span, span, size=channels).astype(np.int64).clip(-(1 << 31), (1 << 31) - 1)
        indices.append(b.tensor([channels], scales * np.float32(in_scale), 0, values.astype(np.int32), dtype="int32"))
    return indices, float(scales.mean())


def conv_2d(rng: Rng) -> bytes:
    b = ModelBuilder()
    n, h, w = a_size(rng, 3), a_size(rng, 9), a_size(rng, 9)
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    in_c, out_c = a_size(rng, 9) * groups, a_size(rng, 11) * groups
    padding = int(rng.choice([SAME, VALID]))
    k_h, k_w, d_h, d_w = a_size(rng, 5), a_size(rng, 5), a_size(rng, 3), a_size(rng, 3)
    if padding == VALID:
        h, w = h + (k_h - 1) * d_h, w + (k_w - 1) * d_w
    s_h, s_w = a_size(rng, 4), a_size(rng, 4)
    in_scale = a_scale(rng)
    x = b.tensor([n, h, w, in_c], in_scale, a_zero_point(rng))
    shape = [out_c, k_h, k_w, in_c // groups]
    parameters, scale = _weights(b, rng, shape, out_c, 0, in_scale, bool(rng.random() < 0.8))
    natural = in_scale * scale * 60 * np.sqrt(k_h * k_w * in_c)
    y_shape = [n, _padded(h, k_h, s_h, d_h, padding), _padded(w, k_w, s_w, d_w, padding), out_c]
    y = b.tensor(y_shape, an_out_scale(rng, natural), a_zero_point(rng))
    b.op(
        "CONV_2D", [x, *parameters], [y], padding=padding, strideH=s_h, strideW=s_w, dilationHFactor=d_h,
        dilationWFactor=d_w, fusedActivationFunction=an_activation(rng),
    )  # fmt: skip
    return b.build([x], [y])


def depthwise_conv_2d(rng: Rng) -> bytes:
    b = ModelBuilder()
    n, h, w, in_c, multiplier = a_size(rng, 3), a_size(rng, 9), a_size(rng, 9), a_size(rng, 17), a_size(rng, 4)
    padding = int(rng.choice([SAME, VALID]))
    k_h, k_w, d_h, d_w = a_size(rng, 5), a_size(rng, 5), a_size(rng, 3), a_size(rng, 3)
    if padding == VALID:
        h, w = h + (k_h - 1) * d_h, w + (k_w - 1) * d_w
    s_h, s_w = a_size(rng, 4), a_size(rng, 4)
    in_scale, out_c = a_scale(rng), in_c * multiplier
    x = b.tensor([n, h, w, in_c], in_scale, a_zero_point(rng))
    parameters, scale = _weights(b, rng, [1, k_h, k_w, out_c], out_c, 3, in_scale, bool(rng.random() < 0.8))
    natural = in_scale * scale * 60 * np.sqrt(k_h * k_w)
    y_shape = [n, _padded(h, k_h, s_h, d_h, padding), _padded(w, k_w, s_w, d_w, padding), out_c]
    y = b.tensor(y_shape, an_out_scale(rng, natural), a_zero_point(rng))
    b.op(
        "DEPTHWISE_CONV_2D", [x, *parameters], [y], padding=padding, strideH=s_h, strideW=s_w, dilationHFactor=d_h,
        dilationWFactor=d_w, depthMultiplier=multiplier, fusedActivationFunction=an_activation(rng),
    )  # fmt: skip
    return b.build([x], [y])


def fully_connected(rng: Rng) -> bytes:
    b = ModelBuilder()
    depth, units = a_size(rng, 70), a_size(rng, 20)
    outer = [a_size(rng, 3) for _ in range(int(rng.integers(1, 3)))]
    in_scale = a_scale(rng)
    x = b.tensor([*outer, depth], in_scale, a_zero_point(rng))
    parameters, scale = _weights(b, rng, [units, depth], units, 0, in_scale, bool(rng.random() < 0.6))
    if len(parameters) == 1 and rng.random() < 0.5:
        parameters.append(-1)  # how converters leave the bias out
    keep = len(outer) > 1 and rng.random() < 0.5
    y_shape = [*outer, units] if keep else [int(np.prod(outer)), units]
    y = b.tensor(y_shape, an_out_scale(rng, in_scale * scale * 60 * np.sqrt(depth)), a_zero_point(rng))
    b.op("FULLY_CONNECTED", [x, *parameters], [y], fusedActivationFunction=an_activation(rng), keepNumDims=keep)
    return b.build([x], [y])


def _binary(name: str) -> Callable[[Rng], bytes]:
    def make(rng: Rng) -> bytes:
        b = ModelBuilder()
        shape = [a_size(rng, 6) for _ in range(int(rng.integers(1, 5)))]
        shapes = [list(shape), list(shape)]
        if rng.random() < 0.6:
            for d in range(len(shape)):  # broadcasting: a side has one of this dimension, or lacks the leading ones
                if rng.random() < 0.5:
                    shapes[int(rng.integers(2))][d] = 1
            if rng.random() < 0.3:
                cut = int(rng.integers(len(shape)))
                shapes[int(rng.integers(2))] = shape[cut:]
        scales = [a_scale(rng), a_scale(rng)]
        if rng.random() < 0.2:
            scales[1] = scales[0]
        if rng.random() < 0.1:
            scales[1] = a_scale(rng, 1e-9, 1e-6)
        a = b.tensor(shapes[0], scales[0], a_zero_point(rng))
        constant = rng.random() < 0.3
        other = b.tensor(shapes[1], scales[1], a_zero_point(rng), int8_values(rng, shapes[1]) if constant else None)
        if name == "MUL":
            scale = an_out_scale(rng, scales[0] * scales[1] * 100)
        else:  # the reference aborts on an output multiplier of one and more: max scale * 2 / 2^20 / output scale
            scale = max(an_out_scale(rng, max(scales)), 4 * max(scales) / (1 << 20))
        y = b.tensor(np.broadcast_shapes(*map(tuple, shapes)), scale, a_zero_point(rng))
        pair = [a, other] if rng.random() < 0.7 else [other, a]
        b.op(name, pair, [y], fusedActivationFunction=an_activation(rng))
        return b.build([a] if constant else [a, other], [y])

    return make


def _saturating(name: str) -> Callable[[Rng], bytes]:
    def make(rng: Rng) -> bytes:
        b = ModelBuilder()
        shape = [a_size(rng, 9) for _ in range(int(rng.integers(1, 4)))] + [64]
        scale = float(rng.choice([a_scale(rng, 1e-3, 1.0), a_scale(rng, 1e-6, 100), 2.0 ** -int(rng.integers(-5, 9))]))
        x = b.tensor(shape, scale, a_zero_point(rng))
        y = b.tensor(shape, 1 / 256 if name == "LOGISTIC" else 1 / 128, -128 if name == "LOGISTIC" else 0)
        b.op(name, [x], [y])
        return b.build([x], [y])

    return make


def softmax(rng: Rng) -> bytes:
    b = ModelBuilder()
    shape = [a_size(rng, 5) for _ in range(int(rng.integers(0, 3)))] + [a_size(rng, 40)]
    scale = float(rng.choice([a_scale(rng), a_scale(rng, 1e-6, 100)]))
    x = b.tensor(shape, scale, a_zero_point(rng))
    y = b.tensor(shape, 1 / 256, -128)
    b.op("SOFTMAX", [x], [y], beta=float(np.float32(rng.choice([1.0, 0.3, 2.5]))))
    return b.build([x], [y])


def concatenation(rng: Rng) -> bytes:
    b = ModelBuilder()
    dims = int(rng.integers(1, 5))
    axis = int(rng.integers(dims))
    shape = [a_size(rng, 6) for _ in range(dims)]
    scale, zero_point = a_scale(rng), a_zero_point(rng)
    inputs, free, total = [], [], 0
    for i in range(int(rng.integers(1, 6))):
        shape[axis] = a_size(rng, 6)
        total += shape[axis]
        data = int8_values(rng, shape) if i and rng.random() < 0.2 else None
        inputs.append(b.tensor(shape, scale, zero_point, data))
        if data is None:
            free.append(inputs[-1])
    shape[axis] = total
    y = b.tensor(shape, scale, zero_point)
    b.op("CONCATENATION", inputs, [y], axis=axis - (dims if rng.random() < 0.5 else 0))
    return b.build(free, [y])


def reshape(rng: Rng) -> bytes:
    b = ModelBuilder()
    shape = [a_size(rng, 6) for _ in range(int(rng.integers(1, 5)))]
    scale, zero_point = a_scale(rng), a_zero_point(rng)
    count = int(np.prod(shape))
    new = [count] if rng.random() < 0.5 else list(reversed(shape))
    x, y = b.tensor(shape, scale, zero_point), b.tensor(new, scale, zero_point)
    b.op("RESHAPE", [x, b.ints(new)] if rng.random() < 0.5 else [x], [y], newShape=new)
    return b.build([x], [y])


def strided_slice(rng: Rng) -> bytes:
    b = ModelBuilder()
    shape = [a_size(rng, 8) for _ in range(int(rng.integers(1, 5)))]
    begin, end, strides, out = [], [], [], []
    masks = {"beginMask": 0, "endMask": 0, "shrinkAxisMask": 0}
    for d, size in enumerate(shape):
        step = int(rng.choice([1, 1, 2, 3, -1, -2]))
        while True:
            first, last = (int(v) for v in rng.integers(-size - 2, size + 3, size=2))
            bits = [int(rng.random() < 0.3), int(rng.random() < 0.3)]
            count = len(range(size)[slice(None if bits[0] else first, None if bits[1] else last, step)])
            if count:
                break
        shrink = bool(rng.random() < 0.15) and -size <= first < size and not bits[0]
        masks["beginMask"] |= bits[0] << d
        masks["endMask"] |= bits[1] << d
        masks["shrinkAxisMask"] |= int(shrink) << d
        begin.append(first)
        end.append(last)
        strides.append(1 if shrink else step)
        if not shrink:
            out.append(count)
    scale, zero_point = a_scale(rng), a_zero_point(rng)
    x, y = b.tensor(shape, scale, zero_point), b.tensor(out, scale, zero_point)
    b.op("STRIDED_SLICE", [x, b.ints(begin), b.ints(end), b.ints(strides)], [y], **masks)
    return b.build([x], [y])


def pad(rng: Rng) -> bytes:
    b = ModelBuilder()
    shape = [a_size(rng, 6) for _ in range(int(rng.integers(1, 5)))]
    pads = rng.integers(0, 4, size=(len(shape), 2))
    scale, zero_point = a_scale(rng), a_zero_point(rng)
    x = b.tensor(shape, scale, zero_point)
    y = b.tensor([int(v) for v in np.array(shape) + pads.sum(1)], scale, zero_point)
    b.op("PAD", [x, b.ints(pads)], [y])
    return b.build([x], [y])


def _pool(name: str) -> Callable[[Rng], bytes]:
    def make(rng: Rng) -> bytes:
        b = ModelBuilder()
        n, h, w, c = a_size(rng, 3), a_size(rng, 10), a_size(rng, 10), a_size(rng, 19)
        k_h, k_w, s_h, s_w = a_size(rng, 5), a_size(rng, 5), a_size(rng, 4), a_size(rng, 4)
        padding = int(rng.choice([SAME, VALID]))
        if padding == VALID:
            h, w = h + k_h - 1, w + k_w - 1
        scale, zero_point = a_scale(rng), a_zero_point(rng)
        x = b.tensor([n, h, w, c], scale, zero_point)
        y_shape = [n, _padded(h, k_h, s_h, 1, padding), _padded(w, k_w, s_w, 1, padding), c]
        y = b.tensor(y_shape, scale, zero_point)
        b.op(
            name, [x], [y], padding=padding, strideH=s_h, strideW=s_w, filterHeight=k_h, filterWidth=k_w,
            fusedActivationFunction=an_activation(rng),
        )  # fmt: skip
        return b.build([x], [y])

    return make


def mean(rng: Rng) -> bytes:
    b = ModelBuilder()
    dims = int(rng.integers(1, 5))
    shape = [a_size(rng, 9) for _ in range(dims)]
    axes = rng.permutation(dims)[: int(rng.integers(1, dims + 1))]
    keep = bool(rng.random() < 0.5)
    in_scale = a_scale(rng)
    zero_point = a_zero_point(rng)
    same = rng.random() < 0.3
    x = b.tensor(shape, in_scale, zero_point)
    out = [1 if d in axes else s for d, s in enumerate(shape)] if keep else [
        s for d, s in enumerate(shape) if d not in axes
    ]  # fmt: skip
    y = b.tensor(out, in_scale if same else an_out_scale(rng, in_scale), zero_point if same else a_zero_point(rng))
    b.op("MEAN", [x, b.ints([int(a) - (dims if rng.random() < 0.3 else 0) for a in axes])], [y], keepDims=keep)
    return b.build([x], [y])


def quantize(rng: Rng) -> bytes:
    b = ModelBuilder()
    shape = [a_size(rng, 9) for _ in range(int(rng.integers(1, 4)))] + [32]
    scale = a_scale(rng)
    x = b.tensor(shape, scale, a_zero_point(rng))
    y = b.tensor(shape, scale if rng.random() < 0.2 else an_out_scale(rng, scale), a_zero_point(rng))
    b.op("QUANTIZE", [x], [y])
    return b.build([x], [y])


def leaky_relu(rng: Rng) -> bytes:
    b = ModelBuilder()
    shape = [a_size(rng, 9) for _ in range(int(rng.integers(1, 4)))] + [32]
    scale = a_scale(rng)
    x = b.tensor(shape, scale, a_zero_point(rng))
    y = b.tensor(shape, an_out_scale(rng, scale), a_zero_point(rng))
    b.op("LEAKY_RELU", [x], [y], alpha=float(np.float32(rng.choice([0.0, 0.01, 0.3, 1.0, rng.uniform(0, 4)]))))
    return b.build([x], [y])


GENERATORS: dict[str, Callable[[Rng], Any]] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "ADD": _binary("ADD"),
    "SUB": _binary("SUB"),
    "MUL": _binary("MUL"),
    "LOGISTIC": _saturating("LOGISTIC"),
    "TANH": _saturating("TANH"),
    "SOFTMAX": softmax,
    "CONCATENATION": concatenation,
    "RESHAPE": reshape,
    "STRIDED_SLICE": strided_slice,
    "QUANTIZE": quantize,
    "LEAKY_RELU": leaky_relu,
    "MEAN": mean,
    "MAX_POOL_2D": _pool("MAX_POOL_2D"),
    "AVERAGE_POOL_2D": _pool("AVERAGE_POOL_2D"),
    "PAD": pad,
    "HARD_SWISH": hard_swish,
    "PACK": pack,
    "SLICE": slice_,
    "SPLIT": split,
    "SPLIT_V": split_v,
    "TRANSPOSE": transpose,
    "UNPACK": unpack,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
}
