"""Keras as training needs it, whatever the user has set for programs of their own.

Keras reads its settings once, as it is imported (which TensorFlow does): keras.json in ~/.keras or KERAS_HOME, and
KERAS_BACKEND and others of the environment. A backend that is not TensorFlow, channels_first or float64 as the default
type would end a training or make another file of it. So while one runs, the environment holds what it needs, for its
child processes as well, and Keras' settings are those that it comes with; after it both are as they were.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from soundsdk.errors import UsageError

_BACKEND = "tensorflow"
_SET = {"KERAS_BACKEND": _BACKEND, "TF_USE_LEGACY_KERAS": "0"}
_UNSET = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED")
_FLOATX, _EPSILON, _IMAGE_DATA_FORMAT = "float32", 1e-7, "channels_last"  # as Keras comes


@contextmanager
def own_keras() -> Iterator[None]:
    """Run the body with Keras' settings as training needs them.

    Raises UsageError if this process has already imported Keras with another backend, which cannot be changed.
    """
    with ExitStack() as stack:
        # A folder without a keras.json, into which Keras writes one: the user's own is neither read nor made.
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="soundsdk-keras-", ignore_cleanup_errors=True))
        stack.enter_context(_environment({**_SET, "KERAS_HOME": home}))
        if "keras" in sys.modules:
            stack.enter_context(_settings())
        yield


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set variables of the environment, take _UNSET out of it, and put all back."""
    before = {name: os.environ.get(name) for name in (*values, *_UNSET)}
    os.environ.update(values)
    for name in _UNSET:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _settings() -> Iterator[None]:
    """Give the settings of a Keras that this process has imported the values it comes with, and put them back."""
    import keras

    backend = keras.config.backend()
    if backend != _BACKEND:
        raise UsageError(
            f"Keras runs on {backend} in this process, and training needs TensorFlow.",
            "Train in a new process, or before Keras is imported; its backend cannot be changed afterwards.",
        )
    config = keras.config
    before = config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy()
    config.set_floatx(_FLOATX)
    config.set_epsilon(_EPSILON)
    config.set_image_data_format(_IMAGE_DATA_FORMAT)
    try:
        yield
    finally:
        floatx, epsilon, image_data_format, policy = before
        config.set_floatx(floatx)
        config.set_epsilon(epsilon)
        config.set_image_data_format(image_data_format)
        config.set_dtype_policy(policy)
