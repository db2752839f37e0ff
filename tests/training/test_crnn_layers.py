"""The layers in cheaper forms compute what Keras' own compute: outputs, gradients and moving moments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training_sounds import need


@pytest.fixture(autouse=True)
def _tensorflow() -> None:
    need("tensorflow")


def gradients(layers: list[Any], inputs: Any, *, training: bool) -> tuple[Any, list[Any]]:
    """Return the output of a stack of layers and the gradients of a weighted sum of it, inputs' first."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        out = inputs
        for layer in layers:
            out = layer(out, training=training) if training else layer(out)
        weight = tf.reshape(tf.sin(tf.range(tf.size(out), dtype=tf.float32)), tf.shape(out))
        total = tf.reduce_sum(out * weight)
    trained = [v for layer in layers for v in layer.trainable_variables]
    return out.numpy(), [g.numpy() for g in tape.gradient(total, [inputs, *trained])]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("relu", "channels"), [(True, 16), (True, 6), (False, 6)])
def test_normalisation_equals_that_of_keras(relu: bool, channels: int, training: bool) -> None:
    import keras
    import tensorflow as tf

    from soundsdk_train.crnn_layers import NormalizedRelu

    rng = np.random.default_rng(1)
    inputs = tf.constant(rng.normal(0.7, 2.0, (4, 30, 5, channels)).astype(np.float32))
    ours, theirs = NormalizedRelu(relu), keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-3)
    for layer in (ours, theirs):
        layer.build(inputs.shape)
    start = [rng.uniform(0.5, 1.5, w.shape).astype(np.float32) for w in ours.get_weights()]
    ours.set_weights(start)
    theirs.set_weights(start)
    out, slopes = gradients([ours], inputs, training=training)
    expected, wanted = gradients([theirs, *([keras.layers.ReLU()] if relu else [])], inputs, training=training)
    np.testing.assert_allclose(out, expected, atol=1e-5)
    for slope, want in zip(slopes, wanted, strict=True):
        np.testing.assert_allclose(slope, want, rtol=1e-3, atol=1e-4)
    moved = [not np.array_equal(a, b) for a, b in zip(ours.get_weights(), start, strict=True)]
    assert moved == [False, False, training, training]
    for value, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(value, want, rtol=1e-3)  # the fused variance is that of a sample: 600 / 599


@pytest.mark.parametrize("steps", [1, 2, 37])
def test_the_gru_equals_that_of_keras(steps: int) -> None:
    import keras
    import tensorflow as tf

    from soundsdk_train.crnn_layers import SequenceGru

    rng = np.random.default_rng(steps)
    inputs = tf.constant(rng.normal(0, 1.5, (3, steps, 5)).astype(np.float32))
    ours, theirs = SequenceGru(7), keras.layers.GRU(7, return_sequences=True, reset_after=True)
    for layer in (ours, theirs):
        layer.build(inputs.shape)
    start = [rng.normal(0, 0.6, w.shape).astype(np.float32) for w in ours.get_weights()]
    ours.set_weights(start)
    theirs.set_weights(start)
    out, slopes = gradients([ours], inputs, training=False)
    expected, wanted = gradients([theirs], inputs, training=False)
    assert out.shape == (3, steps, 7)
    np.testing.assert_allclose(out, expected, atol=1e-5)
    assert len(slopes) == 4
    for slope, want in zip(slopes, wanted, strict=True):
        np.testing.assert_allclose(slope, want, rtol=1e-3, atol=1e-4)
