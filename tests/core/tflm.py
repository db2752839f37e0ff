"""The official interpreter, which decides what is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import soundcore
from tflite_micro import runtime

Rng = np.random.Generator


def interpreter(buf: bytes, arena_size: int = 1 << 20) -> Any:
    """TensorFlow Lite Micro on a model; RuntimeError when it refuses it."""
    return runtime.Interpreter.from_bytes(buf, arena_size=arena_size)


def random_inputs(model: soundcore.Model, rng: Rng) -> list[np.ndarray]:
    """Full-range int8 values for every input."""
    shapes = [model.input_shape(i) for i in range(model.inputs)]
    return [rng.integers(-128, 128, size=shape, dtype=np.int8) for shape in shapes]


def differences(model: soundcore.Model, reference: Any, inputs: list[np.ndarray]) -> list[str]:
    """Run both once and return a line for each output that is not equal to the byte."""
    for i, values in enumerate(inputs):
        model.input(i)[:] = values.ravel()
        reference.set_input(values, i)
    model.invoke()
    reference.invoke()
    lines = []
    for i in range(model.outputs):
        ours = np.frombuffer(model.output(i), np.int8).astype(int)
        theirs = reference.get_output(i).ravel().astype(int)
        wrong = np.flatnonzero(ours != theirs)
        if len(wrong):
            at = wrong[0]
            lines.append(f"output {i}: {len(wrong)} of {len(ours)} differ; [{at}]: {ours[at]} for {theirs[at]}")
    return lines
