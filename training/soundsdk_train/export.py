"""The detector file: an INT8 .tflite with the `soundsdk` metadata, written only if every engine agrees on it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.detector_file import FEATURE_SCALE, DetectorFile, from_bytes
from soundsdk.errors import CheckError, ModelError
from soundsdk_train.crnn_step import StepSpec
from soundsdk_train.judge import Judge, choose_judge

METADATA_NAME = "soundsdk"
_MOST_SCALE = 1000.0  # of a tensor: an int8 of 127,000, where a trained network has tens
_OTHER_VERSION = "Use a TensorFlow version that training/README.md names."


def pack_detector(converted: bytes, shape: StepSpec, metadata: dict[str, Any]) -> bytes:
    """Strip the converter's file and add the metadata.

    Inputs become (features, states…), outputs (scores, attention, states…). Names, signatures, statistics,
    unused buffers and the scales of biases are removed: the runtime needs none of them. Raises CheckError if a
    state's scales differ or the features are not in scale 1/32 with zero point 0.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(converted), 0)
    if len(model.subgraphs) != 1:
        raise CheckError("the converter made more than one subgraph.", "Report this with the versions in run.json.")
    graph = model.subgraphs[0]
    graph.inputs = _ordered(graph, graph.inputs, model.signatureDefs[0].inputs)
    graph.outputs = _ordered(graph, graph.outputs, model.signatureDefs[0].outputs)
    _check_quantization(graph, shape)

    model.signatureDefs = None
    model.description = METADATA_NAME
    graph.name = None
    used: dict[bytes, int] = {}
    buffers = [aligned_buffer(schema, None)]  # buffer 0 is empty by convention
    for tensor in graph.tensors:
        tensor.name = None
        tensor.shapeSignature = None
        if tensor.quantization is not None:
            tensor.quantization.min = tensor.quantization.max = None
        data = model.buffers[tensor.buffer].data
        if data is None or len(data) == 0:
            tensor.buffer = 0
            continue
        content = bytes(data)
        if content not in used:
            used[content] = len(buffers)
            buffers.append(aligned_buffer(schema, content))
        tensor.buffer = used[content]
        if tensor.type == schema.TensorType.INT32:
            # A bias's scale is that of its input times that of its kernel: 12 bytes a channel, an eighth of a file.
            tensor.quantization = None
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, len(buffers)
    text = json.dumps(metadata, separators=(",", ":"), ensure_ascii=True)
    buffers.append(aligned_buffer(schema, text.encode("ascii")))
    model.buffers, model.metadata, model.metadataBuffer = buffers, [entry], None
    return serialise(model)


def tensor_map(shape: StepSpec, hop_frames: int) -> dict[str, Any]:
    """Return the metadata's map of the model's tensors, as pack_detector orders them."""
    return {
        "hop_frames": hop_frames,
        "features": 0,
        "scores": 0,
        "attention": 1,
        "states": [[1 + i, 2 + i] for i in range(len(shape.states))],
    }


def verify(file: bytes, clips: Sequence[NDArray[np.int8]], judge: Judge | None = None) -> int:
    """Run a judge (default: choose_judge's) and soundcore step by step on clips and compare all outputs.

    clips: int8 features (frames, width). Returns the number of steps compared; CheckError if any output byte differs.
    """
    import soundcore

    judge = judge or choose_judge()
    official = judge.open(file)
    try:
        ours = soundcore.Model(file)
    except soundcore.Error as error:
        raise CheckError(f"soundcore refuses the model: {error}.", "Nothing was written.") from error
    assert ours.metadata is not None
    metadata = json.loads(ours.metadata)
    hop, pairs = metadata["hop_frames"], metadata["states"]
    shape = ours.input_shape(metadata["features"])
    zero = [(i, np.full(ours.input_shape(i), ours.input_quant(i)[1], np.int8)) for i, _ in pairs]
    steps = 0
    for number, clip in enumerate(clips):
        states = dict(zero)
        for at in range(0, len(clip) - hop + 1, hop):
            inputs = {metadata["features"]: clip[at : at + hop].reshape(shape), **states}
            for i, values in inputs.items():
                official.set_input(values, i)
                np.asarray(ours.input(i))[:] = values.reshape(-1)
            official.invoke()
            ours.invoke()
            steps += 1
            for o in range(ours.outputs):
                expected = official.get_output(o)
                got = np.frombuffer(ours.output(o), np.int8)
                if not np.array_equal(expected.reshape(-1), got):
                    where = int(np.flatnonzero(expected.reshape(-1) != got)[0])
                    raise CheckError(
                        f"{judge.name} and soundcore differ on clip {number}, step {at // hop}, output {o}, "
                        f"byte {where}: {expected.reshape(-1)[where]} and {got[where]}.",
                        "Nothing was written. Report this with run.json and the settings.",
                    )
            states = {i: official.get_output(o) for i, o in pairs}
    return steps


def check_by_rules(file: bytes, name: str) -> DetectorFile:
    """Return the trained detector as every verb will read it; CheckError if the firmware would not start with it."""
    try:
        return from_bytes(file, name)
    except ModelError as error:
        raise CheckError(
            f"the trained detector would not start on a board: {error.message}",
            "Nothing was written; the checkpoint is kept. Correct the settings.",
        ) from error


def _ordered(graph: Any, indices: Sequence[int], maps: Sequence[Any]) -> list[int]:
    """Return the tensor indices in the order of the step, found by the names of the signature."""

    def key(name: str) -> tuple[int, int]:
        if name == "features":
            return -1, 0
        match = re.fullmatch(r"(?:state|output_)(\d+)", name)
        if match is None:
            raise CheckError(f"the converter named a tensor {name!r}.", _OTHER_VERSION)
        return 0, int(match[1])

    named = {m.name.decode() if isinstance(m.name, bytes) else m.name: m.tensorIndex for m in maps}
    ordered = [named[name] for name in sorted(named, key=key)]
    if sorted(ordered) != sorted(indices):
        raise CheckError("the converter merged inputs or outputs of the step.", _OTHER_VERSION)
    return ordered


def _check_quantization(graph: Any, shape: StepSpec) -> None:
    def quant(index: int) -> tuple[float, int]:
        q = graph.tensors[index].quantization
        return float(q.scale[0]), int(q.zeroPoint[0])

    for tensor in graph.tensors:
        scales = tensor.quantization.scale if tensor.quantization is not None else None
        for scale in scales if scales is not None else ():
            if not 0.0 < float(scale) <= _MOST_SCALE:
                raise CheckError(
                    f"the network's numbers are out of proportion: a tensor has the scale {float(scale):g}. Nothing "
                    "was written.",
                    "Training has diverged: lower train.learning_rate. The checkpoint is kept.",
                )
    if quant(graph.inputs[0]) != (FEATURE_SCALE, 0):
        raise CheckError(
            f"the features were quantised as {quant(graph.inputs[0])}, not as (1/32, 0).", "Add clips to calibrate on."
        )
    for i in range(len(shape.states)):
        before, after = quant(graph.inputs[1 + i]), quant(graph.outputs[2 + i])
        if before != after:
            raise CheckError(f"state {i} enters as {before} and leaves as {after}.", _OTHER_VERSION)


def aligned_buffer(schema: Any, content: bytes | None) -> Any:
    """Return a buffer aligned to 16 bytes, which the schema demands and the generated code omits."""

    class Aligned(schema.BufferT):
        def Pack(self, builder: Any) -> Any:
            data = None
            if self.data is not None:
                builder.StartVector(1, len(self.data), 16)
                builder.head -= len(self.data)
                builder.Bytes[builder.head : builder.head + len(self.data)] = self.data
                data = builder.EndVector()
            schema.BufferStart(builder)
            if data is not None:
                schema.BufferAddData(builder, data)
            return schema.BufferEnd(builder)

    buffer = Aligned()
    buffer.data = content
    return buffer


def serialise(model: Any) -> bytes:
    """Return the file of a model in the schema's Python classes."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
