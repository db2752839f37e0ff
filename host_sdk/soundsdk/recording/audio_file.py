"""Sound files as a microphone would deliver them: int16 samples, mono, at the rate of the detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError

SUFFIXES = (".wav", ".flac", ".ogg")
_BLOCK_FRAMES = 1 << 18


def read(path: str | Path, rate_hz: int = 16000) -> NDArray[np.int16]:
    """Decode a WAV, FLAC or OGG file of any rate and number of channels.

    Channels are averaged, the rate is converted (soxr, high quality), and samples beyond full scale are clipped.
    Raises DataError, naming the file, if it is missing, is no audio, is damaged or holds no samples.
    """
    import soundfile
    import soxr

    path = Path(path)
    if not path.exists():
        raise DataError(f"there is no file {path}.", "Check the path.")
    if path.is_dir():
        raise DataError(f"{path} is a folder, not a sound file.", "Give WAV, FLAC or OGG files.")
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty.", "Record it again or leave it out.")
    try:
        with soundfile.SoundFile(str(path)) as file:
            rate = int(file.samplerate)
            # Mixed down block by block: the channels of a long file need not be in memory together.
            parts = [block.mean(axis=1) for block in file.blocks(_BLOCK_FRAMES, dtype="float32", always_2d=True)]
    except (soundfile.SoundFileError, OSError, RuntimeError, TypeError) as error:
        reason = str(error).removeprefix(f"Error opening {str(path)!r}: ").rstrip(".")
        raise DataError(f"{path} is not sound that can be read: {reason}.", "Give WAV, FLAC or OGG files.") from error
    mono = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if not len(mono):
        raise DataError(f"{path} holds no sound.", "Record it again or leave it out.")
    if not np.isfinite(mono).all():
        raise DataError(f"{path} holds values that are not numbers.", "Export it again or leave it out.")
    return to_int16(soxr.resample(mono, rate, rate_hz) if rate != rate_hz else mono)


def to_int16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Convert samples in -1..1 to int16, rounded, and clipped at full scale."""
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)


def find(path: Path) -> list[Path]:
    """List the sound files at a path: the file itself, or all below a folder, sorted. DataError if there are none."""
    if not path.is_dir():
        return [path]
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not files:
        raise DataError(f"{path} holds no WAV, FLAC or OGG files.", "Give a folder with recordings.")
    return files
