"""Detectors by name or path."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from soundsdk.detector_file import DetectorFile, load
from soundsdk.errors import UsageError
from soundsdk.labels import meant
from soundsdk.models.arguments import check_path
from soundsdk.models.reachability import unreachable_classes
from soundsdk.resources import models_dir

DEFAULT = "home"
_TINY = "_tiny"  # after the name of a detector: its form for boards with little memory


def find_model(name_or_path: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of a detector: a path as it is, a bare name below the folder of those that come with soundsdk.

    UsageError, with what may have been meant, for a bare name that is neither; for an empty name and what is no path.
    """
    name = DEFAULT if name_or_path is None else check_path(name_or_path, "a detector")
    path = Path(name)
    if path.suffix or path.name != name:
        return path
    known = models_dir() / f"{name}.tflite"
    if known in models_dir().glob("*.tflite"):
        return known
    if os.path.isfile(path):
        return path
    names = sorted(p.stem for p in models_dir().glob("*.tflite"))
    hint = f"{meant(name, names)}Give a .tflite file or one of: {', '.join(names)}."
    raise UsageError(f"there is no detector {name}.", hint if names else "")


def load_model(
    name_or_path: str | os.PathLike[str] | None = None, warn: Callable[[str], None] | None = None
) -> DetectorFile:
    """Find a detector, read it and check it; ModelError if it cannot be used, UsageError for a name that is none.

    warn: called with a sentence for each class whose settings keep its events from beginning or ending.
    """
    detector = load(find_model(name_or_path))
    for problem in unreachable_classes(detector) if warn is not None else ():
        assert warn is not None
        warn(f"warning: {detector.name}: {problem}")
    return detector


def smaller_form(name: str) -> str:
    """Return the name of the form for boards with little memory of a detector that comes with soundsdk, or ""."""
    return name + _TINY if (models_dir() / f"{name}{_TINY}.tflite").is_file() else ""


def smaller(name: str) -> str:
    """Return in a sentence what to take in place of a detector that is too large."""
    tiny = smaller_form(name)
    return f"Take {tiny}, its form for boards with little memory." if tiny else "Train a smaller one."
