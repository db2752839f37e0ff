"""Builds small .tflite files for the tests, from the official schema's Python classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

# Operators whose table of options is not named after them.
_OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2D", "MAX_POOL_2D": "Pool2D", "MEAN": "Reducer",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}  # fmt: skip


def _options(name: str) -> Any:
    """Return the class of an operator's options, None where it has none."""
    words = "".join(word.capitalize() for word in name.split("_")).replace("2d", "2D")
    return getattr(schema, f"{_OPTIONS.get(name, words)}OptionsT", None)


_TYPES = {
    "int8": schema.TensorType.INT8, "int16": schema.TensorType.INT16, "int32": schema.TensorType.INT32,
    "float32": schema.TensorType.FLOAT32,
}  # fmt: skip
ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
TANH = 4  # fused into an LSTM only
SAME, VALID = 0, 1


class ModelBuilder:
    """One graph: make tensors, chain operators, then build()."""

    def __init__(self) -> None:
        self._buffers = [schema.BufferT()]
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: list[str] = []

    def tensor(
        self,
        shape: Sequence[int],
        scale: float | np.ndarray | None = None,
        zero_point: int = 0,
        data: np.ndarray | None = None,
        dtype: str = "int8",
        axis: int = 0,
        variable: bool = False,
    ) -> int:
        """Add a tensor and return its index. An array of scales makes it per channel along axis; data constant."""
        buffer = schema.BufferT()
        if data is not None:
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
        self._buffers.append(buffer)
        tensor = schema.TensorT()
        tensor.name = f"t{len(self._tensors)}"
        tensor.type = _TYPES[dtype]
        tensor.shape = list(shape)
        tensor.buffer = len(self._buffers) - 1
        tensor.isVariable = variable
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            quantization = schema.QuantizationParametersT()
            quantization.scale = scales.tolist()
            quantization.zeroPoint = [zero_point] * len(scales)
            quantization.quantizedDimension = axis
            tensor.quantization = quantization
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    def ints(self, values: Sequence[int] | np.ndarray) -> int:
        """Return a constant int32 vector, as axes, shapes and slices are given."""
        array = np.asarray(values, np.int32)
        return self.tensor(array.shape, data=array, dtype="int32")

    def op(self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> None:
        """Add an operator. Options are named as in the schema's Python classes (strideW, axis …)."""
        options_class = _options(name)
        if name not in self._codes:
            self._codes.append(name)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes.index(name)
        operator.inputs = list(inputs)
        operator.outputs = list(outputs)
        if options_class is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options_class.__name__[:-1])
            operator.builtinOptions = options_class()
            for key, value in options.items():
                assert hasattr(operator.builtinOptions, key), key
                setattr(operator.builtinOptions, key, value)
        self._operators.append(operator)

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Shape of a tensor made earlier."""
        return tuple(self._tensors[tensor].shape)

    def build(self, inputs: Sequence[int], outputs: Sequence[int], metadata: dict[str, bytes] | None = None) -> bytes:
        """Return the file's bytes."""
        graph = schema.SubGraphT()
        graph.tensors = self._tensors
        graph.operators = self._operators
        graph.inputs = list(inputs)
        graph.outputs = list(outputs)
        model = schema.ModelT()
        model.version = 3
        model.subgraphs = [graph]
        model.buffers = list(self._buffers)
        model.operatorCodes = []
        for name in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode = getattr(schema.BuiltinOperator, name)
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            code.version = 1
            model.operatorCodes.append(code)
        if metadata:
            model.metadata = []
            for key, content in metadata.items():
                buffer = schema.BufferT()
                buffer.data = np.frombuffer(content, np.uint8)
                model.buffers.append(buffer)
                entry = schema.MetadataT()
                entry.name = key
                entry.buffer = len(model.buffers) - 1
                model.metadata.append(entry)
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
