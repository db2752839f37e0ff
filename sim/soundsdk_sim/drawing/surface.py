"""A page to draw on: positions, widths and sizes of text in units, colours as #rrggbb, opacity 0-1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from soundsdk_sim.drawing.sound import INK

Points = Sequence[tuple[float, float]]
Box = tuple[float, float, float, float]  # left, top, right, bottom
_MEASURE = 8  # text is measured at this many times its size, so that widths are not whole pixels


class Surface(Protocol):
    """A file to draw a picture in. `title` is shown where the pointer rests, if the file can do that."""

    def box(self, area: Box, fill: str, radius: float = 0, opacity: float = 1, title: str = "") -> None:
        """Fill a rectangle."""

    def text(
        self, x: float, y: float, text: str, size: float = 12, fill: str = INK, anchor: str = "lm", bold: bool = False
    ) -> None:
        """Write one line. anchor: l, m or r, then m (the middle of the line lies at y)."""

    def line(self, points: Points, colour: str, width: float = 1, dash: float = 0, opacity: float = 1) -> None:
        """Draw a line through points; dash: length of its dashes and gaps, 0 for none."""

    def area(self, points: Points, fill: str, opacity: float = 1) -> None:
        """Fill a polygon."""

    def image(self, pixels: NDArray[np.uint8], area: Box, smooth: bool = False) -> None:
        """Show pixels (height, width, 3 or 4), stretched to a rectangle."""

    def data(self) -> bytes:
        """Return the file."""


def font(size: float) -> Any:
    """Return the font in which text is measured and, on a PNG, written."""
    return ImageFont.load_default(size)


def text_width(text: str, size: float) -> float:
    """Return the width of a text in units."""
    return float(font(size * _MEASURE).getlength(text)) / _MEASURE


def fitted(text: str, size: float, room: float) -> str:
    """Return the text, cut to a width in units."""
    if text_width(text, size) <= room:
        return text
    while text and text_width(text + "…", size) > room:
        text = text[:-1]
    return text + "…"


def wrapped(text: str, size: float, room: float) -> list[str]:
    """Break a text into lines no wider than `room` units; a word that is wider is cut."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(fitted(word, size, room))
    return lines
