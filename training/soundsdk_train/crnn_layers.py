"""The network's costly layers in forms that need less processor time: the same mathematics as Keras' own.

Keras writes batch normalisation as a dozen elementwise operations, each of which reads and writes the whole activation,
and a GRU's gradient as a loop with a weight gradient per step. Here normalisation and ReLU are one operation forward
and one backward (oneDNN's on a processor, cuDNN's on a GPU), and the GRU's loops hold only what depends on the step
before.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from soundsdk_train.workers import replica, summed


class NormalizedRelu(keras.layers.BatchNormalization):
    """Batch normalisation over all axes but the last, then ReLU if asked for; weights as in Keras' layer."""

    def __init__(self, relu: bool = True, **kwargs: Any) -> None:
        super().__init__(momentum=0.9, epsilon=1e-3, **kwargs)
        self.relu = relu

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Normalise (batch, rows, bands, channels): by the batch's moments in training, else by the moving ones."""
        arguments = {"x": inputs, "scale": self.gamma, "offset": self.beta, "epsilon": self.epsilon}
        if not (training and self.trainable):
            moments = {"mean": self.moving_mean, "variance": self.moving_variance}
            out, _, _ = tf.compat.v1.nn.fused_batch_norm(**arguments, **moments, is_training=False)
            return tf.nn.relu(out) if self.relu else out
        odd = self._odd_channels(inputs)
        if odd or replica()[1] > 1:
            gamma, beta, shift = (tf.convert_to_tensor(v) for v in (self.gamma, self.beta, self.moving_mean))
            wide = tf.cast(inputs, tf.float32)
            out, mean, variance = normalized_relu(wide, gamma, beta, shift, epsilon=self.epsilon, relu=self.relu)
            out = tf.cast(out, inputs.dtype)
            if not odd:  # the variance of a sample, as the fused operation gives it
                rows = float(replica()[1]) * tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
                variance *= rows / (rows - 1.0)
        else:
            out, mean, variance = tf.compat.v1.nn.fused_batch_norm(**arguments, is_training=True)
            out = tf.nn.relu(out) if self.relu else out
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return out

    def _odd_channels(self, inputs: Any) -> bool:
        """Return True where oneDNN has no vectorised form: on a processor, for channels not a multiple of 16."""
        single = inputs.dtype == tf.float32 and not tf.config.list_physical_devices("GPU")
        return bool(self.relu and single and inputs.shape[-1] % 16)


def normalized_relu(inputs: Any, gamma: Any, beta: Any, shift: Any, *, epsilon: float, relu: bool) -> Any:
    """Return relu(gamma (x - mean) / sqrt(variance + epsilon) + beta), and the mean and the variance per channel.

    The moments are those of all workers' rows (channels last). shift: a guess of the mean, about which moments of
    several workers are put together. Sums over pixels are products with a row of ones, which need half the time of a
    reduction. No gradient flows through the two moments that are returned.
    """
    channels = inputs.shape[-1]

    @tf.custom_gradient
    def normalized(values: Any, gamma: Any, beta: Any) -> Any:
        flat = tf.reshape(values, (-1, channels))
        ones = tf.ones((1, tf.shape(flat)[0]))
        count, mean, variance = _moments(flat, ones, shift)
        inverse = tf.math.rsqrt(variance + epsilon)
        scale = gamma * inverse
        out = flat * scale + (beta - mean * scale)
        if relu:
            out = tf.nn.relu(out)

        def gradient(upstream: Any, *_: Any) -> tuple[Any, ...]:
            slope = tf.reshape(upstream, (-1, channels))
            if relu:
                slope = tf.raw_ops.ReluGrad(gradients=slope, features=out)
            by_beta = tf.matmul(ones, slope)[0]
            by_gamma = (tf.matmul(ones, slope * flat)[0] - mean * by_beta) * inverse
            # scale (slope - by_beta / count - normalised by_gamma / count), with the constants drawn together
            all_beta, all_gamma = summed([by_beta, by_gamma])
            along = -scale * inverse * all_gamma / count
            by_inputs = slope * scale + (flat * along - (scale * all_beta / count + along * mean))
            return tf.reshape(by_inputs, tf.shape(values)), by_gamma, by_beta

        return (tf.reshape(out, tf.shape(values)), mean, variance), gradient

    return normalized(inputs, gamma, beta)


def _moments(flat: Any, ones: Any, shift: Any) -> tuple[Any, Any, Any]:
    """Return the number of rows of all workers, and the mean and the variance of each column over them."""
    count = tf.cast(tf.shape(flat)[0], tf.float32)
    mean = tf.matmul(ones, flat)[0] / count
    variance = tf.matmul(ones, tf.math.squared_difference(flat, mean))[0] / count
    workers = replica()[1]
    if workers == 1:
        return count, mean, variance
    away = mean - shift
    away, square = (part / workers for part in summed([away, variance + away * away]))
    return count * workers, shift + away, tf.maximum(square - away * away, 0.0)


class SharedDropout(keras.layers.Dropout):
    """Dropout that drops in each worker what it would drop in those rows of the whole batch in one process."""

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drop a share of the inputs (batch, ...) in training, and scale up the others."""
        number, workers = replica()
        if not training or self.rate == 0.0 or workers == 1:
            return super().call(inputs, training=training)
        shape = tf.shape(inputs)
        rows = shape[0]
        whole = tf.ones(tf.concat([[rows * workers], shape[1:]], 0))
        kept = keras.random.dropout(whole, self.rate, seed=self.seed_generator)
        return inputs * tf.cast(kept[number * rows : (number + 1) * rows], inputs.dtype)


class SequenceGru(keras.layers.GRU):
    """A GRU over whole sequences from a zero state, reset gate after the recurrent product; weights as in Keras' layer.

    On a GPU it is Keras' own, which calls cuDNN.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, return_sequences=True, reset_after=True, **kwargs)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Return the last state, the states after each step (batch, steps, units), and the state to go on from."""
        if tf.config.list_physical_devices("GPU"):
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        kernels = [tf.convert_to_tensor(weights) for weights in (cell.kernel, cell.recurrent_kernel, cell.bias)]
        # All steps' input products at once: (steps, batch, 3 units).
        inputs = tf.transpose(tf.tensordot(sequences, kernels[0], 1) + kernels[2][0], (1, 0, 2))
        states = gru_states(inputs, kernels[1], kernels[2][1])
        return states[-1], tf.transpose(states, (1, 0, 2)), [states[-1]]


@tf.custom_gradient
def gru_states(inputs: Any, kernel: Any, bias: Any) -> Any:
    """Return the states h of a GRU from h = 0 (Cho et al. 2014, reset gate after the recurrent product).

    inputs: (steps, batch, 3 units), the input's share of the gates z, r, n; kernel (units, 3 units) and bias (3 units)
    of the recurrent share m = h' kernel + bias, where h' is the state before. With z, r = sigmoid(inputs + m) and
    n = tanh(inputs + r m), h = n + z (h' - n). The gradient is that of backpropagation through time.
    """
    units = kernel.shape[0]
    steps, batch = tf.shape(inputs)[0], tf.shape(inputs)[1]
    start = tf.zeros((batch, units), inputs.dtype)

    def forward(t: Any, state: Any, states: Any, gates: Any) -> tuple[Any, ...]:
        given, recurrent = inputs[t], tf.nn.bias_add(tf.matmul(state, kernel), bias)
        zr = tf.sigmoid(given[:, : 2 * units] + recurrent[:, : 2 * units])
        z, r = zr[:, :units], zr[:, units:]
        n = tf.tanh(given[:, 2 * units :] + r * recurrent[:, 2 * units :])
        new = n + z * (state - n)
        kept = tf.concat([zr, n, recurrent[:, 2 * units :]], 1)
        return t + 1, new, states.write(t, new), gates.write(t, kept)

    arrays = [tf.TensorArray(inputs.dtype, steps, element_shape=(None, width)) for width in (units, 4 * units)]
    _, _, states, gates = tf.while_loop(
        lambda t, *_: t < steps, forward, (0, start, *arrays), parallel_iterations=1, maximum_iterations=steps
    )
    states, gates = states.stack(), gates.stack()

    def gradient(upstream: Any) -> tuple[Any, ...]:
        z, r, n, m = tf.split(gates, 4, axis=2)
        before = tf.concat([start[None], states[:-1]], 0)
        # Derivatives of a step's state by the gates' arguments, which need no loop: (steps, batch, 3, units).
        by_n = (1 - z) * (1 - n * n)
        by_recurrent = tf.stack([(before - n) * z * (1 - z), by_n * m * r * (1 - r), by_n * r], 2)
        transposed = tf.transpose(kernel)

        def backward(t: Any, later: Any, slopes: Any) -> tuple[Any, ...]:
            slope = upstream[t] + later
            through = tf.reshape(by_recurrent[t] * slope[:, None], (batch, 3 * units))
            return t - 1, slope * z[t] + tf.matmul(through, transposed), slopes.write(t, slope)

        array = tf.TensorArray(inputs.dtype, steps, element_shape=(None, units))
        _, _, slopes = tf.while_loop(
            lambda t, *_: t >= 0, backward, (steps - 1, start, array), parallel_iterations=1, maximum_iterations=steps
        )
        slopes = slopes.stack()
        recurrent = tf.reshape(by_recurrent * slopes[:, :, None], (steps, batch, 3 * units))
        given = tf.concat([recurrent[:, :, : 2 * units], by_n * slopes], 2)
        flat = tf.reshape(recurrent, (-1, 3 * units))
        by_kernel = tf.matmul(tf.reshape(before, (-1, units)), flat, transpose_a=True)
        return given, by_kernel, tf.reduce_sum(flat, 0)

    return states, gradient
