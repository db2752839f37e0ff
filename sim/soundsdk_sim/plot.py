"""The picture of a run: waveform, the features that the device computed, and event bars, over one time axis."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from soundsdk.labels import LabelledSpan
from soundsdk.whole_file import write_whole
from soundsdk_sim.board import RunResult
from soundsdk_sim.drawing.sound import (
    BACK,
    COLOURS,
    FAINT,
    GRID,
    INK,
    PANEL,
    WAVE_INK,
    coloured,
    hz_text,
    mel_ticks,
    outline,
    shades,
    time_step,
    time_text,
)

_SCALE = 2  # pixels per unit below: sharp on dense screens
_WIDTH, _LEFT, _RIGHT, _TOP = 1120, 118, 24, 52
_WAVE, _MEL, _ROW, _GAP, _AXIS = 110, 220, 34, 16, 40
_TRUE = "#b9c2cc"


def draw(
    path: Path,
    pcm: NDArray[np.int16],
    metadata: dict[str, Any],
    result: RunResult,
    title: str,
    truth: Sequence[LabelledSpan] | None = None,
) -> None:
    """Write a PNG. result.features must have been kept; truth adds a grey bar above each detected one.

    The file is written whole or not at all; OutputError if it cannot be written.
    """
    picture = _Picture(len(pcm) / int(metadata["frontend"]["rate_hz"]), metadata["labels"], truth)
    picture.header(title)
    picture.wave(pcm)
    picture.features(result.features, metadata["frontend"])
    picture.events(result.events)
    picture.axis()
    data = io.BytesIO()
    picture.image.save(data, format="PNG", optimize=False)
    write_whole(path, data.getvalue())


def _font(size: int) -> Any:
    return ImageFont.load_default(size * _SCALE)


class _Picture:
    """A picture drawn from top to bottom; positions are in units of _SCALE pixels."""

    def __init__(self, seconds: float, labels: Sequence[str], truth: Sequence[LabelledSpan] | None) -> None:
        self.seconds = max(seconds, 1e-3)
        self.truth = truth
        # A label in the scene that the model does not know gets a row as well: the detector should stay silent there.
        others = sorted({t.label for t in truth or ()} - set(labels))
        self.labels = [*labels, *others]
        self.rows_top = _TOP + _WAVE + _GAP + _MEL + _GAP
        self.bottom = self.rows_top + _ROW * len(self.labels)
        size = (_WIDTH * _SCALE, (self.bottom + _AXIS) * _SCALE)
        self.image = Image.new("RGB", size, BACK)
        self.pen = ImageDraw.Draw(self.image)

    def x(self, seconds: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(max(seconds / self.seconds, 0.0), 1.0)

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: str, radius: float = 0) -> None:
        area = (x0 * _SCALE, y0 * _SCALE, max(x1 * _SCALE, x0 * _SCALE + 2) - 1, y1 * _SCALE - 1)
        self.pen.rounded_rectangle(area, min(radius * _SCALE, (area[2] - area[0]) / 2), fill=fill)

    def text(self, x: float, y: float, text: str, size: int = 12, fill: str = INK, anchor: str = "lm") -> None:
        self.pen.text((x * _SCALE, y * _SCALE), text, fill=fill, font=_font(size), anchor=anchor)

    def fitted(self, text: str, size: int, room: float) -> str:
        """Return the text, cut to a width in units."""
        font = _font(size)
        if font.getlength(text) <= room * _SCALE:
            return text
        while text and font.getlength(text + "…") > room * _SCALE:
            text = text[:-1]
        return text + "…"

    def panel(self, top: float, height: float) -> None:
        self.box(_LEFT, top, _WIDTH - _RIGHT, top + height, PANEL)

    def side(self, top: float, height: float, name: str) -> None:
        self.text(_LEFT - 56, top + height / 2, name, 11, FAINT, "rm")

    def header(self, title: str) -> None:
        self.text(_LEFT, _TOP / 2, self.fitted(title, 16, 520), 16)
        x = _WIDTH - _RIGHT
        keys = [("detected", COLOURS[0])]
        if self.truth is not None:
            keys.append(("truth", _TRUE))
        for name, colour in keys:
            width = _font(12).getlength(name) / _SCALE
            self.text(x, _TOP / 2, name, 12, FAINT, "rm")
            self.box(x - width - 24, _TOP / 2 - 5, x - width - 6, _TOP / 2 + 5, colour, 3)
            x -= width + 44

    def wave(self, pcm: NDArray[np.int16]) -> None:
        top = _TOP
        self.panel(top, _WAVE)
        self.side(top, _WAVE, "waveform")
        columns = (_WIDTH - _LEFT - _RIGHT) * _SCALE
        low, high, peak = outline(pcm, columns)
        middle, half = (top + _WAVE / 2) * _SCALE, (_WAVE / 2 - 6) * _SCALE
        for i in range(columns):
            x = _LEFT * _SCALE + i
            self.pen.line((x, middle - half * high[i] / peak, x, middle - half * low[i] / peak), fill=WAVE_INK)
        # The wave is scaled to its panel; this is its true level.
        self.text(_LEFT - 8, top + 10, f"{round(20 * math.log10(peak / 32768))} dBFS", 10, FAINT, "rm")

    def features(self, features: NDArray[np.int8] | None, frontend: dict[str, Any]) -> None:
        top = _TOP + _WAVE + _GAP
        self.panel(top, _MEL)
        mfcc = bool(frontend["coefficients"])
        self.side(top, _MEL, "MFCC" if mfcc else "log-mel")
        if features is None or not len(features):
            self.text((_LEFT + _WIDTH - _RIGHT) / 2, top + _MEL / 2, "shorter than one step", 12, FAINT, "mm")
            return
        # A frame stands for the hop around the centre of its window.
        rate, hop, window = frontend["rate_hz"], frontend["hop"], frontend["window"]
        start = self.x((window - hop) / 2 / rate)
        end = self.x((window - hop) / 2 / rate + len(features) * hop / rate)
        size = (max(1, round((end - start) * _SCALE)), _MEL * _SCALE)
        image = Image.fromarray(coloured(shades(features))).resize(size, Image.Resampling.BOX)
        self.image.paste(image, (round(start * _SCALE), top * _SCALE))
        if not mfcc:
            for hz, y in mel_ticks(frontend):
                self.text(_LEFT - 8, top + _MEL * (1 - y), hz_text(hz), 10, FAINT, "rm")

    def events(self, found: Sequence[LabelledSpan]) -> None:
        for i, label in enumerate(self.labels):
            top = self.rows_top + i * _ROW
            if i % 2 == 0:
                self.panel(top, _ROW)
            self.text(_LEFT - 8, top + _ROW / 2, self.fitted(label, 11, _LEFT - 16), 11, INK, "rm")
            for true in (t for t in self.truth or () if t.label == label):
                self.box(self.x(true.onset_s), top + 5, self.x(true.offset_s), top + 13, _TRUE, 3)
            bar = top + (15 if self.truth is not None else 6)
            for event in (f for f in found if f.label == label):
                x0, x1 = self.x(event.onset_s), self.x(event.offset_s)
                self.box(x0, bar, x1, top + _ROW - 5, COLOURS[i % len(COLOURS)], 4)
                if event.score is not None and x1 - x0 > 34:
                    self.text((x0 + x1) / 2, (bar + top + _ROW - 5) / 2, f"{event.score:.2f}", 10, BACK, "mm")

    def axis(self) -> None:
        step = time_step(self.seconds)
        y = self.bottom + 1
        for n in range(int(self.seconds / step + 1e-6) + 1):
            at = n * step
            x = self.x(at)
            for top, height in ((_TOP, _WAVE), (self.rows_top, self.bottom - self.rows_top)):
                self.grid(x, top, height)
            self.pen.line((x * _SCALE, y * _SCALE, x * _SCALE, (y + 5) * _SCALE), fill=FAINT, width=_SCALE)
            self.text(x, y + 15, time_text(at, step), 11, FAINT, "mm")
        self.text(_LEFT - 8, y + 15, "s" if step < 60 else "min", 11, FAINT, "rm")

    def grid(self, x: float, top: float, height: float) -> None:
        """Draw a vertical line behind the rest: only over empty panel."""
        column = round(x * _SCALE)
        if column >= self.image.width:
            return
        strip = self.image.crop((column, top * _SCALE, column + 1, int(top + height) * _SCALE))
        pixels = np.asarray(strip).copy()
        for empty in (PANEL, BACK):
            colour = tuple(int(empty[k : k + 2], 16) for k in (1, 3, 5))
            pixels[(pixels == colour).all(axis=-1)] = tuple(int(GRID[k : k + 2], 16) for k in (1, 3, 5))
        self.image.paste(Image.fromarray(pixels), (column, int(top) * _SCALE))
