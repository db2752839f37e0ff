"""A PNG to draw on, smooth at its edges: drawn large, then reduced."""

from __future__ import annotations

import io
import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from soundsdk_sim.drawing.sound import INK
from soundsdk_sim.drawing.surface import Box, Points, font

_PIXELS = 2  # per unit in the file: sharp on dense screens
_FINER = 2  # times finer while drawing


class Raster:
    """A Surface that becomes a PNG of 2 pixels per unit."""

    def __init__(self, width: float, height: float, back: str) -> None:
        self._scale = _PIXELS * _FINER
        self._image = Image.new("RGB", (round(width * self._scale), round(height * self._scale)), back)
        self._pen = ImageDraw.Draw(self._image, "RGBA")  # blends colours that have an opacity

    def _at(self, points: Points) -> list[tuple[float, float]]:
        return [(x * self._scale, y * self._scale) for x, y in points]

    def box(self, area: Box, fill: str, radius: float = 0, opacity: float = 1, title: str = "") -> None:
        """Fill a rectangle; at least one pixel of the file is filled."""
        x0, y0, x1, y1 = (v * self._scale for v in area)
        x1, y1 = max(x1, x0 + _FINER) - 1, max(y1, y0 + _FINER) - 1
        self._pen.rounded_rectangle(
            (x0, y0, x1, y1), min(radius * self._scale, (x1 - x0) / 2), fill=_rgba(fill, opacity)
        )

    def text(
        self, x: float, y: float, text: str, size: float = 12, fill: str = INK, anchor: str = "lm", bold: bool = False
    ) -> None:
        """Write one line."""
        weight = self._scale * size / 40 if bold else 0
        self._pen.text(
            (x * self._scale, y * self._scale), text, fill=fill, font=font(size * self._scale), anchor=anchor,
            stroke_width=weight, stroke_fill=fill,
        )  # fmt: skip

    def line(self, points: Points, colour: str, width: float = 1, dash: float = 0, opacity: float = 1) -> None:
        """Draw a line through points."""
        for part in dashes(points, dash) if dash else [points]:
            self._pen.line(
                self._at(part), fill=_rgba(colour, opacity), width=max(1, round(width * self._scale)), joint="curve"
            )

    def area(self, points: Points, fill: str, opacity: float = 1) -> None:
        """Fill a polygon."""
        self._pen.polygon(self._at(points), fill=_rgba(fill, opacity))

    def image(self, pixels: NDArray[np.uint8], area: Box, smooth: bool = False) -> None:
        """Show pixels, stretched to a rectangle."""
        left, top, right, bottom = (round(v * self._scale) for v in area)
        how = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
        shown = Image.fromarray(pixels).resize((max(1, right - left), max(1, bottom - top)), how)
        self._image.paste(shown, (left, top), shown if shown.mode == "RGBA" else None)

    def data(self) -> bytes:
        """Return the PNG."""
        out = io.BytesIO()
        self._image.reduce(_FINER).save(out, "PNG")
        return out.getvalue()


def _rgba(colour: str, opacity: float) -> tuple[int, int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue, round(255 * opacity)


def dashes(points: Points, dash: float) -> list[Points]:
    """Cut a line through points into dashes with gaps of the same length between them."""
    parts: list[Points] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        length = math.hypot(x1 - x0, y1 - y0)
        for n in range(math.ceil(length / (2 * dash))):
            a, b = 2 * dash * n / length, min(1.0, (2 * n + 1) * dash / length)
            parts.append([(x0 + (x1 - x0) * t, y0 + (y1 - y0) * t) for t in (a, b)])
    return parts
