"""The folders of the data that comes with soundsdk, in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent


def _folder(installed: str, checkout: str) -> Path:
    inside = _HERE / installed
    return inside if inside.is_dir() else _HERE.parents[1] / checkout


def models_dir() -> Path:
    """Return the folder of the detectors that come with soundsdk (`home.tflite` and others), with cards and records."""
    return _folder("_models", "firmware/models")


def configs_dir() -> Path:
    """Return the folder of the settings with which the detectors that come with soundsdk were trained."""
    return _folder("_configs", "training/configs")


def boards_dir() -> Path:
    """Return the folder of the board files, one TOML each."""
    return _folder("_boards", "boards")


def images_dir() -> Path:
    """Return the folder of the images and native modules of a release. A checkout has none: it compiles its own."""
    return _HERE / "_images"


def firmware_dir() -> Path:
    """Return the folder of what images are built from: the C modules, MicroPython board files and the manifest."""
    return _folder("_firmware", "firmware")
