"""Audio files to what a microphone would give: int16 samples, mono, at the rate of the frontend."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError

SUFFIXES = (".wav", ".flac", ".ogg")


def read(path: str | Path, rate_hz: int = 16000) -> NDArray[np.int16]:
    """Decode a WAV, FLAC or OGG file of any rate and number of channels.

    Channels are averaged, the rate is converted (soxr, high quality), and what exceeds full scale is clipped.
    Raises DataError, naming the file, if it is no audio, is damaged or holds no samples.
    """
    import soundfile
    import soxr

    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError) as error:
        raise DataError(f"{path} is not audio that can be read: {error}", "Give WAV, FLAC or OGG files.") from error
    mono = samples.mean(axis=1)
    if not len(mono):
        raise DataError(f"{path} holds no sound.", "Record it again or remove it.")
    if not np.isfinite(mono).all():
        raise DataError(f"{path} holds values that are not numbers.", "Export it again or remove it.")
    return to_int16(soxr.resample(mono, rate, rate_hz) if rate != rate_hz else mono)


def to_int16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Samples in -1..1 as int16, rounded; beyond full scale clipped."""
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)
