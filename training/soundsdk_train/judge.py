"""The interpreter that a detector has to equal to the byte before it is written.

It is the official one, TensorFlow Lite Micro, where its package can be loaded, which is published for Linux on x86-64
only. Elsewhere it is TensorFlow Lite with its reference kernels, which give the same bytes for the networks that
training makes (tests/training/test_judge.py).
"""

from __future__ import annotations

import platform
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata as packages
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from soundsdk.install.packages import install_command
from soundsdk_train.tf_runtime import StderrSilenced

OFFICIAL = "TensorFlow Lite Micro"
REFERENCE = "TensorFlow Lite's reference kernels"
_ARENA_BYTES = 256 * 1024


class Interpreter(Protocol):
    """An opened detector file. Tensors are named by their place among the inputs or outputs."""

    def set_input(self, values: NDArray[np.int8], index: int) -> None:
        """Set an input."""

    def invoke(self) -> None:
        """Compute one step."""

    def get_output(self, index: int) -> NDArray[np.int8]:
        """Return an output of the last step."""


@dataclass(frozen=True)
class Judge:
    """An interpreter with its version. open: opens a detector file. missing: why it is not the official one, or ""."""

    name: str
    version: str
    open: Callable[[bytes], Interpreter]
    missing: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def note(self) -> str | None:
        """Return a sentence about the official interpreter that could not be loaded; None if this is it."""
        if not self.missing:
            return None
        text = f"note: tflite-micro cannot be loaded ({self.missing}); the detector is checked against {self.name}"
        if (sys.platform, platform.machine()) == ("linux", "x86_64"):
            return f"{text}. It is to be had here: {install_command('soundsdk[train]')}"
        return text


def choose_judge() -> Judge:
    """Return the official interpreter if it can be loaded, else TensorFlow Lite's reference kernels."""
    missing = _why_no_tflm()
    return judge_named(OFFICIAL) if missing is None else judge_named(REFERENCE, missing)


def judge_named(name: str, missing: str = "") -> Judge:
    """Return OFFICIAL or REFERENCE, also in a process that would choose another. missing: see Judge."""
    if name == OFFICIAL:
        return Judge(OFFICIAL, _version("tflite-micro"), _open_tflm)
    return Judge(REFERENCE, _version("tensorflow"), _ReferenceInterpreter, missing)


def _version(package: str) -> str:
    """Return a package's version without importing it; builds of TensorFlow under other names have none here."""
    try:
        return packages.version(package)
    except packages.PackageNotFoundError:
        return "of unknown version"


def _why_no_tflm() -> str | None:
    """Return why the official interpreter cannot be loaded; None if it can."""
    try:
        from tflite_micro import runtime  # noqa: F401
    except ImportError as error:
        return str(error)
    return None


def _open_tflm(file: bytes) -> Interpreter:
    from tflite_micro import runtime

    official: Interpreter = runtime.Interpreter.from_bytes(file, arena_size=_ARENA_BYTES)
    return official


class _ReferenceInterpreter:
    """TensorFlow Lite with its reference kernels and no delegate."""

    def __init__(self, file: bytes) -> None:
        import tensorflow as tf

        with warnings.catch_warnings(), StderrSilenced():
            warnings.simplefilter("ignore")  # it announces that it will move to a package of its own
            self._lite = tf.lite.Interpreter(
                model_content=file,
                experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
                num_threads=1,
            )
            self._lite.allocate_tensors()
        self._inputs = [tensor["index"] for tensor in self._lite.get_input_details()]
        self._outputs = [tensor["index"] for tensor in self._lite.get_output_details()]

    def set_input(self, values: NDArray[np.int8], index: int) -> None:
        self._lite.set_tensor(self._inputs[index], values)

    def invoke(self) -> None:
        self._lite.invoke()

    def get_output(self, index: int) -> NDArray[np.int8]:
        out: NDArray[np.int8] = self._lite.get_tensor(self._outputs[index])
        return out
