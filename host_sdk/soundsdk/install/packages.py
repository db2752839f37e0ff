"""The Python packages that only some verbs need, and the one command that installs those that are missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys

from soundsdk.errors import ToolError

# extra of pyproject.toml: what it holds, as modules with the names by which people know them. The interpreter
# tflite-micro is not among them: where it is missing, TensorFlow's own takes its place (soundsdk_train.judge).
EXTRAS = {
    "train": {"tensorflow": "TensorFlow", "sklearn": "scikit-learn", "flatbuffers": "flatbuffers"},
    "mqtt": {"paho": "paho-mqtt"},
    "listen": {"sounddevice": "sounddevice"},
    "onnx": {"onnxruntime": "onnxruntime"},
    "native": {"elftools": "pyelftools"},
    "stock": {"littlefs": "littlefs-python"},
    "dask": {"distributed": "distributed"},
}


class MissingPackageError(ToolError):
    """A Python package that a verb needs is not installed."""


def need(what: str, *extras: str) -> None:
    """Raise MissingPackageError with all that is missing of some extras, and one command that installs it.

    what: what cannot be done without, such as "soundsdk train". Nothing is imported.
    """
    lacking = {extra: [name for module, name in EXTRAS[extra].items() if not _there(module)] for extra in extras}
    names = [name for missing in lacking.values() for name in missing]
    if not names:
        return
    are = "which is not installed" if len(names) == 1 else "which are not installed"
    listed = ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
    wanted = ",".join(extra for extra, missing in lacking.items() if missing)
    raise MissingPackageError(f"{what} needs {listed}, {are}.", f"Run {install_command(f'soundsdk[{wanted}]')}")


def install_command(requirement: str) -> str:
    """Return the command that installs a requirement beside soundsdk, ready to paste into a shell of any system.

    It names this installation's Python, unless that is what `python` runs anyway. Of soundsdk's extras pip installs
    only what is missing: soundsdk itself is there, from wherever it came.
    """
    python = sys.executable
    found = shutil.which("python")
    if found is not None and os.path.abspath(found) == os.path.abspath(python):
        python = "python"
    elif " " in python:
        python = f'"{python}"'
    # Double quotes: those that bash, zsh, PowerShell and cmd all know.
    if importlib.util.find_spec("pip") is None and shutil.which("uv") is not None:
        return f'uv pip install --python {python} "{requirement}"'
    return f'{python} -m pip install "{requirement}"'


def _there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # a module that was put into sys.modules by hand
        return module in sys.modules
