"""A detector file on the host: checked by the C core, and by the firmware's own Python.

What passes here starts on a board, if the board has the room, the memory and the speed (soundsdk.models.fit).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundsdk.errors import ModelError
from soundsdk.labels import printable

MAX_BYTES = 16 * 1024 * 1024
# Real value of one int8 step of the features. Every frontend and every model agree on it; the zero point is 0.
FEATURE_SCALE = 1.0 / 32.0
# No board does more in a second, and a computer needs seconds for one: such a file would never end in `sim`.
MOST_MACS_PER_SECOND = 2_000_000_000

_TRAIN = "Train a new one with `soundsdk train`."
_OTHER_TOOLS = "soundsdk train makes detectors; models of other tools lack labels, thresholds and a frontend."
_ADOPT = (
    "soundsdk adopt gives a model of another tool its labels, thresholds and frontend; soundsdk train makes detectors."
)
# The first bytes of files that are taken for detectors, their kind, and what to do next.
_KINDS = (
    (b"PK\x03\x04", "a ZIP archive, as Keras (.keras) and PyTorch write them", _OTHER_TOOLS),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes it (.h5)", _OTHER_TOOLS),
    (b"version https://git-lfs", "a Git LFS pointer instead of the file", "Fetch it with git lfs pull."),
    (b"UF2\n", "a firmware image", "soundsdk flash --firmware writes it."),
    (b"\x7fELF", "a program", "Give the .tflite file."),
    (b"RIFF", "a sound file", "Give the .tflite file."),
    (b"<", "a page or XML", "Fetch the file itself, not its page."),
    (b"{", "a JSON file", "Give the .tflite file beside it."),
)
# Operators of other tools' models that the core knows by their number only (BuiltinOperator of the schema).
OTHER_OPERATORS = {
    16: "LSTM", 24: "RNN", 32: "CUSTOM", 36: "GATHER", 37: "BATCH_TO_SPACE_ND", 38: "SPACE_TO_BATCH_ND", 42: "DIV",
    46: "BIDIRECTIONAL_SEQUENCE_RNN", 47: "EXP", 52: "BIDIRECTIONAL_SEQUENCE_LSTM",
    54: "PRELU", 55: "MAXIMUM", 57: "MINIMUM", 60: "PADV2", 67: "TRANSPOSE_CONV", 73: "LOG", 74: "SUM", 75: "SQRT",
    76: "RSQRT", 78: "POW", 82: "REDUCE_MAX", 89: "REDUCE_MIN", 92: "SQUARE", 97: "RESIZE_NEAREST_NEIGHBOR", 101: "ABS",
    111: "ELU", 118: "IF", 119: "WHILE", 126: "BATCH_MATMUL", 129: "CALL_ONCE", 142: "VAR_HANDLE",
    150: "GELU",
}  # fmt: skip


@dataclass(frozen=True)
class DetectorFile:
    """A detector that soundcore accepts. `arena_bytes` includes the frontend's memory; macs: of one step."""

    path: Path
    data: bytes
    metadata: dict[str, Any]
    arena_bytes: int
    step_samples: int
    macs: int = 0

    @property
    def name(self) -> str:
        """The detector's name, from its metadata."""
        return str(self.metadata["name"])

    @property
    def labels(self) -> list[str]:
        """The names of its classes, in the order of its scores."""
        return list(self.metadata["labels"])

    @property
    def step_s(self) -> float:
        """Seconds of sound in one step."""
        return float(self.step_samples / self.metadata["frontend"]["rate_hz"])


def read_model(path: Path) -> bytes:
    """Return the bytes of a model's file, MAX_BYTES + 1 of them at most; ModelError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as e:
        raise ModelError(f"the model {path} cannot be read: {e.strerror or e}.", "Check the path.") from e


def load(path: str | Path) -> DetectorFile:
    """Read and check a detector; ModelError if it is missing, damaged or not a detector."""
    path = Path(path)
    if path.is_dir():
        raise ModelError(f"{path} is a folder, not a detector.", "Give the .tflite file.")
    data = read_model(path)
    if len(data) > MAX_BYTES:
        raise ModelError(f"{path} is larger than {MAX_BYTES >> 20} MiB and cannot be a detector.", _OTHER_TOOLS)
    return from_bytes(data, path)


def from_bytes(data: bytes, path: str | Path) -> DetectorFile:
    """Check a detector's bytes by every rule of the firmware; path: what messages call it. Raises ModelError."""
    import soundcore

    path = Path(path)
    if data[4:8] != b"TFL3":
        raise _not_tflite(data, path)
    try:
        stream = soundcore.Stream(data)
    except soundcore.Error as e:
        raise _refused(data, path, *e.args) from e
    metadata = _metadata(path, bytes(stream.metadata))
    _check_labels(path, metadata)
    _check_as_firmware(path, data)
    macs = sum(operator[2] for operator in soundcore.operators(data))
    detector = DetectorFile(path, data, metadata, stream.arena_size, stream.step_samples, macs)
    if macs > MOST_MACS_PER_SECOND * detector.step_s:
        raise ModelError(
            f"{path} cannot be used: it computes {macs / detector.step_s:.2g} multiplications for a second of sound, "
            "more than any board can.",
            "Train a smaller one.",
        )
    return detector


def _metadata(path: Path, text: bytes) -> dict[str, Any]:
    """Return the metadata of a file, which the core has found to be JSON; ModelError if it cannot be read as text."""
    try:
        metadata: dict[str, Any] = json.loads(text.decode())
        json.dumps(metadata, ensure_ascii=False).encode()  # an escape may be half of a character, which no text holds
    except UnicodeError as e:
        raise ModelError(f"{path} cannot be used: its metadata is not valid UTF-8 (meta.json).", _TRAIN) from e
    return metadata


def _not_tflite(data: bytes, path: Path) -> ModelError:
    if not data:
        return ModelError(f"{path} is empty.", _TRAIN)
    for start, kind, hint in _KINDS:
        if data.startswith(start):
            return ModelError(f"{path} is no detector: it is {kind}.", hint)
    if path.suffix.lower() == ".onnx":
        return ModelError(f"{path} is no detector: it is an ONNX model.", _OTHER_TOOLS)
    return ModelError(f"{path} cannot be used: it is not a TensorFlow Lite file (model.file).", _TRAIN)


def _refused(data: bytes, path: Path, code: str, detail: str) -> ModelError:
    """Return the error of a file that the core refuses; of another tool's also what else keeps it from running."""
    import soundcore

    if code != "meta.missing":
        return ModelError(f"{path} cannot be used: {_named(detail)} ({code}).", _TRAIN)
    also = ""
    try:
        soundcore.Model(data)
    except soundcore.Error as e:
        also = f", and could not be run either: {_named(e.args[1])} ({e.args[0]})"
    return ModelError(f"{path} is no detector: it carries no soundsdk metadata (meta.missing){also}.", _ADOPT)


def _named(detail: str) -> str:
    """Return the core's sentence with the name of an operator in place of its number."""
    return re.sub(r"builtin (\d+)", lambda found: OTHER_OPERATORS.get(int(found[1]), found[0]), detail)


def _check_labels(path: Path, metadata: dict[str, Any]) -> None:
    """Raise ModelError for labels that would be taken for each other, and for thresholds, named by their label."""
    from soundfw import FirmwareError
    from soundfw.detect.thresholds import Thresholds

    labels = metadata["labels"]
    classes = metadata["detector"].get("classes") if isinstance(metadata.get("detector"), dict) else None
    for at, label in enumerate(labels):
        if label in labels[:at]:
            raise ModelError(f"{path} cannot be used: it has the label {label!r} twice (meta.labels).", _TRAIN)
    if not isinstance(classes, list) or len(classes) != len(labels):
        raise ModelError(f"{path} cannot be used: its thresholds do not fit its labels (meta.json).", _TRAIN)
    for label, rule in zip(labels, classes, strict=True):
        try:
            Thresholds(**{key: rule[key] for key in ("on", "off", "min_ms", "hold_ms")})
        except FirmwareError as e:
            name = printable(str(label))[:64]
            raise ModelError(f"{path} cannot be used: {name}: {e.args[1]} ({e.args[0]}).", _TRAIN) from e
        except (KeyError, TypeError) as e:
            raise ModelError(f"{path} cannot be used: its thresholds are incomplete (meta.json).", _TRAIN) from e


def _check_as_firmware(path: Path, data: bytes) -> None:
    """Open the model as the application on a board does at its start; ModelError with its reason."""
    from soundfw import FirmwareError
    from soundfw.main import App
    from soundfw.settings import Settings

    app = App(Settings(), _no_sound, _no_sound, model=data)
    try:
        app.open_model(data)
    except FirmwareError as e:
        raise ModelError(f"{path} cannot be used: {e.args[1]} ({e.args[0]}).", _TRAIN) from e


def _no_sound(_: object) -> int:
    return 0
