"""Models in files that score a window of sound: TensorFlow Lite, ONNX or SavedModel, behind one call.

Such a model takes one float32 tensor of samples in -1..1, (N,) or (1, N), and gives float32 scores, (classes,)
or (frames, classes), of which the mean over the frames is taken. YAMNet is one: (1, 15600) at 16 kHz, 521 classes.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import ModelError, UsageError
from soundsdk.install.packages import need
from soundsdk_train.tf_runtime import StderrSilenced

F32 = NDArray[np.float32]

_TFLITE_MAGIC = b"TFL3"  # at byte 4, the file identifier of TensorFlow Lite's schema
_KINDS = "A teacher is a .tflite file, an .onnx file or a SavedModel folder that takes samples of sound"


@dataclass
class WaveformModel:
    """A model of one window of sound. run: float32 (window_samples,) in -1..1 -> float32 (classes,)."""

    path: Path
    window_samples: int
    classes: int
    run: Callable[[F32], F32]


@dataclass
class _Tensor:
    """Name, shape (None where any size will do) and type of an input or output."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        sizes = ", ".join("any" if n is None else str(n) for n in self.shape)
        return f"{self.dtype} ({sizes})"


@dataclass
class _Opened:
    """A loaded file. call: samples shaped as the input wants -> all outputs, in the order of `outputs`."""

    inputs: list[_Tensor]
    outputs: list[_Tensor]
    call: Callable[[F32], Sequence[Any]]


def open_waveform_model(path: str | Path, *, window_samples: int, classes: int | None = None) -> WaveformModel:
    """Load a model of sound and check its input and outputs.

    window_samples: for a model that takes any length. classes: how many the scores must have; the first output with so
    many is used; None takes the first output. Raises ModelError if the file is no such model,
    MissingPackageError if the package that runs it is not installed.
    """
    path = Path(path)
    opened = _open(path)
    rows, window = _input_form(path, opened.inputs, window_samples)
    silence = np.zeros((1, window) if rows else (window,), np.float32)
    try:
        results = [np.asarray(out) for out in opened.call(silence)]
    except Exception as error:
        raise ModelError(
            f"the teacher {path} fails on {window} samples: {_first_line(error)}.", f"{_KINDS}."
        ) from error
    index = _scores_output(path, opened.outputs, results, classes)

    def run(samples: F32) -> F32:
        scores = np.asarray(opened.call(samples[None] if rows else samples)[index], np.float32)
        return np.asarray(scores.reshape(-1, scores.shape[-1]).mean(axis=0), np.float32)

    return WaveformModel(path, window, results[index].shape[-1], run)


def _open(path: Path) -> _Opened:
    if not path.exists():
        raise ModelError(f"there is no teacher {path}.", "Check the path.")
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise ModelError(f"the folder {path} is no SavedModel: it lacks saved_model.pb.", f"{_KINDS}.")
        opener = _open_saved_model
    elif path.suffix.lower() == ".onnx":
        opener = _open_onnx
    else:
        try:
            with path.open("rb") as file:
                head = file.read(8)
        except OSError as error:
            raise ModelError(f"the teacher {path} cannot be read: {error.strerror or error}.", "Check it.") from error
        if head[4:8] != _TFLITE_MAGIC:
            raise ModelError(f"{path} is not a model that can teach.", f"{_KINDS}.")
        opener = _open_tflite
    try:
        return opener(path)
    except (ModelError, UsageError):
        raise
    except Exception as error:
        raise ModelError(f"the teacher {path} cannot be loaded: {_first_line(error)}.", f"{_KINDS}.") from error


def _open_tflite(path: Path) -> _Opened:
    """Load with LiteRT if it is installed, else with the interpreter inside TensorFlow."""
    with StderrSilenced(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow announces that its interpreter moves to LiteRT
        if importlib.util.find_spec("ai_edge_litert"):
            from ai_edge_litert.interpreter import Interpreter
        else:
            import tensorflow as tf

            Interpreter = tf.lite.Interpreter
        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()

    def tensors(details: Sequence[dict[str, Any]]) -> list[_Tensor]:
        out = []
        for one in details:
            sizes = one.get("shape_signature", one["shape"])
            shape = tuple(None if n < 0 else int(n) for n in sizes)
            out.append(_Tensor(one["name"], shape, np.dtype(one["dtype"]).name))
        return out

    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()

    def call(samples: F32) -> list[Any]:
        entry = inputs[0]["index"]
        if tuple(interpreter.get_input_details()[0]["shape"]) != samples.shape:
            interpreter.resize_tensor_input(entry, samples.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(entry, samples)
        interpreter.invoke()
        return [interpreter.get_tensor(out["index"]) for out in outputs]

    return _Opened(tensors(inputs), tensors(outputs), call)


def _open_onnx(path: Path) -> _Opened:
    need("an ONNX teacher", "onnx")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # failures are raised; the log would say them twice
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def tensors(nodes: Sequence[Any]) -> list[_Tensor]:
        out = []
        for one in nodes:
            shape = tuple(n if isinstance(n, int) else None for n in one.shape or ())
            kind = one.type.removeprefix("tensor(").removesuffix(")")
            out.append(_Tensor(one.name, shape, "float32" if kind == "float" else kind))
        return out

    inputs, outputs = tensors(session.get_inputs()), tensors(session.get_outputs())

    def call(samples: F32) -> Sequence[Any]:
        result: Sequence[Any] = session.run(None, {inputs[0].name: samples})
        return result

    return _Opened(inputs, outputs, call)


def _open_saved_model(path: Path) -> _Opened:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with StderrSilenced():
        import tensorflow as tf

        loaded = tf.saved_model.load(str(path))
    if "serving_default" not in loaded.signatures:
        raise ModelError(f"the SavedModel {path} has no signature serving_default.", "Save it with one.")
    function = loaded.signatures["serving_default"]

    def tensor(name: str, spec: Any) -> _Tensor:
        shape = tuple(spec.shape.as_list()) if spec.shape.rank is not None else (None,)
        return _Tensor(name, shape, spec.dtype.name)

    arguments = function.structured_input_signature[1]
    inputs = [tensor(name, spec) for name, spec in arguments.items()]
    # The order of the dictionary is not that of any file.
    outputs = [tensor(name, spec) for name, spec in sorted(function.structured_outputs.items())]

    def call(samples: F32) -> list[Any]:
        result = function(**{inputs[0].name: tf.constant(samples)})
        return [result[out.name].numpy() for out in outputs]

    call.loaded = loaded  # type: ignore[attr-defined]  # its variables live only as long as this
    return _Opened(inputs, outputs, call)


def _input_form(path: Path, inputs: Sequence[_Tensor], default: int) -> tuple[bool, int]:
    """Return whether the input has a batch axis, and how many samples it takes."""
    if len(inputs) != 1:
        raise ModelError(f"the teacher {path} has {len(inputs)} inputs instead of one.", f"{_KINDS}.")
    only = inputs[0]
    shape = only.shape
    if only.dtype != "float32" or len(shape) not in (1, 2) or (len(shape) == 2 and shape[0] not in (None, 1)):
        raise ModelError(
            f"the teacher {path} takes {only}, not samples of sound.", f"{_KINDS}: float32 (1, N), in -1..1."
        )
    window = shape[-1] or default
    if window < 2:
        raise ModelError(f"the teacher {path} takes {only}: a single number.", f"{_KINDS}: float32 (1, N), in -1..1.")
    return len(shape) == 2, window


def _scores_output(path: Path, outputs: Sequence[_Tensor], results: Sequence[NDArray[Any]], classes: int | None) -> int:
    """Return the index of the output with the scores."""
    for i, result in enumerate(results):
        usable = result.dtype == np.float32 and result.ndim >= 1 and result.size > 0
        if usable and (classes is None or result.shape[-1] == classes):
            return i
    has = " and ".join(f"{o.name} of {r.dtype.name} {r.shape}" for o, r in zip(outputs, results, strict=True))
    wanted = "float32 scores" if classes is None else f"float32 scores of {classes} classes, as its class map names"
    raise ModelError(f"the teacher {path} gives no {wanted}: {has}.", "Give the class map that belongs to it.")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
