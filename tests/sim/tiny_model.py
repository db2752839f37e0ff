"""A detector of two tones, built by hand: one convolution over the features, no training, no TensorFlow.

`high` listens around 3.1 kHz, `low` around 500 Hz: the mean of three mel bands minus the mean of all.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from core.tflite_builder import VALID, ModelBuilder

FRAMES, BANDS = 8, 40
LABELS = ("high", "low")
BURSTS = [(1.0, 2.0, "high"), (4.0, 5.5, "low"), (7.0, 8.0, "high")]  # (onset, offset, label), s
HZ = {"high": 3100.0, "low": 500.0}
_OUTPUT_SCALE = 0.25


def metadata(**changes: Any) -> dict[str, Any]:
    one = {"on": 600, "off": 400, "min_ms": 256, "hold_ms": 500}
    return {
        "soundsdk": 1,
        "name": "tones",
        "labels": list(LABELS),
        "head": "sigmoid",
        "frontend": {
            "version": 1,
            "rate_hz": 16000,
            "window": 512,
            "hop": 256,
            "fft": 512,
            "bands": BANDS,
            "low_hz": 60,
            "high_hz": 7600,
            "coefficients": 0,
            "floor_db": -100,
            "step_mdb": 400,
        },
        "hop_frames": FRAMES,
        "features": 0,
        "scores": 0,
        "states": [],
        "detector": {"pool_ms": 300, "classes": [dict(one) for _ in LABELS]},
        **changes,
    }


def band_of(hz: float) -> int:
    """Return the band whose centre is nearest."""

    def mel(f: float) -> float:
        return float(2595 * np.log10(1 + f / 700))

    centres = np.linspace(mel(60), mel(7600), BANDS + 2)[1:-1]
    return int(np.argmin(np.abs(centres - mel(hz))))


def _weights() -> tuple[np.ndarray, np.ndarray, float]:
    real = np.full((len(LABELS), FRAMES, BANDS, 1), -4.0 / (FRAMES * BANDS))
    for c, label in enumerate(LABELS):
        k = band_of(HZ[label])
        real[c, :, k - 1 : k + 2] += 4.0 / (FRAMES * 3)
    scale = float(np.float32(np.abs(real).max() / 127))
    return np.round(real / scale).astype(np.int8), np.round(np.full(2, -6.0) / (scale / 32)).astype(np.int32), scale


def build(meta: dict[str, Any] | None) -> bytes:
    """Return the .tflite file; without the metadata buffer if meta is None."""
    b = ModelBuilder()
    weights, bias, scale = _weights()
    features = b.tensor((1, FRAMES, BANDS, 1), 1 / 32)
    kernel = b.tensor(weights.shape, scale, data=weights)
    offset = b.tensor(bias.shape, float(np.float32(scale) * np.float32(1 / 32)), data=bias, dtype="int32")
    scores = b.tensor((1, 1, 1, len(LABELS)), _OUTPUT_SCALE)
    one = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
    b.op("CONV_2D", [features, kernel, offset], [scores], padding=VALID, **one)
    return b.build([features], [scores], None if meta is None else {"soundsdk": json.dumps(meta).encode()})


def listening(hz_of: dict[str, float]) -> bytes:
    """Return a detector with a class for each label, whose score is high while there is a tone of that frequency."""
    b = ModelBuilder()
    kernel = np.zeros((len(hz_of), FRAMES, BANDS, 1), np.int8)
    for c, hz in enumerate(hz_of.values()):
        kernel[c, :, band_of(hz) - 1 : band_of(hz) + 2] = 127
    scale = float(np.float32(4 / (127 * FRAMES * 3)))
    features = b.tensor((1, FRAMES, BANDS, 1), 1 / 32)
    weights = b.tensor(kernel.shape, scale, data=kernel)
    bias = np.zeros(len(hz_of), np.int32)
    offset = b.tensor(bias.shape, float(np.float32(scale) * np.float32(1 / 32)), data=bias, dtype="int32")
    scores = b.tensor((1, 1, 1, len(hz_of)), _OUTPUT_SCALE)
    one = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
    b.op("CONV_2D", [features, weights, offset], [scores], padding=VALID, **one)
    classes = [{"on": 600, "off": 400, "min_ms": 0, "hold_ms": 0} for _ in hz_of]
    meta = metadata(name="listening", labels=list(hz_of), detector={"pool_ms": 0, "classes": classes})
    return b.build([features], [scores], {"soundsdk": json.dumps(meta).encode()})


def tones(
    seconds: float, bursts: list[tuple[float, float, str]], rate_hz: int = 16000, noise: float = 1e-3
) -> np.ndarray:
    """Return float samples of noise with a tone per (onset, offset, label), at -20 dBFS."""
    x = np.random.default_rng(3).normal(0, noise, int(seconds * rate_hz))
    t = np.arange(len(x)) / rate_hz
    for onset, offset, label in bursts:
        x += 0.1 * np.sin(2 * np.pi * HZ[label] * t) * ((t >= onset) & (t < offset))
    return x
