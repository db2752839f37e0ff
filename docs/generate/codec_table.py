"""The table of the wire page about the codec of recordings: what it costs, and what is left of noise and tones."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Iterator

import numpy as np
import soundcore
from numpy.typing import NDArray

from soundfw.wire.framing import encode
from soundfw.wire.record import PIECE_SAMPLES

RATE_HZ = 16000
_LINE_ENDS = 2
_NOISE_DBFS = range(-60, -11, 6)
_TONES_DBFS = (-60, -50, -40, -30, -20, -10, -3, -1)
_TONES_HZ = range(20, 8000, 122)

_Samples = NDArray[np.int16]


def table() -> str:
    """Return the table as Markdown."""
    head = "| bits | per sample, with all overhead | bytes/s on the wire | white noise | tones |\n" + "|---" * 5 + "|\n"
    rows = [
        f"| {bits} | {_bits(bits):.2f} bits | {_bytes_s(bits):,} | {_worst(bits, _noises()):.1f} dB "
        f"| {_worst(bits, _tones()):.0f} dB |"
        for bits in (3, 4, 5)
    ]
    rows.append(f"| 16 | 16 bits | {_bytes_s(16):,} | no loss | no loss |")
    words = (
        f"\n\nThe worst of all: white noise of {_NOISE_DBFS[0]} to {_NOISE_DBFS[-1]} dBFS, tones of {_TONES_HZ[0]} to "
        f"{_TONES_HZ[-1]} Hz and {_TONES_DBFS[0]} to {_TONES_DBFS[-1]} dBFS; computed at {RATE_HZ // 1000} kHz.\n"
    )
    return head + "\n".join(rows) + words


def _coded(pcm: _Samples, bits: int) -> bytes:
    out = bytearray(2 * len(pcm) + 64)
    return bytes(out[: soundcore.adpcm_encode(np.ascontiguousarray(pcm).data, out, bits)])


def _bits(bits: int) -> float:
    samples = PIECE_SAMPLES[bits]
    return 8 * len(_coded(np.zeros(samples, np.int16), bits)) / samples


def _bytes_s(bits: int) -> int:
    """Return the bytes of a second, rounded to hundreds: lines of JSON with base64 in them."""
    samples = PIECE_SAMPLES[bits]
    pcm = np.zeros(samples, np.int16)
    data = pcm.tobytes() if bits == 16 else _coded(pcm, bits)
    text = b2a_base64(data, newline=False).decode()
    line = encode({"type": "audio", "seq": 1000, "at": 1_000_000, "codec": "adpcm", "data": text})
    return round((len(line) + _LINE_ENDS) * RATE_HZ / samples / 100) * 100


def _worst(bits: int, sounds: Iterator[_Samples]) -> float:
    return min(_snr_db(pcm, bits) for pcm in sounds)


def _snr_db(pcm: _Samples, bits: int) -> float:
    piece = PIECE_SAMPLES[bits]
    back = np.zeros(len(pcm), np.int16)
    for at in range(0, len(pcm), piece):
        soundcore.adpcm_decode(_coded(pcm[at : at + piece], bits), back[at : at + piece].data)
    error = back.astype(float) - pcm
    return float(10 * np.log10(np.sum(pcm.astype(float) ** 2) / max(np.sum(error**2), 1e-9)))


def _noises() -> Iterator[_Samples]:
    rng = np.random.default_rng(1)
    for level in _NOISE_DBFS:
        for noise in (rng.uniform(-1, 1, RATE_HZ), rng.normal(0, 1, RATE_HZ)):
            yield _int16(10 ** (level / 20) * noise)


def _tones() -> Iterator[_Samples]:
    for level in _TONES_DBFS:
        for hz in _TONES_HZ:
            yield _int16(10 ** (level / 20) * np.sin(2 * np.pi * hz * np.arange(4096) / RATE_HZ + hz))


def _int16(sound: NDArray[np.float64]) -> _Samples:
    return np.clip(np.rint(32767 * sound), -32768, 32767).astype(np.int16)
