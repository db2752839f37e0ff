"""Random models of the operators that other tools write around recurrent cells, as model_generator makes the others."""

from __future__ import annotations

import numpy as np
from random_values import Rng, a_scale, a_size, a_zero_point, an_out_scale, int8_values
from tflite_builder import ModelBuilder


def hard_swish(rng: Rng) -> bytes:
    b = ModelBuilder()
    shape = [a_size(rng, 9) for _ in range(int(rng.integers(1, 4)))] + [64]
    scale = float(rng.choice([a_scale(rng), a_scale(rng, 1e-5, 50), 2.0 ** -int(rng.integers(-5, 9))]))
    x = b.tensor(shape, scale, a_zero_point(rng))
    # The reference refuses an output scale below 1/128 of the input's; from 256 times on its shift is undefined.
    out_scale = min(max(an_out_scale(rng, scale), scale / 100), scale * 250)
    y = b.tensor(shape, out_scale, a_zero_point(rng))
    b.op("HARD_SWISH", [x], [y])
    return b.build([x], [y])


def split(rng: Rng) -> bytes:
    b = ModelBuilder()
    dims = int(rng.integers(1, 5))
    axis, parts = int(rng.integers(dims)), a_size(rng, 7)
    shape = [a_size(rng, 6) for _ in range(dims)]
    scale, zero_point = a_scale(rng), a_zero_point(rng)
    whole = [size * parts if d == axis else size for d, size in enumerate(shape)]
    x = b.tensor(whole, scale, zero_point)
    outputs = [b.tensor(shape, scale, zero_point) for _ in range(parts)]
    given = axis - (dims if rng.random() < 0.4 else 0)
    number = b.ints([given]) if rng.random() < 0.5 else b.tensor([], data=np.int32(given), dtype="int32")
    b.op("SPLIT", [number, x], outputs, numSplits=parts)
    return b.build([x], _some(rng, outputs))


def split_v(rng: Rng) -> bytes:
    """Return a split into parts of any sizes, one of which may be left open (-1)."""
    b = ModelBuilder()
    dims = int(rng.integers(1, 5))
    axis = int(rng.integers(dims))
    sizes = [a_size(rng, 6) for _ in range(a_size(rng, 7))]
    shape = [a_size(rng, 6) for _ in range(dims)]
    scale, zero_point = a_scale(rng), a_zero_point(rng)
    x = b.tensor([sum(sizes) if d == axis else size for d, size in enumerate(shape)], scale, zero_point)
    parts = [[part if d == axis else size for d, size in enumerate(shape)] for part in sizes]
    outputs = [b.tensor(part, scale, zero_point) for part in parts]
    if rng.random() < 0.3:
        sizes[int(rng.integers(len(sizes)))] = -1
    given = axis - (dims if rng.random() < 0.4 else 0)
    number = b.ints([given]) if rng.random() < 0.5 else b.tensor([], data=np.int32(given), dtype="int32")
    b.op("SPLIT_V", [x, b.ints(sizes), number], outputs, numSplits=len(outputs))
    return b.build([x], _some(rng, outputs))


def slice_(rng: Rng) -> bytes:
    """Return a SLICE, some of whose sizes are what is left (-1)."""
    b = ModelBuilder()
    shape = [a_size(rng, 12) for _ in range(int(rng.integers(1, 5)))]
    begins = [int(rng.integers(size)) for size in shape]
    sizes = [1 + int(rng.integers(size - begin)) for size, begin in zip(shape, begins, strict=True)]
    scale, zero_point = a_scale(rng), a_zero_point(rng)
    x, y = b.tensor(shape, scale, zero_point), b.tensor(sizes, scale, zero_point)
    left = [size - begin for size, begin in zip(shape, begins, strict=True)]
    given = [-1 if size == rest and rng.random() < 0.5 else size for size, rest in zip(sizes, left, strict=True)]
    b.op("SLICE", [x, b.ints(begins), b.ints(given)], [y])
    return b.build([x], [y])


def unpack(rng: Rng) -> bytes:
    b = ModelBuilder()
    dims = int(rng.integers(2, 5))
    axis = int(rng.integers(dims))
    shape = [a_size(rng, 6) for _ in range(dims)]
    scale, zero_point = a_scale(rng), a_zero_point(rng)
    x = b.tensor(shape, scale, zero_point)
    part = shape[:axis] + shape[axis + 1 :]
    outputs = [b.tensor(part, scale, zero_point) for _ in range(shape[axis])]
    b.op("UNPACK", [x], outputs, num=shape[axis], axis=axis - (dims if rng.random() < 0.4 else 0))
    return b.build([x], _some(rng, outputs))


def _some(rng: Rng, outputs: list[int]) -> list[int]:
    """Return all outputs, or not all of them, in an order of their own."""
    return outputs if rng.random() < 0.5 else list(rng.permutation(outputs)[: a_size(rng, len(outputs))])


def pack(rng: Rng) -> bytes:
    b = ModelBuilder()
    dims = int(rng.integers(0, 4))
    axis, parts = int(rng.integers(dims + 1)), a_size(rng, 12)
    shape = [a_size(rng, 6) for _ in range(dims)]
    scale, zero_point = a_scale(rng), a_zero_point(rng)
    inputs, free = [], []
    for i in range(parts):
        data = int8_values(rng, shape) if i and rng.random() < 0.2 else None
        inputs.append(b.tensor(shape, scale, zero_point, data))
        if data is None:
            free.append(inputs[-1])
    y = b.tensor([*shape[:axis], parts, *shape[axis:]], scale, zero_point)
    b.op("PACK", inputs, [y], valuesCount=parts, axis=axis - (dims + 1 if rng.random() < 0.4 else 0))
    return b.build(free, [y])


def transpose(rng: Rng) -> bytes:
    b = ModelBuilder()
    dims = int(rng.integers(1, 5))
    shape = [a_size(rng, 8) for _ in range(dims)]
    order = [int(d) for d in rng.permutation(dims)]
    scale, zero_point = a_scale(rng), a_zero_point(rng)
    x, y = b.tensor(shape, scale, zero_point), b.tensor([shape[d] for d in order], scale, zero_point)
    b.op("TRANSPOSE", [x, b.ints([d - (dims if rng.random() < 0.2 else 0) for d in order])], [y])
    return b.build([x], [y])
