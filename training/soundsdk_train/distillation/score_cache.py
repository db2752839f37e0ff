"""Scores of a teacher on disk, by the content of the recording: each recording is heard once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.cache import cache_dir
from soundsdk.recording.audio_file import to_int16
from soundsdk_train.distillation.teacher import Teacher, TeacherScores


class ScoreCache:
    """The scores of one teacher. folder: where they lie; None for the cache folder of soundsdk.

    What cannot be written is computed again next time; `failure` then says why.
    """

    def __init__(self, teacher: Teacher, folder: Path | None = None) -> None:
        self.teacher = teacher
        self.folder = (folder or cache_dir() / "teachers") / teacher.identity[:32]
        self.failure = ""
        self.hits = 0

    def scores(self, sha256: str, pcm: Callable[[], NDArray[np.int16]]) -> TeacherScores:
        """Return the scores of a recording, known by the SHA-256 of its file.

        pcm: gives its samples at the teacher's rate, and is called only if the scores are not there.
        """
        path = self.folder / sha256[:2] / f"{sha256}.npz"
        known = self._read(path)
        if known is not None:
            self.hits += 1
            return TeacherScores(known, self.teacher.hop_s)
        made = self.teacher.scores(pcm(), self.teacher.rate_hz)
        values = made.values.astype(np.float16)
        self._write(path, values)
        # As they will be read the next time: the first run of a seed and the second give the same detector.
        return TeacherScores(values.astype(np.float32), made.hop_s)

    def hear(self, pcm: NDArray[np.int16], rate_hz: int = 16000) -> TeacherScores:
        """Return the scores of samples, known by themselves."""
        import soxr

        known = hashlib.sha256(f"samples at {rate_hz} Hz".encode() + np.ascontiguousarray(pcm, np.int16).tobytes())

        def at_teacher() -> NDArray[np.int16]:
            if rate_hz == self.teacher.rate_hz:
                return pcm
            return to_int16(soxr.resample(pcm.astype(np.float32) / 32768.0, rate_hz, self.teacher.rate_hz))

        return self.scores(known.hexdigest(), at_teacher)

    def _read(self, path: Path) -> NDArray[np.float32] | None:
        try:
            with np.load(path, allow_pickle=False) as file:
                values = file["scores"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
            return None  # damaged: it is written again
        if values.ndim != 2 or values.shape[1] != self.teacher.classes or not len(values):
            return None
        return np.asarray(values, np.float32)

    def _write(self, path: Path, values: NDArray[np.float16]) -> None:
        name = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
                name = file.name
                np.savez_compressed(file, scores=values)
            os.replace(name, path)
        except OSError as error:
            self.failure = f"the scores of the teacher cannot be kept in {self.folder}: {error.strerror or error}"
            if name is not None:
                with contextlib.suppress(OSError):
                    os.unlink(name)
