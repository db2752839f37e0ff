"""Prepare what pictures of sound show: colours, the outline of a wave, features as shades, ticks of the axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BACK, PANEL, GRID = "#ffffff", "#f6f7f9", "#dfe3e8"
INK, FAINT = "#1f2933", "#6b7785"
WAVE_INK = "#3c5a78"
COLOURS = (
    "#d1495b",
    "#00798c",
    "#edae49",
    "#66a182",
    "#7768ae",
    "#e07a3f",
    "#3d5a98",
    "#9a6a4f",
    "#c2589b",
    "#5f7d1d",
)
Ramp = Sequence[tuple[int, int, int]]
# Dark to light with rising luminance, so that the picture survives black-and-white printing.
HEAT: Ramp = ((8, 10, 34), (54, 20, 92), (122, 32, 110), (190, 54, 92), (236, 104, 66), (252, 172, 72), (252, 244, 184))


def outline(pcm: NDArray[np.int16], columns: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the lowest and highest sample of each column, and the largest magnitude of all, 1 at least."""
    edges = np.linspace(0, len(pcm), columns + 1).astype(int)
    starts = np.minimum(edges[:-1], len(pcm) - 1)
    low, high = np.minimum.reduceat(pcm, starts), np.maximum.reduceat(pcm, starts)
    peak = max(float(np.abs(pcm.astype(np.int32)).max()), 1.0)
    return low.astype(float), high.astype(float), peak


def shades(features: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return features (frames, width) as an image (width, frames) of shades 0-1, the lowest band at the bottom."""
    values = features.T[::-1].astype(np.float32)
    # Digital silence lies at -128 and would reduce the contrast of the rest.
    sounding = values[values > -128]
    low, high = np.percentile(sounding if len(sounding) else values, [4, 99.7])
    return np.clip((values - low) / max(float(high - low), 1.0), 0, 1)


def coloured(shade: NDArray[np.float64], ramp: Ramp = HEAT) -> NDArray[np.uint8]:
    """Return shades 0-1 as pixels (height, width, 3)."""
    stops = np.linspace(0, 1, len(ramp))
    channels = [np.interp(shade, stops, [colour[i] for colour in ramp]) for i in range(3)]
    return np.round(np.stack(channels, axis=-1)).astype(np.uint8)


def mel_ticks(frontend: dict[str, Any]) -> list[tuple[int, float]]:
    """Return round frequencies and their height, 0 at the bottom: bands lie evenly in mel (HTK)."""

    def mel(hz: float) -> float:
        return float(2595 * np.log10(1 + hz / 700))

    low, high = mel(frontend["low_hz"]), mel(frontend["high_hz"])
    ticks = [(hz, (mel(hz) - low) / (high - low)) for hz in (200, 500, 1000, 2000, 4000, 8000, 16000)]
    return [(hz, y) for hz, y in ticks if 0.03 < y < 0.97]


def hz_text(hz: float) -> str:
    """Return a frequency for an axis."""
    return f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz:g} Hz"


def time_step(seconds: float) -> float:
    """Return the distance of the ticks of a time axis in seconds: round, and at most 14 of them."""
    return next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 600, 1800) if seconds / s <= 14), 3600)


def time_text(seconds: float, step: float) -> str:
    """Return a tick's text: seconds, or minutes and seconds where the ticks are a minute apart or more."""
    return f"{seconds:g}" if step < 60 else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
