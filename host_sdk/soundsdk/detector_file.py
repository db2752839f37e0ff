"""A detector file on the host: its bytes checked by soundcore, its metadata checked here.

The C core checks what it needs itself. Here the parts are checked that only the firmware's Python and people read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundsdk.errors import ModelError

MAX_BYTES = 16 * 1024 * 1024
# Real value of one int8 step of the features. Every frontend and every model agree on it; the zero point is 0.
FEATURE_SCALE = 1.0 / 32.0


@dataclass(frozen=True)
class DetectorFile:
    """A detector that soundcore accepts. `arena_bytes` includes the frontend's memory."""

    path: Path
    data: bytes
    metadata: dict[str, Any]
    arena_bytes: int
    step_samples: int

    @property
    def name(self) -> str:
        """The detector's name, from its metadata."""
        return str(self.metadata["name"])

    @property
    def labels(self) -> list[str]:
        """The names of its classes, in the order of its scores."""
        return list(self.metadata["labels"])


def load(path: str | Path) -> DetectorFile:
    """Read and check a detector; ModelError if it is missing, damaged or not a detector."""
    import soundcore

    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} is larger than {MAX_BYTES >> 20} MiB and cannot be a detector.")
        data = path.read_bytes()
    except OSError as e:
        raise ModelError(f"the model {path} cannot be read: {e.strerror or e}.", "Check the path.") from e
    try:
        stream = soundcore.Stream(data)
    except soundcore.Error as e:
        code, detail = e.args
        hint = "Train a new one with `soundsdk train`." if code.startswith("meta.") else ""
        raise ModelError(f"{path} cannot be used: {detail} ({code}).", hint) from e
    metadata = json.loads(stream.metadata)
    _check(path, metadata)
    return DetectorFile(path, data, metadata, stream.arena_size, stream.step_samples)


def _check(path: Path, metadata: dict[str, Any]) -> None:
    labels = metadata["labels"]
    classes = metadata.get("detector", {}).get("classes")
    if not isinstance(metadata.get("name"), str) or not all(isinstance(label, str) for label in labels):
        raise ModelError(f"{path} cannot be used: its metadata lacks a name or labels (meta.json).")
    if metadata.get("head") not in ("softmax", "sigmoid"):
        raise ModelError(f"{path} cannot be used: its head is neither softmax nor sigmoid (meta.json).")
    if not isinstance(classes, list) or len(classes) != len(labels):
        raise ModelError(f"{path} cannot be used: its detector settings do not fit its labels (meta.json).")
