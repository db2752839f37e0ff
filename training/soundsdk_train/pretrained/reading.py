"""The network in a detector file, read back: the form of the CRNN and its weights as real numbers.

The file holds the step that crnn_step.py writes and export.py packs, with batch normalisation folded in. Weights are
int8 with a scale per output channel: real value = scale * (value - zero point). Biases are int32 in the scale of the
products that they are added to, input's times kernel's. What is lost is half a step of a weight at most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.detector_file import DetectorFile
from soundsdk.errors import ModelError
from soundsdk_train.crnn import plan
from soundsdk_train.crnn_step import Weights, spec
from soundsdk_train.run_settings import FrontendSettings, ModelSettings, frontend_of
from soundsdk_train.tf_runtime import StderrSilenced

F32 = NDArray[np.float32]
_WHAT_NEXT = "Give a detector that `soundsdk train` made, or use --from none."


@dataclass
class DetectorNetwork:
    """The network in a detector file. form has the file's head and attention; weights are float32."""

    detector: DetectorFile
    form: ModelSettings
    frontend: FrontendSettings
    weights: Weights

    def origin(self) -> dict[str, str]:
        """Return name, SHA-256 and licence of the detector, for the provenance of one that was trained from it."""
        licence = str(self.detector.metadata.get("provenance", {}).get("licence", ""))
        digest = hashlib.sha256(self.detector.data).hexdigest()
        return {"name": self.detector.name, "sha256": digest, "licence": licence}


@dataclass
class _Convolution:
    """One convolution of the graph: kernel (h, w, in, out) or, if depthwise, (h, w, channels, 1), and bias (out)."""

    kernel: F32
    bias: F32
    stride: tuple[int, int]
    depthwise: bool
    reads: int  # tensors of the graph
    writes: int


def read_network(detector: DetectorFile) -> DetectorNetwork:
    """Read the network of a detector; ModelError if it is not of the form that `soundsdk train` makes."""
    with StderrSilenced():  # TensorFlow lists at length which libraries it looked for
        from tensorflow.lite.python import schema_py_generated as schema

    try:
        model = schema.ModelT.InitFromPackedBuf(bytearray(detector.data), 0)
        graph = model.subgraphs[0]
        metadata = detector.metadata
        frontend = frontend_of(metadata)
        convolutions = list(_convolutions(schema, model, graph))
        state = int(graph.inputs[metadata["states"][-1][0]])
        scores, attention = (int(graph.outputs[metadata[name]]) for name in ("scores", "attention"))
        units = int(graph.tensors[state].shape[-1])
        # Head and recurrent layer are found by what they read and write, whatever the converter's order.
        head = {c.writes: c for c in convolutions if c.writes in (scores, attention)}
        recurrent = [c for c in convolutions if c.reads == state]
        encoder = [c for c in convolutions if c.reads != state and c.writes not in head]
        given = [c for c in encoder if c.reads == encoder[-1].reads]  # the input's share of the gates
        encoder = encoder[: -len(given)]
        form = _form(encoder, units, metadata, head[attention].bias.size)
        weights = Weights(
            [(c.kernel, c.bias) for c in encoder],
            *_gates(given, units),
            *_gates(recurrent, units),
            _dense(head[scores]),
            _dense(head[attention]),
        )
        _check_shapes(weights, form, frontend.width, len(metadata["labels"]))
    except (ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the network of {detector.path} is not one to train from ({error}).", _WHAT_NEXT) from error
    return DetectorNetwork(detector, form, frontend, weights)


def _convolutions(schema: Any, model: Any, graph: Any) -> Iterator[_Convolution]:
    kinds = schema.BuiltinOperator
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind not in (kinds.CONV_2D, kinds.DEPTHWISE_CONV_2D):
            continue
        reads, kernel, bias = (int(i) for i in operator.inputs)
        depthwise = kind == kinds.DEPTHWISE_CONV_2D
        scale = np.asarray(graph.tensors[kernel].quantization.scale, np.float64)
        values = _weights(model, graph.tensors[kernel], scale)
        # Stored as (out, h, w, in) and, depthwise, as (1, h, w, channels).
        values = values.transpose(1, 2, 3, 0)
        options = operator.builtinOptions
        yield _Convolution(
            np.ascontiguousarray(values),
            (_stored(model, graph.tensors[bias], "<i4") * scale * _one(graph.tensors[reads])).astype(np.float32),
            (options.strideH, options.strideW),
            depthwise,
            reads,
            int(operator.outputs[0]),
        )


def _stored(model: Any, tensor: Any, kind: str) -> NDArray[Any]:
    """Return a constant tensor's integers, of the NumPy type kind."""
    return np.frombuffer(bytes(model.buffers[tensor.buffer].data), kind).reshape(tensor.shape)


def _one(tensor: Any) -> float:
    """Return the only scale of a tensor that has values at run time."""
    (scale,) = tensor.quantization.scale
    return float(scale)


def _weights(model: Any, tensor: Any, scale: NDArray[np.float64]) -> F32:
    """Return the real values of a kernel, dequantised per channel where it has a scale per channel."""
    stored = _stored(model, tensor, "<i1")
    zero = np.asarray(tensor.quantization.zeroPoint, np.float64)
    along = [1] * stored.ndim
    if scale.size > 1:
        along[tensor.quantization.quantizedDimension] = scale.size
    return (scale.reshape(along) * (stored - zero.reshape(along))).astype(np.float32)


def _form(encoder: list[_Convolution], units: int, metadata: dict[str, Any], attentions: int) -> ModelSettings:
    """Return the settings that give these convolutions: a stem, blocks of two, one over the bands."""
    stem, blocks, bands = encoder[0], encoder[1:-1], encoder[-1]
    depthwise, pointwise = blocks[0::2], blocks[1::2]
    if len(depthwise) != len(pointwise) or not depthwise or not bands.depthwise or stem.depthwise:
        raise ValueError(f"it has {len(encoder)} convolutions that are no stem and blocks")
    return ModelSettings(
        head=metadata["head"],
        attention="class" if attentions == len(metadata["labels"]) and attentions > 1 else "shared",
        stem_filters=stem.bias.size,
        stem_kernel=list(stem.kernel.shape[:2]),
        stem_stride=list(stem.stride),
        blocks=[[p.bias.size, *d.stride] for d, p in zip(depthwise, pointwise, strict=True)],
        block_kernel=list(depthwise[0].kernel.shape[:2]),
        gru_units=units,
    )


def _gates(parts: list[_Convolution], units: int) -> tuple[F32, F32]:
    """Join the convolutions of the gates, z and r in one and n in the other, to (inputs, 3 units) and (3 units)."""
    zr, n = sorted(parts, key=lambda c: -c.bias.size)
    if (zr.bias.size, n.bias.size) != (2 * units, units):
        raise ValueError(f"its gates have {zr.bias.size} and {n.bias.size} values for {units} units")
    return np.concatenate([zr.kernel[0, 0], n.kernel[0, 0]], 1), np.concatenate([zr.bias, n.bias])


def _dense(convolution: _Convolution) -> tuple[F32, F32]:
    return convolution.kernel[0, 0], convolution.bias


def _check_shapes(weights: Weights, form: ModelSettings, width: int, classes: int) -> None:
    """Raise ValueError unless the form gives convolutions of just these shapes and classes."""
    shape = spec(form, width, classes)
    layers = plan(form, width)
    for layer, (kernel, bias) in zip(layers, weights.convs, strict=True):
        last = (layer.channels_in, 1) if layer.kind == "depthwise" else (layer.channels_in, layer.channels_out)
        if kernel.shape != (*layer.kernel, *last) or bias.shape != (layer.channels_out,):
            raise ValueError(f"{layer.name} has the shape {kernel.shape}")
    if weights.gru_input.shape != (layers[-1].channels_out, 3 * form.gru_units):
        raise ValueError(f"its recurrent layer has the shape {weights.gru_input.shape}")
    if (weights.scores[1].size, weights.attention[1].size) != (shape.classes, shape.attentions):
        raise ValueError(f"it has {weights.scores[1].size} scores for {classes} labels")
