"""A TensorFlow Lite file as something that can be changed: its tensors and operators, by index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from soundsdk.errors import ModelError
from soundsdk_train.export import METADATA_NAME, aligned_buffer, serialise
from soundsdk_train.tf_runtime import StderrSilenced

Quant = tuple[float, int]  # scale and zero point
_OF_ONE = ("QUANTIZE", "DEQUANTIZE", "SOFTMAX", "LOGISTIC")  # the operators at the ends: of one input and one output


@dataclass(frozen=True)
class Form:
    """Describe a computed int8 tensor: its shape, scale and zero point."""

    shape: tuple[int, ...]
    quant: Quant


def _damaged(name: str) -> ModelError:
    return ModelError(f"{name} cannot be read: its tables are damaged.", "Convert the model again.")


def _indices(vector: Sequence[int] | None) -> list[int]:
    return [int(index) for index in vector] if vector is not None else []


class Network:
    """The one subgraph of a file. Raises ModelError for a file that has several, or cannot be read."""

    def __init__(self, file: bytes, name: str) -> None:
        with StderrSilenced():  # TensorFlow says what it was built for
            from tensorflow.lite.python import schema_py_generated as schema

        self._schema = schema
        try:
            self._model = schema.ModelT.InitFromPackedBuf(bytearray(file), 0)
            graphs = self._model.subgraphs
            assert len(graphs) >= 1
        except Exception as error:  # the generated code checks nothing, and fails in any way
            raise _damaged(name) from error
        if len(graphs) != 1:
            raise ModelError(
                f"{name} has {len(graphs)} subgraphs, and a detector has one.",
                "Convert one function of the model, and unroll recurrent layers.",
            )
        self._graph = graphs[0]
        self._names = {code: key for key, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
        self.inputs = _indices(self._graph.inputs)
        self.outputs = _indices(self._graph.outputs)
        self.operators: list[Any] = list(self._graph.operators or ())
        for op in self.operators:
            op.inputs, op.outputs = (np.array(_indices(part), np.int32) for part in (op.inputs, op.outputs))
        if not self._is_sound():
            raise _damaged(name)

    def _is_sound(self) -> bool:
        """Return whether all that the file names by a number is there: what the rest of this package relies on."""
        codes, buffers, tensors = self._model.operatorCodes or (), self._model.buffers or (), self._graph.tensors or ()
        types = {code for code in vars(self._schema.TensorType).values() if isinstance(code, int)}

        def there(indices: Sequence[int], lowest: int = 0) -> bool:
            return all(lowest <= index < len(tensors) for index in indices)

        for tensor in tensors:
            quantization = tensor.quantization
            scales, zeros = (quantization.scale, quantization.zeroPoint) if quantization is not None else (None, None)
            pairs = scales is None or (zeros is not None and len(zeros) == len(scales))
            if not (pairs and tensor.type in types and 0 <= tensor.buffer < len(buffers)):
                return False
        for op in self.operators:
            if not (0 <= op.opcodeIndex < len(codes) and there(op.inputs, -1) and there(op.outputs, -1)):
                return False  # -1: an operand that may be left out
            if self.kind(op) in _OF_ONE and not (len(op.inputs) == len(op.outputs) == 1 and there(op.inputs)):
                return False
        return there(self.inputs) and there(self.outputs)

    def kind(self, operator: Any) -> str:
        """Return an operator's name."""
        code = self._model.operatorCodes[operator.opcodeIndex]
        return str(self._names.get(max(code.builtinCode, code.deprecatedBuiltinCode), "unknown"))

    def type_of(self, tensor: int) -> str:
        """Return the name of a tensor's type: INT8, FLOAT32 ..."""
        kinds = {code: key for key, code in vars(self._schema.TensorType).items() if isinstance(code, int)}
        return str(kinds[self._graph.tensors[tensor].type])

    def form(self, tensor: int) -> Form:
        """Return what an int8 tensor is; ModelError if it is another or has no scale."""
        one = self._graph.tensors[tensor]
        quantization = one.quantization
        scales = quantization.scale if quantization is not None else None
        if self.type_of(tensor) != "INT8" or scales is None or len(scales) != 1:
            raise ModelError(
                f"the model's tensor {tensor} is {self.type_of(tensor)}, and a detector computes in int8.",
                "Convert the model with full integer quantization and a representative dataset.",
            )
        shape = tuple(int(size) for size in one.shape) if one.shape is not None else ()
        return Form(shape, (float(scales[0]), int(quantization.zeroPoint[0])))

    def readers(self, tensor: int) -> list[Any]:
        """Return the operators that read a tensor."""
        return [op for op in self.operators if tensor in op.inputs]

    def writer(self, tensor: int) -> Any | None:
        """Return the operator that computes a tensor; None for an input or a constant."""
        return next((op for op in self.operators if tensor in op.outputs), None)

    def remove(self, operator: Any) -> None:
        """Take an operator out."""
        self.operators = [op for op in self.operators if op is not operator]

    def redirect(self, old: int, new: int) -> None:
        """Let all that read one tensor read another."""
        for op in self.readers(old):
            op.inputs = np.array([new if t == old else t for t in op.inputs], np.int32)

    def tensor(self, form: Form) -> int:
        """Add a computed tensor."""
        one = self._schema.TensorT()
        one.type, one.shape, one.buffer = self._schema.TensorType.INT8, list(form.shape), 0
        one.quantization = self._schema.QuantizationParametersT()
        one.quantization.scale, one.quantization.zeroPoint = [form.quant[0]], [form.quant[1]]
        return self._add(one)

    def ints(self, values: Sequence[int]) -> int:
        """Add a constant vector of int32."""
        one, buffer = self._schema.TensorT(), self._schema.BufferT()
        one.type, one.shape, one.buffer = self._schema.TensorType.INT32, [len(values)], len(self._model.buffers)
        buffer.data = np.frombuffer(np.asarray(values, "<i4").tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._add(one)

    def _add(self, tensor: Any) -> int:
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operator(self, kind: str, inputs: Sequence[int], output: int, options: str = "", **fields: Any) -> Any:
        """Return a new operator, which is in no list yet. options: the class of its options."""
        code = self._schema.OperatorCodeT()
        code.builtinCode = getattr(self._schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        self._model.operatorCodes.append(code)
        op = self._schema.OperatorT()
        op.opcodeIndex = len(self._model.operatorCodes) - 1
        op.inputs, op.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        if options:
            op.builtinOptionsType = getattr(self._schema.BuiltinOptions, options)
            op.builtinOptions = getattr(self._schema, f"{options}T")()
            for key, value in fields.items():
                assert hasattr(op.builtinOptions, key), key
                setattr(op.builtinOptions, key, value)
        return op

    def pack(self, metadata: dict[str, Any]) -> bytes:
        """Return the file with these metadata, and without names, signatures and what nothing reads."""
        graph, model = self._graph, self._model
        self._drop_unused()
        graph.inputs, graph.outputs, graph.name = self.inputs, self.outputs, None
        graph.operators = self.operators
        buffers, places = [aligned_buffer(self._schema, None)], {b"": 0}  # buffer 0 is empty by convention
        for tensor in graph.tensors:
            tensor.name = tensor.shapeSignature = None
            data = model.buffers[tensor.buffer].data
            content = b"" if data is None else bytes(data)
            if content not in places:
                places[content] = len(buffers)
                buffers.append(aligned_buffer(self._schema, content))
            tensor.buffer = places[content]
        entry = self._schema.MetadataT()
        entry.name, entry.buffer = METADATA_NAME, len(buffers)
        text = json.dumps(metadata, separators=(",", ":"), ensure_ascii=True)
        buffers.append(aligned_buffer(self._schema, text.encode("ascii")))
        model.buffers, model.metadata, model.metadataBuffer = buffers, [entry], None
        model.signatureDefs, model.description = None, METADATA_NAME
        return serialise(model)

    def _drop_unused(self) -> None:
        """Take out tensors that nothing names."""
        named = {*self.inputs, *self.outputs}
        for op in self.operators:
            op.intermediates = None
            named |= {int(t) for t in (*op.inputs, *op.outputs) if t >= 0}
        kept = sorted(named)
        places = {old: new for new, old in enumerate(kept)} | {-1: -1}
        self._graph.tensors = [self._graph.tensors[old] for old in kept]
        for op in self.operators:
            op.inputs = np.array([places[int(t)] for t in op.inputs], np.int32)
            op.outputs = np.array([places[int(t)] for t in op.outputs], np.int32)
        self.inputs = [places[t] for t in self.inputs]
        self.outputs = [places[t] for t in self.outputs]
