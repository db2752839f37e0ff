"""One step of the network as a TensorFlow function: newest frames and states in, scores and new states out.

The weights are those of the whole-sequence Keras model with batch normalisation folded in. Written so that
the INT8 converter leaves only operators that TensorFlow Lite Micro and soundcore compute to the same bit:

- every dense layer is a 1x1 convolution (FULLY_CONNECTED rounds differently in TFLM);
- the GRU cell is spelled out (Keras' own becomes a WHILE loop), in the form Cho et al. 2014 with the reset gate
  after the recurrent product: h' = n + z (h - n);
- a state must leave in the scale it came in. For convolutions both are slices of one concatenation; for the GRU
  the new h passes through a concatenation with the old one, which forces one scale on all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.detector_file import FEATURE_SCALE
from soundsdk_train.crnn import ConvShape, attentions, plan
from soundsdk_train.run_settings import ModelSettings

F32 = NDArray[np.float32]


@dataclass
class Weights:
    """Constants of the step, all float32. Convolutions in TensorFlow's layout: (h, w, in, out or multiplier)."""

    convs: list[tuple[F32, F32]]  # kernel, bias of each layer of the plan
    gru_input: F32  # (inputs, 3 units), gates z r n
    gru_input_bias: F32  # (3 units)
    gru_state: F32  # (units, 3 units)
    gru_state_bias: F32  # (3 units)
    scores: tuple[F32, F32]  # (units, classes), (classes)
    attention: tuple[F32, F32]  # (units, attentions), (attentions)


@dataclass
class StepSpec:
    """Shapes of the step: features, then the states in order (convolutions that carry context, then the GRU)."""

    layers: list[ConvShape]
    features: tuple[int, int, int, int]
    states: list[tuple[int, int, int, int]]
    units: int
    classes: int
    attentions: int


def spec(settings: ModelSettings, width: int, classes: int) -> StepSpec:
    """Return the shapes of the step of a network of this form."""
    layers = plan(settings, width)
    states = [(1, layer.context, layer.bands_in, layer.channels_in) for layer in layers if layer.context]
    states.append((1, 1, 1, settings.gru_units))
    return StepSpec(
        layers, (1, settings.hop_frames, width, 1), states, settings.gru_units, classes, attentions(settings, classes)
    )


def fold_weights(model: Any, shape: StepSpec) -> Weights:
    """Extract the weights of a Keras model, with batch normalisation multiplied into the convolutions."""
    convs = []
    for layer in shape.layers:
        kernel = model.get_layer(layer.name).get_weights()[0].astype(np.float64)
        norm = model.get_layer(f"{layer.name}_norm")
        gamma, beta, mean, variance = (w.astype(np.float64) for w in norm.get_weights())
        scale = gamma / np.sqrt(variance + norm.epsilon)
        # Depthwise kernels are (h, w, channels, 1), others (h, w, in, out).
        kernel = kernel * (scale[:, None] if layer.kind == "depthwise" else scale)
        convs.append((kernel.astype(np.float32), (beta - mean * scale).astype(np.float32)))
    gru_input, gru_state, gru_bias = (w.astype(np.float32) for w in model.get_layer("gru").get_weights())
    head, head_bias = (w.astype(np.float32) for w in model.get_layer("head").get_weights())
    c = shape.classes
    return Weights(
        convs,
        gru_input,
        gru_bias[0],
        gru_state,
        gru_bias[1],
        (head[:, :c], head_bias[:c]),
        (head[:, c:], head_bias[c:]),
    )


def step_function(weights: Weights, shape: StepSpec) -> Any:
    """Return the step as a tf.function: (features, *states) -> (scores, attention, *new states), batch of one."""
    import tensorflow as tf

    def dense(x: Any, kernel: F32, bias: F32) -> Any:
        return tf.nn.bias_add(tf.nn.conv2d(x, tf.constant(kernel[None, None]), 1, "VALID"), tf.constant(bias))

    def step(features: Any, *states: Any) -> tuple[Any, ...]:
        x, left, new = features, list(states), []
        for layer, (kernel, bias) in zip(shape.layers, weights.convs, strict=True):
            if layer.context:
                x = tf.concat([left.pop(0), x], 1)
                new.append(x[:, -layer.context :])
            if any(layer.pad):
                x = tf.pad(x, [[0, 0], [0, 0], list(layer.pad), [0, 0]])
            strides = [1, *layer.stride, 1]
            convolve = tf.nn.depthwise_conv2d if layer.kind == "depthwise" else tf.nn.conv2d
            x = tf.nn.bias_add(convolve(x, tf.constant(kernel), strides, "VALID"), tf.constant(bias))
            if layer.relu:
                x = tf.nn.relu(x)
        h = left.pop(0)
        u = shape.units
        # z and r share one matrix product, n needs r first.
        wi, bi, ws, bs = weights.gru_input, weights.gru_input_bias, weights.gru_state, weights.gru_state_bias
        gates = tf.sigmoid(dense(x, wi[:, : 2 * u], bi[: 2 * u]) + dense(h, ws[:, : 2 * u], bs[: 2 * u]))
        z, r = gates[..., :u], gates[..., u:]
        n = tf.tanh(dense(x, wi[:, 2 * u :], bi[2 * u :]) + r * dense(h, ws[:, 2 * u :], bs[2 * u :]))
        h_new = n + z * (h - n)
        h_new = tf.concat([h, h_new], 0)[1:2]
        new.append(h_new)
        return (dense(h_new, *weights.scores), dense(h_new, *weights.attention), *new)

    signature = [tf.TensorSpec(shape.features, tf.float32, name="features")]
    signature += [tf.TensorSpec(s, tf.float32, name=f"state{i}") for i, s in enumerate(shape.states)]
    return tf.function(step, input_signature=signature)


def stream_clip(step: Any, shape: StepSpec, features: NDArray[np.int8]) -> tuple[F32, list[list[F32]]]:
    """Stream one clip through the step, from zero states.

    features: int8 (frames, width); frames at the end that do not fill a step are left out. Returns the outputs
    (steps, classes + attentions) and, per step, its inputs (features, *states).
    """
    import tensorflow as tf

    hop = shape.features[1]
    states = [np.zeros(s, np.float32) for s in shape.states]
    outputs, inputs = [], []
    for i in range(len(features) // hop):
        x = (features[i * hop : (i + 1) * hop].astype(np.float32) * FEATURE_SCALE).reshape(shape.features)
        inputs.append([x, *states])
        scores, attention, *new = step(tf.constant(x), *[tf.constant(s) for s in states])
        states = [s.numpy() for s in new]
        outputs.append(np.concatenate([scores.numpy().ravel(), attention.numpy().ravel()]))
    return np.array(outputs, np.float32).reshape(len(outputs), -1), inputs
