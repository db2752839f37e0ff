"""A teacher: a model in a file that scores recordings of any length, frame by frame."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundsdk.cache import content_sha256
from soundsdk.errors import ModelError
from soundsdk_train.distillation.class_map import read_class_names
from soundsdk_train.distillation.waveform_models import WaveformModel, open_waveform_model
from soundsdk_train.run_settings import TeacherFileSettings, check_teacher_file

F32 = NDArray[np.float32]


class TeacherScores(NamedTuple):
    """Probabilities (frames, classes), and the seconds from one frame to the next.

    Frame i is about the window that begins at i * hop_s; the last window is moved back to end with the sound.
    """

    values: F32
    hop_s: float


class Teacher:
    """A model of a fixed window of sound, and the names of its classes (none without a class map)."""

    def __init__(self, model: WaveformModel, names: list[str], settings: TeacherFileSettings) -> None:
        self.model = model
        self.names = names
        self.classes = model.classes
        self.rate_hz = settings.rate_hz
        self.window_s = model.window_samples / settings.rate_hz
        self._hop_samples = max(1, round(settings.hop_s * settings.rate_hz))
        self.hop_s = self._hop_samples / settings.rate_hz
        self._activation = settings.activation

    @property
    def identity(self) -> str:
        """SHA-256 over all that the scores of a recording depend on besides its samples."""
        digest = hashlib.sha256()
        path = self.model.path
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            digest.update(bytes.fromhex(content_sha256(file)))
        form = (self.model.window_samples, self.classes, self._hop_samples, self.rate_hz, self._activation)
        digest.update(repr(form).encode())
        return digest.hexdigest()

    def scores(self, pcm: NDArray[np.int16], rate_hz: int = 16000) -> TeacherScores:
        """Score a recording: int16 samples at rate_hz, of any length above 0.

        A recording shorter than the window ends in silence up to there. Raises ModelError if the model's outputs
        are no probabilities.
        """
        sound = np.asarray(pcm, np.float32) / 32768.0
        if rate_hz != self.rate_hz:
            import soxr

            sound = soxr.resample(sound, rate_hz, self.rate_hz)
        window = self.model.window_samples
        if len(sound) < window:
            sound = np.concatenate([sound, np.zeros(window - len(sound), np.float32)])
        last = len(sound) - window
        starts = np.minimum(np.arange(0, last + self._hop_samples, self._hop_samples), last)
        values = np.stack([self.model.run(np.ascontiguousarray(sound[s : s + window])) for s in starts])
        return TeacherScores(self._probabilities(values), self.hop_s)

    def _probabilities(self, values: F32) -> F32:
        if not np.isfinite(values).all():
            raise ModelError(f"the teacher {self.model.path} gives values that are not numbers.", "Export it again.")
        if self._activation == "sigmoid":
            return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -80, 80))), np.float32)
        if self._activation == "softmax":
            powers = np.exp(values - values.max(axis=1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
        low, high = float(values.min()), float(values.max())
        if low < -1e-3 or high > 1.001:
            raise ModelError(
                f"the teacher {self.model.path} gives values from {low:.3g} to {high:.3g}, not probabilities.",
                'Set teacher_file.activation to "sigmoid" or "softmax".',
            )
        return np.clip(values, 0.0, 1.0)


def open_teacher(path: str | Path, settings: TeacherFileSettings | None = None) -> Teacher:
    """Load a teacher file and its class map.

    The class map is settings.class_map, else `NAME_class_map.csv` beside `NAME.tflite` if there is one. Raises
    ModelError for a file that cannot teach, DataError for a class map that cannot be read, UsageError for settings.
    """
    settings = settings or TeacherFileSettings()
    check_teacher_file(settings)
    path = Path(path)
    beside = path.with_name(f"{path.stem}_class_map.csv")
    named = Path(settings.class_map) if settings.class_map else beside if beside.is_file() else None
    names = read_class_names(named) if named else []
    window = max(2, round(settings.window_s * settings.rate_hz))
    model = open_waveform_model(path, window_samples=window, classes=len(names) or None)
    return Teacher(model, names, settings)
