"""Sound files as a microphone would deliver them: int16 samples, mono, at the rate of the detector.

Files are decoded from their first sample to their last, block by block: what a header says of the length is not
believed, and nothing is sought in a file, so that a damaged or endless one costs no more than its own samples.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError
from soundsdk.recording import ffmpeg
from soundsdk.recording.sound_files import KINDS, SUFFIXES, find, head_of, meant_path, needs_ffmpeg

__all__ = ["SUFFIXES", "SoundFacts", "SoundReader", "find", "read", "to_int16"]

FAR_OUTSIDE = 32.0  # times full scale: no sound is so loud, but numbers of int16 in a file of floats are
RATES_HZ = (1000, 768000)
_BLOCK_SAMPLES = 1 << 16  # of all channels together
_FULL = 0.9999  # a sample at either end of any format
_CANCELLED = 1e-4  # power of the channels' mean against that of the loudest channel: 40 dB less
_FADED = 10 ** (-70 / 10)  # power below which nothing is said of channels
_NO_SOUND = (
    (b"version https://git-lfs", "a pointer of Git LFS to it", "Fetch the files with `git lfs pull`."),
    (b"<!doctype", "a web page", "Download it again: the server answered with a page."),
    (b"<html", "a web page", "Download it again: the server answered with a page."),
)
# The first page of a stream in an Ogg file: version 0, the flag of a first page, position 0, a serial number, page 0.
_OGG_BEGIN = re.compile(rb"OggS\x00\x02\x00{8}.{4}\x00{4}", re.DOTALL)
_OGG_PAGE_BYTES = 27 + 255 + 4096  # of a first page, which holds no more than one header of a codec


@dataclass
class SoundFacts:
    """Facts about a file, met while it is decoded. frames, peak and clipped are of the file itself, at its own rate.

    peak: of any channel, 1.0 at full scale; clipped: frames at full scale or beyond; sounding: some sample is not 0.
    """

    rate_hz: int = 0
    channels: int = 0
    frames: int = 0
    peak: float = 0.0
    clipped: int = 0
    sounding: bool = False

    @property
    def seconds(self) -> float:
        """Length of what was decoded so far."""
        return self.frames / self.rate_hz if self.rate_hz else 0.0


class SoundReader:
    """One sound file as blocks of int16 samples, mono, at rate_hz; facts grow as it is read.

    Channels are averaged, the rate is converted (soxr, high quality), and samples beyond full scale are clipped.
    """

    def __init__(self, path: str | Path, rate_hz: int = 16000) -> None:
        self.path = Path(path)
        self.rate_hz = rate_hz
        self.facts = SoundFacts()
        self._powers = np.zeros(0)  # of each channel, summed over frames
        self._mean_power = 0.0

    def blocks(self) -> Iterator[NDArray[np.int16]]:
        """Decode the file and yield its samples.

        DataError, naming the file, if it is missing, is no sound, is damaged or holds none; if its values are no
        numbers or far outside -1..1; and, after the last block, if its channels cancel each other.
        """
        import soxr

        self._check_there()
        resampler: Any = None
        with closing(self._decoded()) as parts:
            for part in parts:
                mono = self._mixed_down(part)
                if self.facts.rate_hz == self.rate_hz:
                    yield to_int16(mono)
                    continue
                if resampler is None:
                    resampler = soxr.ResampleStream(self.facts.rate_hz, self.rate_hz, 1, dtype="float32")
                if len(out := resampler.resample_chunk(mono)):
                    yield to_int16(out)
        if not self.facts.frames:
            raise DataError(f"{self.path} holds no sound.", "Record it again or leave it out.")
        if resampler is not None and len(out := resampler.resample_chunk(np.zeros(0, np.float32), last=True)):
            yield to_int16(out)
        self._check_channels()

    def _check_there(self) -> None:
        path = self.path
        try:
            if path.is_dir():
                raise DataError(f"{path} is a folder, not a sound file.", f"Give {KINDS} files.")
            if path.stat().st_size == 0:
                raise DataError(f"{path} is empty.", "Record it again or leave it out.")
        except FileNotFoundError as error:
            raise DataError(f"there is no file {path}.", meant_path(path) or "Check the path.") from error
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}.", "Check the path.") from error

    def _decoded(self) -> Generator[NDArray[np.float32], None, None]:
        """Yield blocks (frames, channels) of the file's own rate."""
        try:
            head = head_of(self.path)
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror or error}.", "Check its mode.") from error
        for mark, what, hint in _NO_SOUND:
            if head.lstrip().lower().startswith(mark):
                raise DataError(f"{self.path} is not sound but {what}.", hint)
        if needs_ffmpeg(head):
            yield from ffmpeg.decode(self.path, _BLOCK_SAMPLES // 2, self._set_format)
            return
        if not head.startswith(b"OggS"):
            yield from self._by_libsndfile(str(self.path))
            return
        with self.path.open("rb") as file:  # streams one after the other, of which libsndfile reads the first
            begins = _ogg_streams(file)
            if len(begins) < 2:
                yield from self._by_libsndfile(str(self.path))
                return
            size = self.path.stat().st_size
            for begin, end in zip(begins, [*begins[1:], size], strict=True):
                yield from self._by_libsndfile(_FilePart(file, begin, end))

    def _by_libsndfile(self, source: Any) -> Generator[NDArray[np.float32], None, None]:
        import soundfile

        class Sequential(soundfile.SoundFile):
            """A SoundFile that reads on: soundfile seeks after every block, which some codecs cannot or do wrongly."""

            def seekable(self) -> bool:
                return False

        try:
            with Sequential(source) as file:
                self._set_format(int(file.samplerate), int(file.channels))
                frames = max(1, _BLOCK_SAMPLES // file.channels)
                while len(block := file.read(frames, dtype="float32", always_2d=True)):
                    yield block
        except (soundfile.SoundFileError, OSError, RuntimeError, TypeError, ValueError) as error:
            reason = str(error).removeprefix(f"Error opening {str(self.path)!r}: ").strip().rstrip(". :")
            if self.facts.frames:
                raise DataError(
                    f"{self.path} is damaged after {self.facts.seconds:.2f} s: {reason or 'it cannot be decoded'}.",
                    "Export it again or leave it out.",
                ) from error
            raise DataError(
                f"{self.path} is not sound that can be read: {reason or 'unknown format'}.", f"Give {KINDS} files."
            ) from error

    def _set_format(self, rate_hz: int, channels: int) -> None:
        if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
            raise DataError(
                f"{self.path} says that it has {rate_hz} samples a second, which no sound has.",
                "Export it again, or leave it out.",
            )
        if self.facts.channels and (rate_hz, channels) != (self.facts.rate_hz, self.facts.channels):
            raise DataError(
                f"{self.path} changes its rate or channels after {self.facts.seconds:.2f} s.", "Divide it into files."
            )
        self.facts.rate_hz, self.facts.channels = rate_hz, channels
        if not len(self._powers):
            self._powers = np.zeros(channels)

    def _mixed_down(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        facts = self.facts
        level = np.abs(block).max(axis=1)
        peak = float(level.max(initial=0.0))
        if not np.isfinite(peak):
            raise DataError(f"{self.path} holds values that are not numbers.", "Export it again or leave it out.")
        facts.frames += len(block)
        facts.peak = max(facts.peak, peak)
        if peak > FAR_OUTSIDE:
            raise DataError(
                f"{self.path} holds values up to {peak:.0f}, where 1 is full scale: integers saved as floats.",
                "Divide them by 32768, or save them as integers.",
            )
        facts.clipped += int(np.count_nonzero(level >= _FULL))
        facts.sounding = facts.sounding or peak > 0.0
        mono = np.asarray(block.mean(axis=1), np.float32)
        if facts.channels == 2:
            self._powers += np.square(block, dtype=np.float64).sum(axis=0)
            self._mean_power += float(np.square(mono, dtype=np.float64).sum())
        return mono

    def _check_channels(self) -> None:
        """Raise DataError if the two channels are one sound with opposite signs: their mean is silence."""
        loudest = float(self._powers.max(initial=0.0)) if self.facts.channels == 2 else 0.0
        if loudest > _FADED * self.facts.frames and self._mean_power < _CANCELLED * loudest:
            raise DataError(
                f"{self.path} has channels of opposite sign (antiphase), which cancel each other.",
                "Export one of its channels as mono.",
            )


def read(path: str | Path, rate_hz: int = 16000) -> NDArray[np.int16]:
    """Decode a sound file of any rate and number of channels as a whole; raises what SoundReader.blocks() raises."""
    parts = list(SoundReader(path, rate_hz).blocks())
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def to_int16(samples: NDArray[np.floating]) -> NDArray[np.int16]:
    """Convert samples in -1..1 to int16, rounded, and clipped at full scale."""
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)


class _FilePart:
    """A part of an open file as a file of its own, for libsndfile."""

    def __init__(self, file: IO[bytes], begin: int, end: int) -> None:
        self._file, self._begin, self._size, self._at = file, begin, end - begin, 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._at)
        self._file.seek(self._begin + self._at)
        data = self._file.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data


def _ogg_streams(file: IO[bytes]) -> list[int]:
    """Return where the streams of an Ogg file begin that follow one another; streams side by side are one."""
    begins: list[int] = []
    at, rest, after, seen = 0, b"", -1, -1
    while data := file.read(1 << 20):
        text = rest + data
        first = at - len(rest)
        for match in _OGG_BEGIN.finditer(text):
            place = first + match.start()
            page = _first_page_bytes(text, match.start())
            if place <= seen:  # in the rest of the text before
                continue
            if place != after:
                begins.append(place)
            seen, after = place, place + page
        at += len(data)
        rest = text[-_OGG_PAGE_BYTES:]
    return begins


def _first_page_bytes(text: bytes, at: int) -> int:
    """Return the length of a page: its header, one length per segment, and those segments; 0 if it is cut off."""
    count = text[at + 26] if len(text) > at + 26 else 0
    lengths = text[at + 27 : at + 27 + count]
    return 27 + count + sum(lengths) if count and len(lengths) == count else 0
