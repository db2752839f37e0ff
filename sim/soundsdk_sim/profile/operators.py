"""The operators of a model as soundcore reads them, and the calls of the core's functions that compute them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Operator:
    """One operator.

    shape: of its output; macs: of one run of the model; function: of the core, which computes it; kernels: calls of
    that function, 0 where nothing is to do.
    """

    name: str
    shape: tuple[int, ...]
    macs: int
    function: str
    kernels: int


def read(data: bytes) -> list[Operator]:
    """Return the operators of a .tflite that soundcore accepts, in the order they run."""
    import soundcore

    return [Operator(*row) for row in soundcore.operators(data)]


def kernel_calls(operators: Sequence[Operator]) -> list[tuple[int, str]]:
    """Return (operator, function) for every call in one run of the model."""
    return [(index, operator.function) for index, operator in enumerate(operators) for _ in range(operator.kernels)]
