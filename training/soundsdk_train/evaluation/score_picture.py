"""A picture of a detector's scores over time as SVG: log-mel, truth, events, one line per label, its thresholds."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan

COLOURS = ("#d1495b", "#00898f", "#7768ae", "#d08a1d", "#3d7dd8", "#5f8d1d", "#c2589b", "#9a6a4f", "#4b5fa8", "#e07a3f")
_LEFT, _RIGHT = 52, 12
_MEL, _ROW, _SCORES, _AXIS = 72, 14, 120, 22


@dataclass
class ScorePicture:
    """The contents of one picture. Times are in seconds of the recording; scores (steps, labels) in 1/1000.

    main: the label that the picture is about, whose thresholds are drawn; the others' lines are thin. features:
    (frames, bands) of the piece from start_s to end_s, None for no spectrogram. width: in units of the drawing.
    """

    start_s: float
    end_s: float
    labels: Sequence[str]
    scores: NDArray[np.int32]
    ends_s: NDArray[np.float64]
    truth: Sequence[LabelledSpan]
    events: Sequence[LabelledSpan]
    main: str | None = None
    thresholds: Mapping[str, Any] | None = None
    features: NDArray[np.int8] | None = None
    width: int = 640

    def svg(self) -> str:
        """Draw the picture."""
        mel = _MEL if self.features is not None and len(self.features) else 0
        rows_top = mel + (6 if mel else 0)
        scores_top = rows_top + 2 * _ROW + 8
        height = scores_top + _SCORES + _AXIS
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {height}" role="img" '
            f'aria-label="scores from {self.start_s:.1f} s to {self.end_s:.1f} s">'
        ]
        if mel and self.features is not None:
            parts.append(
                f'<image x="{_LEFT}" y="0" width="{self.width - _LEFT - _RIGHT}" height="{mel}" '
                f'preserveAspectRatio="none" href="data:image/png;base64,{_mel_png(self.features)}"/>'
            )
        parts += self._bars("truth", self.truth, rows_top, 0.45) + self._bars("events", self.events, rows_top + _ROW, 1)
        parts += self._lines(scores_top)
        parts += self._axis(scores_top)
        return "".join([*parts, "</svg>"])

    def _x(self, seconds: float) -> float:
        share = (seconds - self.start_s) / max(self.end_s - self.start_s, 1e-3)
        return _LEFT + (self.width - _LEFT - _RIGHT) * min(max(share, 0.0), 1.0)

    def _colour(self, label: str) -> str:
        return COLOURS[list(self.labels).index(label) % len(COLOURS)] if label in self.labels else "#9ca3af"

    def _bars(self, name: str, spans: Sequence[LabelledSpan], top: float, opacity: float) -> list[str]:
        parts = [f'<text x="{_LEFT - 5}" y="{top + 11}" text-anchor="end">{name}</text>']
        for span in spans:
            if span.offset_s < self.start_s or span.onset_s > self.end_s:
                continue
            left, right = self._x(span.onset_s), self._x(span.offset_s)
            parts.append(
                f'<rect x="{left:.1f}" y="{top + 1}" width="{max(right - left, 1.5):.1f}" height="{_ROW - 2}" rx="2" '
                f'fill="{self._colour(span.label)}" opacity="{opacity}"><title>{html.escape(span.label)} '
                f"{span.onset_s:.2f}–{span.offset_s:.2f} s</title></rect>"
            )
        return parts

    def _lines(self, top: float) -> list[str]:
        right = self.width - _RIGHT
        parts = [f'<rect class="panel" x="{_LEFT}" y="{top}" width="{right - _LEFT}" height="{_SCORES}"/>']
        for value in (0, 500, 1000):
            y = top + _SCORES * (1 - value / 1000)
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y}" y2="{y}"/>')
            parts.append(f'<text x="{_LEFT - 5}" y="{y + 4}" text-anchor="end">{value / 1000:g}</text>')
        if self.main is not None and self.thresholds is not None:
            for key in ("on", "off"):
                y = top + _SCORES * (1 - self.thresholds[key] / 1000)
                parts.append(f'<line class="limit" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
                parts.append(f'<text x="{right - 2}" y="{y - 2:.1f}" text-anchor="end">{key}</text>')
        for c, label in enumerate(self.labels):
            if not len(self.ends_s):
                break
            points = " ".join(
                f"{self._x(at):.1f},{top + _SCORES * (1 - int(score) / 1000):.1f}"
                for at, score in zip(*self._thinned(c), strict=True)
            )
            width = 2.2 if label == self.main else 1
            parts.append(
                f'<polyline fill="none" stroke="{self._colour(label)}" stroke-width="{width}" points="{points}">'
                f"<title>{html.escape(label)}</title></polyline>"
            )
        return parts

    def _thinned(self, c: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Return times and scores of a label, the highest of each pixel where there are more steps than pixels."""
        every = -(-len(self.ends_s) // self.width)
        starts = np.arange(0, len(self.ends_s), every)
        return self.ends_s[starts], np.maximum.reduceat(self.scores[:, c], starts)

    def _axis(self, top: float) -> list[str]:
        length = self.end_s - self.start_s
        step = next((s for s in (0.5, 1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600) if length / s <= 12), 7200)
        parts = []
        for n in range(int(np.ceil(self.start_s / step)), int(self.end_s / step + 1e-6) + 1):
            x = self._x(n * step)
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{top + _SCORES}"/>')
            parts.append(f'<text x="{x:.1f}" y="{top + _SCORES + 14}" text-anchor="middle">{n * step:g} s</text>')
        return parts


def _mel_png(features: NDArray[np.int8]) -> str:
    """Return a spectrogram as the text of a PNG, dark where it is quiet; its rows are the bands, the lowest below."""
    from PIL import Image

    values = features.T[::-1].astype(np.float32)
    sounding = values[values > -128]  # digital silence would take most of the contrast
    low, high = np.percentile(sounding if len(sounding) else values, [5, 99.5])
    shade = np.clip((values - low) / max(float(high - low), 1.0), 0, 1)
    image = Image.fromarray(np.round(255 * shade).astype(np.uint8))
    ramp = np.arange(256) / 255
    palette = np.stack([20 + 235 * ramp**0.8, 24 + 190 * ramp**1.6, np.full(256, 60)], axis=1)
    image.putpalette(palette.astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()
