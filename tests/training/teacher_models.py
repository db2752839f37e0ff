"""Small teachers that hear tones and noise, written as TensorFlow Lite, SavedModel and ONNX.

All compute the same: power in 160 Hz bins of frames of 100 samples, averaged, times a matrix, through a sigmoid.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

WINDOW = 4000
NAMES = ("Low tone, hum", "High tone, whistle", "Noise")
_FRAME, _BINS = 100, 50


def _matrices() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return cosine and sine (frame, bins), and the weights (bins, classes) and bias of the classes."""
    t, k = np.arange(_FRAME)[:, None], np.arange(_BINS)[None, :]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / _FRAME)[:, None] * np.ones((1, _BINS))
    angle = 2 * np.pi * t * k / _FRAME
    weights = np.zeros((_BINS, len(NAMES)))
    weights[1:6, 0] = weights[13:25, 1] = 0.5
    weights[30:48, 2] = 2.0
    weights[30:48, :2] = -2.0
    bias = np.full((1, len(NAMES)), -6.0)
    parts = (hann * np.cos(angle), hann * np.sin(angle), weights, bias)
    return tuple(p.astype(np.float32) for p in parts)  # type: ignore[return-value]


def _function(logits: bool, window: int | None) -> Any:
    import tensorflow as tf

    cosine, sine, weights, bias = _matrices()

    @tf.function(input_signature=[tf.TensorSpec((1, WINDOW) if window else (None,), tf.float32)])
    def score(samples: Any) -> Any:
        frames = tf.reshape(samples, (-1, _FRAME))
        power = tf.square(frames @ cosine) + tf.square(frames @ sine)
        out = tf.reduce_mean(power, axis=0, keepdims=True) @ weights + bias
        # A second output before the scores, as teachers have embeddings.
        return {"a_power": power, "scores": out if logits else tf.sigmoid(out)}

    return score


def write_tflite(path: Path, *, logits: bool = False) -> Path:
    import tensorflow as tf

    concrete = _function(logits, WINDOW).get_concrete_function()
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert())
    return path


def write_saved_model(path: Path) -> Path:
    """Write the model for any number of samples, (N,)."""
    import tensorflow as tf

    module = tf.Module()
    module.score = _function(False, None)
    tf.saved_model.save(module, str(path), signatures=module.score)
    return path


def write_onnx(path: Path, window: int = WINDOW) -> Path:
    """Write the same model as ONNX, opset 13: protocol buffers by the field numbers of the ONNX specification."""
    cosine, sine, weights, bias = _matrices()
    nodes = [
        ("Reshape", ["samples", "frames_shape"], "frames"),
        ("MatMul", ["frames", "cosine"], "re"),
        ("MatMul", ["frames", "sine"], "im"),
        ("Mul", ["re", "re"], "re2"),
        ("Mul", ["im", "im"], "im2"),
        ("Add", ["re2", "im2"], "power"),
        ("MatMul", ["mean", "power"], "averaged"),
        ("MatMul", ["averaged", "weights"], "weighted"),
        ("Add", ["weighted", "bias"], "logits"),
        ("Sigmoid", ["logits"], "scores"),
    ]
    frames = window // _FRAME
    constants = {"cosine": cosine, "sine": sine, "weights": weights, "bias": bias}
    constants["mean"] = np.full((1, frames), 1.0 / frames, np.float32)
    graph = b"".join(_bytes(1, _node(*one)) for one in nodes) + _bytes(2, b"teacher")
    graph += b"".join(_bytes(5, _tensor(name, value)) for name, value in constants.items())
    graph += _bytes(5, _tensor("frames_shape", np.array([frames, _FRAME], np.int64)))
    graph += _bytes(11, _value("samples", (1, window))) + _bytes(12, _value("scores", (1, len(NAMES))))
    model = _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13))
    path.write_bytes(model)
    return path


def _varint(n: int) -> bytes:
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    return b"".join(_bytes(1, i.encode()) for i in inputs) + _bytes(2, output.encode()) + _bytes(4, kind.encode())


def _tensor(name: str, value: np.ndarray) -> bytes:
    kind = 1 if value.dtype == np.float32 else 7
    dims = b"".join(_number(1, n) for n in value.shape)
    return dims + _number(2, kind) + _bytes(8, name.encode()) + _bytes(9, value.tobytes())


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_bytes(1, _number(1, n)) for n in shape)
    return _bytes(1, name.encode()) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, dims)))


def write_class_map(path: Path) -> Path:
    rows = [f'{i},/m/{i},"{name}"' for i, name in enumerate(NAMES)]
    path.write_text("\n".join(["index,mid,display_name", *rows]) + "\n")
    return path
