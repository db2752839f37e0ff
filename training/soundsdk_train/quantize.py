"""INT8 conversion of the step, calibrated along real streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.detector_file import FEATURE_SCALE
from soundsdk_train.crnn_step import StepSpec, Weights, step_function, stream_clip
from soundsdk_train.tf_runtime import StderrSilenced


def calibration_indices(labels: NDArray[np.float32], per_class: int, seed: int) -> list[int]:
    """Draw a stratified random sample of per_class clips of every class, each clip once, and return its indices."""
    rng = np.random.default_rng(seed)
    chosen: list[int] = []
    for c in range(labels.shape[1]):
        clips = np.flatnonzero((labels[:, c] > 0) & ~np.isin(np.arange(len(labels)), chosen))
        chosen += rng.permutation(clips)[:per_class].tolist()
    rest = np.flatnonzero(labels.sum(1) == 0)  # clips that hold none of the labels are a class of their own
    chosen += rng.permutation(rest)[: 2 * per_class].tolist()
    return sorted(chosen)


def convert(weights: Weights, shape: StepSpec, clips: Sequence[NDArray[np.int8]]) -> bytes:
    """Convert the step to an INT8 .tflite; every state leaves in the scale and zero point it came in.

    clips: int8 features (frames, width) to calibrate on. Returns the converter's file, with the step's inputs and
    outputs in the order of crnn_step.step_function.
    """
    import tensorflow as tf

    step = step_function(weights, shape)
    streams = [stream_clip(step, shape, clip)[1] for clip in clips]
    _reach_ends(streams)

    def samples() -> Iterator[dict[str, Any]]:
        for inputs in streams:
            for features, *states in inputs:
                yield {"features": features, **{f"state{i}": s for i, s in enumerate(states)}}

    converter = tf.lite.TFLiteConverter.from_concrete_functions([step.get_concrete_function()], tf.Module())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    with StderrSilenced():
        return bytes(converter.convert())


def _reach_ends(streams: list[list[list[NDArray[np.float32]]]]) -> None:
    """Make the features reach both ends of int8 once, so that min-max calibration gives scale 1/32, zero point 0.

    The loudest and the quietest value that occur are moved to the ends, which disturbs the ranges of the inner
    tensors least.
    """
    steps = [inputs for stream in streams for inputs in stream]
    for end, pick in ((127, np.argmax), (-128, np.argmin)):
        extremes = [features.flat[pick(features)] for features, *_ in steps]
        inputs = steps[int(pick(np.array(extremes)))]
        features = inputs[0].copy()
        features.flat[pick(features)] = np.float32(end * FEATURE_SCALE)
        inputs[0] = features
