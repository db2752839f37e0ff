"""Sound that comes through a pipe, decoded as it comes: a WAV file of any announced length, or raw samples.

ffmpeg -i rtsp://camera/stream -f wav - | soundsdk sim -
arecord -f S16_LE -r 16000 -t raw | soundsdk sim - --rate 16000
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError, UsageError
from soundsdk.recording.audio_file import SoundReader

_READ_BYTES = 1 << 16
_ENDLESS_BYTES = 0x7FF00000  # sizes from here on, and 0, are what programs write that cannot know them
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_HEADER_BYTES = 1 << 20  # of everything before the samples
_CONVERT = "Convert it on the way: ffmpeg -i … -f wav - | soundsdk sim -"


class ByteStream(Protocol):
    """The reading end of a pipe."""

    def read1(self, size: int, /) -> bytes:
        """Return what is there, waiting for at least one byte; b"" at the end."""


@dataclass(frozen=True)
class SampleFormat:
    """Samples as they lie in a stream: little-endian, of `bits` bits, floating-point or not, frame by frame."""

    rate_hz: int
    channels: int
    bits: int
    floating: bool = False

    @property
    def frame_bytes(self) -> int:
        """Size of one sample of every channel."""
        return self.channels * self.bits // 8

    def decode(self, data: bytes) -> NDArray[np.float32]:
        """Return whole frames as (frames, channels) in -1..1."""
        samples: NDArray[Any]
        if self.floating:
            # What float32 cannot hold becomes infinite, and is refused as no number.
            with np.errstate(over="ignore", invalid="ignore"):
                samples = np.frombuffer(data, f"<f{self.bits // 8}").astype(np.float32)
        elif self.bits == 8:  # the only unsigned one
            samples = (np.frombuffer(data, np.uint8) - np.float32(128)) / np.float32(128)
        elif self.bits == 24:
            # The upper three bytes of 32 bits.
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            samples = wide.view("<i4")[:, 0] / np.float32(2**31)
        else:
            samples = np.frombuffer(data, f"<i{self.bits // 8}") / np.float32(2 ** (self.bits - 1))
        return np.asarray(samples, np.float32).reshape(-1, self.channels)


class SoundStream(SoundReader):
    """A stream as blocks of int16 samples, as SoundReader has those of a file; each block is what has come.

    raw_rate_hz: it is raw, int16 in little-endian order with one channel; without it, it is a WAV file. DataError if it
    is neither.
    """

    def __init__(
        self,
        stream: ByteStream,
        rate_hz: int = 16000,
        raw_rate_hz: int | None = None,
        name: str = "standard input",
    ) -> None:
        super().__init__(name, rate_hz)
        self._stream = stream
        self._raw_rate_hz = raw_rate_hz

    def _check_there(self) -> None:
        pass

    def _decoded(self) -> Generator[NDArray[np.float32], None, None]:
        rest, left = b"", None
        if self._raw_rate_hz is None:
            form, left, rest = self._wav_header()
        else:
            form = SampleFormat(self._raw_rate_hz, 1, 16)
            rest = self._at_least(b"", 4)
            if rest.startswith((b"RIFF", b"RF64")):
                raise UsageError(f"{self.path} is a WAV file, which says its rate itself.", "Leave out --rate.")
        self._set_format(form.rate_hz, form.channels)
        while True:
            rest = rest if left is None else rest[:left]
            whole = len(rest) // form.frame_bytes * form.frame_bytes
            if whole:
                yield form.decode(rest[:whole])
                rest, left = rest[whole:], None if left is None else left - whole
            if left is not None and left < form.frame_bytes:
                return
            data = self._read()
            if not data:
                return
            rest += data

    def _read(self) -> bytes:
        try:
            return self._stream.read1(_READ_BYTES)
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"{self.path} cannot be read: {reason}.", "Check what writes it.") from error

    def _at_least(self, data: bytes, size: int) -> bytes:
        """Return data and what follows it, of that size or more; less only at the end of the stream."""
        while len(data) < size and (more := self._read()):
            data += more
        return data

    def _wav_header(self) -> tuple[SampleFormat, int | None, bytes]:
        """Return the format of the samples, their bytes (None: up to the end), and those of them that were read."""
        data = self._at_least(b"", 12)
        if not data:
            raise DataError(f"{self.path} holds no sound.", "Check what writes it.")
        if data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
            raise DataError(f"{self.path} is not a WAV file.", f"Say the rate of raw samples with --rate. {_CONVERT}")
        at = 12
        form: SampleFormat | None = None
        while at < _HEADER_BYTES:
            data = self._at_least(data, at + 8)
            name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
            at += 8
            if name == b"data":
                if form is None:
                    break
                return form, None if size == 0 or size >= _ENDLESS_BYTES else size, data[at:]
            data = self._at_least(data, at + size + size % 2) if size < _HEADER_BYTES else data
            if len(data) < at + size:
                break
            if name == b"fmt ":
                form = self._format(data[at : at + size])
            at += size + size % 2
        raise DataError(f"{self.path} is a WAV file without samples.", _CONVERT)

    def _format(self, chunk: bytes) -> SampleFormat:
        tag, channels, rate_hz, bits = (
            int.from_bytes(chunk[i:j], "little") for i, j in ((0, 2), (2, 4), (4, 8), (14, 16))
        )
        if tag == _EXTENSIBLE:
            tag = int.from_bytes(chunk[24:26], "little")  # the tag proper
        if channels and (tag, bits) in ((_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_FLOAT, 32), (_FLOAT, 64)):
            return SampleFormat(rate_hz, channels, bits, tag == _FLOAT)
        raise DataError(f"{self.path} is a WAV file with samples that are compressed or odd.", _CONVERT)
