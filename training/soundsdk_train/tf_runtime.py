"""TensorFlow's global state: seeds, precision, and what it writes to standard error."""

from __future__ import annotations

import os


def seed_everything(seed: int) -> None:
    """Make TensorFlow repeatable: seeds and deterministic kernels."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def use_mixed_precision_on_gpu() -> bool:
    """Compute in float16 if there is a GPU, and return whether there is one."""
    with StderrSilenced():  # TensorFlow lists at length which libraries it looked for
        import keras
        import tensorflow as tf

        gpu = bool(tf.config.list_physical_devices("GPU"))
    keras.mixed_precision.set_global_policy("mixed_float16" if gpu else "float32")
    return gpu


class StderrSilenced:
    """A context in which standard error is discarded, also what TensorFlow's C++ code writes there."""

    def __enter__(self) -> None:
        try:
            self._kept: int | None = os.dup(2)
        except OSError:  # it is closed
            self._kept = None
            return
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 2)
        os.close(devnull)

    def __exit__(self, *args: object) -> None:
        if self._kept is not None:
            os.dup2(self._kept, 2)
            os.close(self._kept)
