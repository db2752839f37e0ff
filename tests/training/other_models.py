"""Models as other tools make them: small Keras networks, converted in the ways that people convert them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

FRAMES, BANDS, CLASSES = 8, 40, 3
SEED = 3  # of the weights; with some others a score is nearly always 0 or 1, and a comparison shows little
_Net = Callable[[Any, Any], Any]  # (keras.layers, input tensor) -> output tensor


def _plain(layers: Any, x: Any) -> Any:
    x = layers.Conv2D(8, 3, activation="relu")(x)
    return layers.Dense(CLASSES, activation="softmax")(layers.GlobalAveragePooling2D()(x))


def _after_convolution(make: Callable[[Any], Any]) -> _Net:
    """Return a network with one layer of a kind after its convolution."""

    def net(layers: Any, x: Any) -> Any:
        x = make(layers)(layers.Conv2D(8, 3)(x))
        return layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(x))

    return net


def _transposed(layers: Any, x: Any) -> Any:
    return layers.Dense(CLASSES)(layers.Flatten()(layers.Conv2D(8, 3)(layers.Permute((2, 1, 3))(x))))


def _unrolled_gru(layers: Any, x: Any) -> Any:
    return layers.Dense(CLASSES)(layers.GRU(8, unroll=True)(layers.Reshape((FRAMES, BANDS))(x)))


def _short(make: Callable[[Any], Any]) -> _Net:
    """Return a network with a recurrent layer that is unrolled over 4 pairs of frames."""

    def net(layers: Any, x: Any) -> Any:
        return layers.Dense(CLASSES)(make(layers)(layers.Reshape((FRAMES // 2, 2 * BANDS))(x)))

    return net


def _bands_first(layers: Any, x: Any) -> Any:
    return _plain(layers, layers.Permute((2, 1, 3))(x))


def _conv1d(layers: Any, x: Any) -> Any:
    x = layers.Conv1D(8, 3)(layers.Reshape((FRAMES, BANDS))(x))
    return layers.Dense(CLASSES)(layers.GlobalMaxPooling1D()(x))


def _flat(layers: Any, x: Any) -> Any:
    return layers.Dense(CLASSES)(layers.Flatten()(layers.Conv2D(8, 3)(x)))


def _upsampled(layers: Any, x: Any) -> Any:
    x = layers.UpSampling2D()(layers.Conv2D(4, 3)(x))
    return layers.Dense(CLASSES)(layers.GlobalAveragePooling2D()(x))


# name: (network, the way it is converted, what the message has to say beside the missing metadata)
NETWORKS: dict[str, tuple[_Net, str, str]] = {
    "float_default": (_plain, "float", "inputs and outputs must be int8"),
    "dynamic_range": (_plain, "dynamic", "inputs and outputs must be int8"),
    "float16": (_plain, "float16", "inputs and outputs must be int8"),
    "int8_float_io": (_plain, "float io", "inputs and outputs must be int8"),
    "int8_full": (_plain, "int8", ""),
    "uint8_io": (_plain, "uint8", "inputs and outputs must be int8"),
    "int16x8": (_plain, "int16x8", "inputs and outputs must be int8"),
    "leaky_relu": (_after_convolution(lambda layers: layers.LeakyReLU()), "int8", ""),
    "prelu": (_after_convolution(lambda layers: layers.PReLU()), "int8", "(PRELU): unsupported operator"),
    "hard_swish": (_after_convolution(lambda layers: layers.Activation("hard_silu")), "int8", ""),
    "elu": (_after_convolution(lambda layers: layers.ELU()), "int8", "(DEQUANTIZE): unsupported operator"),
    "gelu": (_after_convolution(lambda layers: layers.Activation("gelu")), "int8", "(GELU): unsupported operator"),
    "transpose": (_transposed, "int8", ""),
    "gru_unrolled": (_unrolled_gru, "int8, again", ""),
    "gru_short": (_short(lambda layers: layers.GRU(8, unroll=True, reset_after=False)), "int8, again", ""),
    "gru_reset_after": (_short(lambda layers: layers.GRU(8, unroll=True)), "int8, again", ""),
    "lstm_short": (_short(lambda layers: layers.LSTM(8, unroll=True)), "int8, again", ""),
    "bands_first": (_bands_first, "int8", ""),
    "conv1d": (_conv1d, "int8", "(REDUCE_MAX): unsupported operator"),
    "dynamic_batch": (_flat, "int8, any batch", "(SHAPE): unsupported operator"),
    "upsampled": (_upsampled, "int8", "exceeds a limit of this build (model.limit)"),
}


def write(name: str, folder: Path) -> Path:
    """Convert a network of NETWORKS and return the path of its file.

    TensorFlow's converter leaves parts of the same recurrent network in float in about every other run, depending on
    addresses in memory; those marked "again" are converted until it does not.
    """
    path = folder / f"{name}.tflite"
    for _ in range(40 if "again" in NETWORKS[name][1] else 1):
        path.write_bytes(_convert(name))
        if "again" not in NETWORKS[name][1] or not _has_floats(path):
            break
    return path


def _has_floats(path: Path) -> bool:
    import soundcore

    try:
        soundcore.Model(path.read_bytes())
    except soundcore.Error as error:
        return "(DEQUANTIZE)" in str(error.args[1])
    return False


def _convert(name: str) -> bytes:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    from soundsdk_train.tf_runtime import StderrSilenced

    net, way, _ = NETWORKS[name]
    tf.keras.utils.set_random_seed(SEED)
    entry = tf.keras.Input((FRAMES, BANDS, 1), batch_size=None if "any batch" in way else 1)
    model = tf.keras.Model(entry, net(tf.keras.layers, entry))
    size = None if "any batch" in way else 1
    call = tf.function(model, input_signature=[tf.TensorSpec((size, FRAMES, BANDS, 1), tf.float32)])
    frozen = convert_variables_to_constants_v2(call.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], model)
    if way != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if way not in ("float", "dynamic", "float16"):
        converter.representative_dataset = _samples
    if way == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if way == "int16x8":
        both = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [both]
    kind = tf.int8 if way.split(",")[0] == "int8" else tf.uint8 if way == "uint8" else None
    if kind is not None:
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = kind
    with StderrSilenced():
        return bytes(converter.convert())


def write_two_subgraphs(folder: Path) -> Path:
    """Convert a module with two signatures, as a SavedModel with several functions becomes."""
    import tensorflow as tf

    class Two(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec((1, 8), tf.float32)])
        def a(self, x: Any) -> Any:
            return tf.nn.relu(x)

        @tf.function(input_signature=[tf.TensorSpec((1, 8), tf.float32)])
        def b(self, x: Any) -> Any:
            return tf.nn.tanh(x)

    from soundsdk_train.tf_runtime import StderrSilenced

    two = Two()
    saved = folder / "saved"
    with StderrSilenced():
        tf.saved_model.save(two, str(saved), signatures={"a": two.a, "b": two.b})
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=["a", "b"])
        path = folder / "two_subgraphs.tflite"
        path.write_bytes(converter.convert())
    return path


def _samples() -> Iterator[list[np.ndarray]]:
    rng = np.random.default_rng(5)
    for _ in range(5):
        yield [rng.standard_normal((1, FRAMES, BANDS, 1)).astype(np.float32)]
