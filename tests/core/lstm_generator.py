"""Random LSTM operators, as converters write them: int8 input and output, an int16 cell, states that are variables."""

from __future__ import annotations

import numpy as np
from random_values import Rng, a_scale, a_size, a_zero_point, an_out_scale, int8_values
from tflite_builder import TANH, ModelBuilder

WEIGHTS, BIASES, HIDDEN, CELL = range(1, 9), range(12, 16), 18, 19


def lstm(rng: Rng) -> bytes:
    """Return one LSTM, or two on each other."""
    b = ModelBuilder()
    batches, steps, width = a_size(rng, 3), a_size(rng, 6), a_size(rng, 20)
    time_major = bool(rng.random() < 0.3)
    outer = [steps, batches] if time_major else [batches, steps]
    scale, zero_point = a_scale(rng), a_zero_point(rng)
    x = b.tensor([*outer, width], scale, zero_point)
    y, scale, zero_point, width = add_lstm(b, rng, x, (outer, width, scale), time_major)
    if rng.random() < 0.3:
        y = add_lstm(b, rng, y, (outer, width, scale), time_major)[0]
    return b.build([x], [y])


def add_lstm(
    b: ModelBuilder, rng: Rng, x: int, given: tuple[list[int], int, float], time_major: bool = False, plain: int = 0
) -> tuple[int, float, int, int]:
    """Add an LSTM on x of that outer shape, width and scale. Return its output, scale, zero point and units.

    plain: that many units, and no extreme numbers.
    """
    outer, width, in_scale = given
    units = plain or a_size(rng, 24)
    batches = outer[1] if time_major else outer[0]
    # What gates add up fills -8 to 8, or much more, or next to nothing.
    out_scale, zero_point = 1 / 128 if plain else an_out_scale(rng, 1 / 128), 0 if plain else a_zero_point(rng)
    out_scale = float(np.float32(min(max(out_scale, 1e-7), 1e3)))
    inputs = [x] + [-1] * 23
    span = 1 << 10 if plain else int(rng.choice([1 << 8, 1 << 14, 1 << 31]))
    # What the reference does when a shift to the left overflows is undefined.
    most = 30 if span < 1 << 31 else 0.9
    for i in WEIGHTS:
        depth, from_scale = (width, in_scale) if i < 5 else (units, out_scale)
        natural = 3 / (60 * 60 * np.sqrt(depth) * from_scale)
        weight_scale = natural if plain else min(an_out_scale(rng, natural), most / 4096 / from_scale)
        inputs[i] = b.tensor([units, depth], weight_scale, 0, int8_values(rng, [units, depth], -127))
    for i in BIASES:
        values = rng.integers(-span, span, size=units).clip(-(1 << 31), (1 << 31) - 1).astype(np.int32)
        inputs[i] = b.tensor([units], in_scale / 100, 0, values, dtype="int32")
    inputs[HIDDEN] = b.tensor([batches, units], out_scale, zero_point, variable=True)
    power = -11 if plain else int(rng.choice([-11, -12, -13, -15, -rng.integers(0, 16)]))
    inputs[CELL] = b.tensor([batches, units], 2.0**power, 0, dtype="int16", variable=True)
    y = b.tensor([*outer, units], out_scale, zero_point)
    clip = 0.0 if plain else float(rng.choice([0, 0, 10, rng.uniform(0, 4)]))
    b.op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], fusedActivationFunction=TANH, cellClip=clip, timeMajor=time_major)
    return y, out_scale, zero_point, units
