"""The operators of a model as soundcore reads them, and the kernels each one calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_COPY = "sc_kernels_copy"
# Operator: its kernel, which it calls once; some are copies, called as often as soundcore says.
_KERNEL = {
    "CONV_2D": "sc_kernels_conv",
    "FULLY_CONNECTED": "sc_kernels_conv",
    "DEPTHWISE_CONV_2D": "sc_kernels_depthwise",
    "ADD": "sc_kernels_add",
    "SUB": "sc_kernels_add",
    "MUL": "sc_kernels_mul",
    "LOGISTIC": "sc_kernels_logistic",
    "TANH": "sc_kernels_tanh",
    "QUANTIZE": "sc_kernels_quantize",
    "SOFTMAX": "sc_kernels_softmax",
    "MEAN": "sc_kernels_mean",
    "MAX_POOL_2D": "sc_kernels_max_pool",
    "AVERAGE_POOL_2D": "sc_kernels_average_pool",
}
_FILL = "sc_kernels_fill"  # PAD: before its copy
KERNELS = (*dict.fromkeys(_KERNEL.values()), _COPY, _FILL)


@dataclass(frozen=True)
class Operator:
    """One operator. shape: of its output; macs: of one run; kernels: calls of a kernel, 0 where nothing is to do."""

    name: str
    shape: tuple[int, ...]
    macs: int
    kernels: int


def read(data: bytes) -> list[Operator]:
    """The operators of a .tflite that soundcore accepts, in the order they run."""
    import soundcore

    return [Operator(*row) for row in soundcore.operators(data)]


def kernel_calls(operators: Sequence[Operator]) -> list[tuple[int, str]]:
    """(operator, kernel) for every call in one run of the model."""
    calls = []
    for index, operator in enumerate(operators):
        kernel = _KERNEL.get(operator.name, _COPY)
        for i in range(operator.kernels):
            calls.append((index, _FILL if operator.name == "PAD" and i == 0 else kernel))
    return calls
