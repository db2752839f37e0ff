"""An SVG to draw on: text that can be selected, hints where the pointer rests, pixels embedded as PNG."""

from __future__ import annotations

import io
from base64 import b64encode
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from soundsdk_sim.drawing.sound import INK
from soundsdk_sim.drawing.surface import Box, Points, text_width

_ANCHORS = {"l": "start", "m": "middle", "r": "end"}
_FONT = 'Aileron, "Helvetica Neue", Arial, "Liberation Sans", sans-serif'


class Vector:
    """A Surface that becomes an SVG of one file, with nothing to fetch and no script."""

    def __init__(self, width: float, height: float, back: str) -> None:
        self._head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}"'
            f' width="{_n(width)}" height="{_n(height)}" font-family=\'{_FONT}\'>'
        )
        self._parts: list[str] = []
        self.box((0, 0, width, height), back)

    def box(self, area: Box, fill: str, radius: float = 0, opacity: float = 1, title: str = "") -> None:
        """Fill a rectangle."""
        x0, y0, x1, y1 = area
        more = (f' rx="{_n(radius)}"' if radius else "") + _opacity("fill", opacity)
        end = f"><title>{escape(title)}</title></rect>" if title else "/>"
        size = f'width="{_n(max(x1 - x0, 0.5))}" height="{_n(max(y1 - y0, 0.5))}"'
        self._parts.append(f'<rect x="{_n(x0)}" y="{_n(y0)}" {size} fill="{fill}"{more}{end}')

    def text(
        self, x: float, y: float, text: str, size: float = 12, fill: str = INK, anchor: str = "lm", bold: bool = False
    ) -> None:
        """Write one line. Its length is given, so that it fits in any font."""
        if not text:
            return
        where = f'x="{_n(x)}" y="{_n(y + 0.34 * size)}" font-size="{_n(size)}" fill="{fill}"'
        length = f' textLength="{_n(text_width(text, size))}" lengthAdjust="spacingAndGlyphs"'
        more = f' text-anchor="{_ANCHORS[anchor[0]]}"' + (' font-weight="600"' if bold else "")
        self._parts.append(f"<text {where}{more}{length}>{escape(text)}</text>")

    def line(self, points: Points, colour: str, width: float = 1, dash: float = 0, opacity: float = 1) -> None:
        """Draw a line through points."""
        more = (f' stroke-dasharray="{_n(dash)}"' if dash else "") + _opacity("stroke", opacity)
        self._parts.append(
            f'<polyline points="{_points(points)}" fill="none" stroke="{colour}" stroke-width="{_n(width)}"'
            f' stroke-linejoin="round"{more}/>'
        )

    def area(self, points: Points, fill: str, opacity: float = 1) -> None:
        """Fill a polygon."""
        self._parts.append(f'<polygon points="{_points(points)}" fill="{fill}"{_opacity("fill", opacity)}/>')

    def image(self, pixels: NDArray[np.uint8], area: Box, smooth: bool = False) -> None:
        """Show pixels, stretched to a rectangle."""
        x0, y0, x1, y1 = area
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        style = "" if smooth else ' style="image-rendering:pixelated"'
        self._parts.append(
            f'<image x="{_n(x0)}" y="{_n(y0)}" width="{_n(x1 - x0)}" height="{_n(y1 - y0)}" preserveAspectRatio="none"'
            f'{style} href="data:image/png;base64,{b64encode(out.getvalue()).decode()}"/>'
        )

    def data(self) -> bytes:
        """Return the SVG."""
        return "\n".join([self._head, *self._parts, "</svg>\n"]).encode()


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _points(points: Points) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _opacity(kind: str, opacity: float) -> str:
    return f' {kind}-opacity="{_n(opacity)}"' if opacity < 1 else ""
