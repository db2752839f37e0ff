"""Sound files as real users have them: cut off, with wrong headers, of odd codecs, or no sound at all.

Each maker writes one file. They are of a tone of 1 kHz at 16 kHz, SECONDS long, so that what is read can be judged.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
SECONDS = 3.0
_SILENT_GUID = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"


def tone(seconds: float = SECONDS, rate: int = RATE, pitch_hz: float = 1000.0) -> np.ndarray:
    """Float samples of a tone at 0.3 with a little noise."""
    count = round(seconds * rate)
    noise = np.random.default_rng(1).standard_normal(count)
    return (0.3 * np.sin(2 * np.pi * pitch_hz * np.arange(count) / rate) + 0.01 * noise).astype(np.float32)


def pcm16(seconds: float = SECONDS) -> bytes:
    """Return the tone as little-endian int16."""
    return (tone(seconds) * 32767).astype("<i2").tobytes()


def encoded(kind: str, subtype: str, samples: np.ndarray | None = None, rate: int = RATE) -> bytes:
    """Return the tone, or other samples, as a file of libsndfile's."""
    out = io.BytesIO()
    soundfile.write(out, tone() if samples is None else samples, rate, format=kind, subtype=subtype)
    return out.getvalue()


def wav(
    data: bytes,
    form: bytes | None = None,
    *,
    riff_size: int | None = None,
    data_size: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """Return a WAV file made by hand, whose sizes may be wrong."""
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16) if form is None else form
    size = len(data) if data_size is None else data_size
    body = b"WAVE" + chunk(b"fmt ", form) + before + b"data" + struct.pack("<I", size) + data + after
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a chunk of a RIFF file."""
    return name + struct.pack("<I", len(data)) + data


def holed(data: bytes, bytes_lost: int) -> bytes:
    """Return a file with zeros in its middle, as a bad disk leaves."""
    at = len(data) // 3
    return data[:at] + b"\0" * bytes_lost + data[at + bytes_lost :]


def _stereo(left: np.ndarray, right: np.ndarray) -> bytes:
    return encoded("WAV", "PCM_16", np.stack([left, right], 1))


def _float_with(value: float) -> bytes:
    samples = tone()
    samples[100] = value
    return encoded("WAV", "FLOAT", samples)


def _extensible() -> bytes:
    form = struct.pack("<HHIIHH", 0xFFFE, 1, RATE, 2 * RATE, 2, 16)
    return wav(pcm16(), form + struct.pack("<HHIH", 22, 16, 4, 1) + _SILENT_GUID)


def _of_rate(rate: int, data: bytes) -> bytes:
    return wav(data, struct.pack("<HHIIHH", 1, 1, rate, 2 * rate & 0xFFFFFFFF, 2, 16))


def _channels(count: int) -> bytes:
    samples = np.repeat(tone()[:, None], count, 1)
    return encoded("WAV", "PCM_16", samples)


def _vorbis() -> bytes:
    return encoded("OGG", "VORBIS")


# Name of the file: (its content, seconds that are read of it, how far they may be off).
READABLE: dict[str, tuple[Callable[[], bytes], float, float]] = {
    "size_ffffffff.wav": (lambda: wav(pcm16(), riff_size=0xFFFFFFFF, data_size=0xFFFFFFFF), SECONDS, 0),
    "size_7fffffff.wav": (lambda: wav(pcm16(), riff_size=0x7FFFFFFF, data_size=0x7FFFFFDB), SECONDS, 0),
    "size_zero.wav": (lambda: wav(pcm16(), riff_size=0, data_size=len(pcm16())), SECONDS, 0),
    "full_disk.wav": (lambda: wav(pcm16(1.5), data_size=len(pcm16())), 1.5, 0),
    "half_a_sample.wav": (lambda: wav(pcm16()[:-1]), SECONDS, 0.001),
    "info_before_data.wav": (lambda: wav(pcm16(), before=chunk(b"LIST", b"INFOISFT" + chunk(b"abcd", b"x" * 6))), 3, 0),
    "broadcast.wav": (lambda: wav(pcm16(), before=chunk(b"bext", b"\0" * 602)), SECONDS, 0),
    "junk_after.wav": (lambda: wav(pcm16(), after=b"\0" * 777), SECONDS, 0),
    "cue_after.wav": (lambda: wav(pcm16(), after=chunk(b"cue ", b"\0" * 28)), SECONDS, 0),
    "id3_before.wav": (lambda: b"ID3\x03\0\0\0\0\0\x0a" + b"\0" * 10 + wav(pcm16()), SECONDS, 0),
    "extensible.wav": (_extensible, SECONDS, 0),
    "u8.wav": (lambda: encoded("WAV", "PCM_U8"), SECONDS, 0),
    "s24.wav": (lambda: encoded("WAV", "PCM_24"), SECONDS, 0),
    "s32.wav": (lambda: encoded("WAV", "PCM_32"), SECONDS, 0),
    "float.wav": (lambda: encoded("WAV", "FLOAT"), SECONDS, 0),
    "double.wav": (lambda: encoded("WAV", "DOUBLE"), SECONDS, 0),
    "ms_adpcm.wav": (lambda: encoded("WAV", "MS_ADPCM"), SECONDS, 0.1),
    "ima_adpcm.wav": (lambda: encoded("WAV", "IMA_ADPCM"), SECONDS, 0.1),
    "ulaw.wav": (lambda: encoded("WAV", "ULAW"), SECONDS, 0),
    "alaw.wav": (lambda: encoded("WAV", "ALAW"), SECONDS, 0),
    "telephone_gsm.wav": (lambda: encoded("WAV", "GSM610"), SECONDS, 0.05),
    "g721.wav": (lambda: encoded("WAV", "G721_32"), SECONDS, 0.05),
    "g721.au": (lambda: encoded("AU", "G721_32"), SECONDS, 0.05),
    "rf64.wav": (lambda: encoded("RF64", "PCM_16"), SECONDS, 0),
    "w64.wav": (lambda: encoded("W64", "PCM_16"), SECONDS, 0),
    "big_endian.wav": (lambda: encoded("AIFF", "PCM_16"), SECONDS, 0),
    "caf.wav": (lambda: encoded("CAF", "PCM_16"), SECONDS, 0),
    "aifc.aif": (lambda: encoded("AIFF", "ULAW"), SECONDS, 0),
    "mp3_inside.wav": (lambda: encoded("MP3", "MPEG_LAYER_III"), SECONDS, 0.1),
    "flac_inside.mp3": (lambda: encoded("FLAC", "PCM_16"), SECONDS, 0),
    "voice.opus": (lambda: encoded("OGG", "OPUS"), SECONDS, 0.05),
    "cut_off.ogg": (lambda: _vorbis()[: len(_vorbis()) // 2], 1.0, 0.6),
    "hole.ogg": (lambda: holed(_vorbis(), 500), 2.0, 0.6),
    "chained.ogg": (lambda: _vorbis() + _vorbis(), 2 * SECONDS, 0.01),
    "chained_thrice.ogg": (lambda: 3 * encoded("OGG", "OPUS"), 3 * SECONDS, 0.1),
    "one_sample.wav": (lambda: encoded("WAV", "PCM_16", tone()[:1]), 1 / RATE, 0),
    "one_channel_dead.wav": (lambda: _stereo(tone(), np.zeros_like(tone())), SECONDS, 0),
    "many_channels.wav": (lambda: _channels(64), SECONDS, 0),
    "offset.wav": (lambda: encoded("WAV", "PCM_16", tone() + 0.5), SECONDS, 0),
    "hot_master.wav": (lambda: encoded("WAV", "FLOAT", 6 * tone()), SECONDS, 0),
    "digital_silence.wav": (lambda: encoded("WAV", "PCM_16", np.zeros(len(tone()), np.float32)), SECONDS, 0),
    "quiet_antiphase.wav": (lambda: _stereo(1e-4 * tone(), -1e-4 * tone()), SECONDS, 0),
}

# Name of the file: (its content, what is said of it).
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "cut_off.flac": (lambda: encoded("FLAC", "PCM_16")[:20000], "damaged|not sound"),
    "hole.flac": (lambda: holed(encoded("FLAC", "PCM_16"), 3000), "damaged|not sound"),
    "integers_as_floats.wav": (lambda: encoded("WAV", "FLOAT", tone() * 32767), "integers saved as floats"),
    "bytes_as_floats.wav": (lambda: encoded("WAV", "DOUBLE", tone() * 400), "where 1 is full scale"),
    "nan.wav": (lambda: _float_with(np.nan), "not numbers"),
    "inf.wav": (lambda: _float_with(np.inf), "not numbers"),
    "antiphase.wav": (lambda: _stereo(tone(), -tone()), "antiphase"),
    "nearly_antiphase.flac": (
        lambda: encoded("FLAC", "PCM_16", np.stack([tone(), -0.995 * tone()], 1)), "antiphase"
    ),
    "rate_0.wav": (lambda: _of_rate(0, pcm16()), "not sound"),
    "rate_1.wav": (lambda: _of_rate(1, pcm16(0.01)), "1 samples a second"),
    "rate_2000000000.wav": (lambda: _of_rate(2_000_000_000, pcm16()), "samples a second|not sound"),
    "rate_4294967295.wav": (lambda: _of_rate(0xFFFFFFFF, pcm16()), "not sound"),
    "page.wav": (lambda: b"<!DOCTYPE html><html>404 not found</html>", "a web page"),
    "page.mp3": (lambda: b"\n<html><body>Sign in</body></html>", "a web page"),
    "pointer.wav": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64, "git lfs|Git LFS"),
    "nothing.wav": (lambda: b"", "is empty"),
    "header_only.wav": (lambda: wav(b""), "holds no sound"),
    "zeros.wav": (lambda: b"\0" * 4096, "not sound"),
    "text.flac": (lambda: b"this is no sound at all", "not sound"),
    "half_a_header.wav": (lambda: wav(pcm16())[:20], "not sound"),
}  # fmt: skip


def write(folder: Path, name: str) -> Path:
    """Write one of the files, and return its path."""
    content = (READABLE.get(name) or REFUSED[name])[0]()
    path = folder / name
    path.write_bytes(content)
    return path
