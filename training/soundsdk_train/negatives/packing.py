"""The file of negatives: int8 log-mel features in steps of 1.6 dB, predicted, and compressed with LZMA.

Layout: the magic "SNEG1" and a line feed, the length of the header (uint32, little-endian), the header (JSON, LZMA),
the residuals (LZMA). A value is predicted as the mean of the one a frame earlier and the one a band lower; the
residuals of all items lie band by band.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError
from soundsdk_train.run_settings import FrontendSettings

STEP = 4  # int8 steps of 0.4 dB each
_MAGIC = b"SNEG1\n"
_LOWEST = -128  # the floor of the frontend: digital silence
_DATA_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0, "pb": 0}]
_MOST_BYTES = 1 << 28


@dataclass
class NegativeItem:
    """One negative and where it comes from.

    features: int8 (frames, width). words: those in a label that make it unfit.
    """

    features: NDArray[np.int8]
    kind: str
    words: list[str]
    source: str
    original: str
    licence: str


def frontend_hash(frontend: FrontendSettings) -> str:
    """Return what a frontend's features depend on, its version and settings, as 16 hexadecimal digits."""
    import soundcore

    values = {"version": soundcore.FRONTEND_VERSION, **asdict(frontend)}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def pack(items: Sequence[NegativeItem], frontend: FrontendSettings) -> bytes:
    """Return the file of items whose features come from this frontend; values are rounded to steps of STEP."""
    header = {
        "frontend": frontend_hash(frontend),
        "width": frontend.width,
        "step": STEP,
        "items": [[len(i.features), i.kind, " ".join(i.words), i.source, i.original, i.licence] for i in items],
    }
    levels = [np.rint((i.features.astype(np.int16) - _LOWEST) / STEP).astype(np.int16) for i in items]
    residuals = np.concatenate([_residuals(level) for level in levels])
    head = lzma.compress(json.dumps(header, separators=(",", ":")).encode(), preset=9)
    data = lzma.compress(np.ascontiguousarray(residuals.T).tobytes(), filters=_DATA_FILTERS)
    return _MAGIC + struct.pack("<I", len(head)) + head + data


def packed_frontend(data: bytes) -> str:
    """Return the frontend_hash of a file of negatives; DataError if it is none."""
    return str(_header(data)[0]["frontend"])


def unpack(data: bytes) -> list[NegativeItem]:
    """Return the items of a file; features lie in the middle of their steps. Raises DataError for a damaged file."""
    header, at = _header(data)
    try:
        rows, width, step = header["items"], int(header["width"]), int(header["step"])
        lengths = [int(row[0]) for row in rows]
        residuals = np.frombuffer(_decompressed(data[at:]), np.int8).reshape(width, sum(lengths)).T
        levels = _restored(residuals, lengths)
        items = []
        for level, (_, kind, words, source, original, licence) in zip(levels, rows, strict=True):
            features = np.clip(level * step + _LOWEST, -128, 127).astype(np.int8)
            items.append(NegativeItem(features, kind, words.split(), source, original, licence))
        return items
    except (lzma.LZMAError, KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise DataError(f"the file of negatives is damaged: {error}.", "Install soundsdk again.") from error


def _header(data: bytes) -> tuple[dict, int]:
    start = len(_MAGIC) + 4
    if not data.startswith(_MAGIC) or len(data) < start:
        raise DataError("this is no file of negatives.", "Install soundsdk again, or make it with make_shipped.")
    (size,) = struct.unpack_from("<I", data, len(_MAGIC))
    try:
        header = json.loads(_decompressed(data[start : start + size]))
        if not isinstance(header, dict):
            raise ValueError("its header is no table")
    except (lzma.LZMAError, ValueError, EOFError) as error:
        raise DataError(f"the file of negatives is damaged: {error}.", "Install soundsdk again.") from error
    return header, start + size


def _decompressed(data: bytes) -> bytes:
    stream = lzma.LZMADecompressor(memlimit=_MOST_BYTES)
    raw = stream.decompress(data, max_length=_MOST_BYTES)
    if not stream.eof:
        raise ValueError("it is cut short or too large")
    return raw


def _residuals(level: NDArray[np.int16]) -> NDArray[np.int8]:
    """Return levels (frames, width) less their prediction from the frame before and the band below."""
    before = np.zeros_like(level)
    before[1:] = level[:-1]
    below = np.zeros_like(level)
    below[:, 1:] = level[:, :-1]
    return (level - _predicted(before, below, level)).astype(np.int8)


def _predicted(before: NDArray[np.int16], below: NDArray[np.int16], like: NDArray[np.int16]) -> NDArray[np.int16]:
    out = (before + below) >> 1
    out[:, 0] = before[:, 0]
    if len(like):
        out[0] = below[0]
    return out


def _restored(residuals: NDArray[np.int8], lengths: Sequence[int]) -> list[NDArray[np.int16]]:
    """Undo _residuals for items of the given lengths, all of them side by side."""
    width, longest = residuals.shape[1], max(lengths, default=0)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(int)
    grid = np.zeros((longest, width, len(lengths)), np.int16)
    for i, length in enumerate(lengths):
        grid[:length, :, i] = residuals[starts[i] : starts[i] + length]
    for frame in range(longest):
        for band in range(width):
            value = grid[frame, band]
            if frame == 0:
                value += grid[0, band - 1] if band else 0
            elif band == 0:
                value += grid[frame - 1, 0]
            else:
                value += (grid[frame - 1, band] + grid[frame, band - 1]) >> 1
    return [grid[:length, :, i] for i, length in enumerate(lengths)]
