"""The figures of the pages, drawn from runs of the real code: the frontend, a shipped detector, the rules of events."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import soundcore
from numpy.typing import NDArray

from soundsdk.models.shipped import load_model
from soundsdk_sim.drawing.sound import (
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
from soundsdk_sim.drawing.surface import text_width
from soundsdk_sim.drawing.vector import Vector
from soundsdk_sim.explain.steps import Trace, follow
from soundsdk_sim.scenes import Part, backgrounds, compose
from soundsdk_sim.scenes.doorbells import doorbell_sound

RATE_HZ = 16000
WIDE, NARROW = 760.0, 430.0  # pixels: beside a menu, and on a phone
_LEFT, _RIGHT = 84.0, 24.0
_BLUE, _AMBER, _RED = "#2166ac", "#b36b00", "#c8321f"


def evening_sound() -> NDArray[np.int16]:
    """Return the recording that `make_sounds.py` of the page `doorbell.md` makes: two rings in 20 s."""
    rng = np.random.default_rng([2])
    bed = backgrounds.background(rng, 20 * RATE_HZ)
    parts = [Part("any", rng.uniform(0, 18), 2.0, rng.uniform(0, 10))]
    parts += [Part("doorbell", at, 2.5, rng.uniform(10, 25)) for at in (6.0, 14.0)]
    chimes = {"doorbell": lambda _, s: doorbell_sound(np.random.default_rng(12), s, "ding_dong").sound}
    return np.asarray(compose(rng, bed, parts, events=chimes).pcm)


@lru_cache(maxsize=1)
def _evening() -> tuple[NDArray[np.int16], Trace]:
    """Return that recording, and what the shipped detector of doorbells makes of it."""
    pcm = evening_sound()
    return pcm, follow(load_model("knock_doorbell").data, pcm)


class _Chart:
    """Panels one below the other over one time axis, from begin_s to end_s."""

    def __init__(self, width: float, height: float, begin_s: float, end_s: float) -> None:
        self.on, self.width = Vector(width, height, "#ffffff"), width
        self.begin_s, self.end_s = begin_s, end_s

    def x(self, seconds: float) -> float:
        share = (seconds - self.begin_s) / (self.end_s - self.begin_s)
        return _LEFT + (self.width - _LEFT - _RIGHT) * min(max(share, 0.0), 1.0)

    def panel(self, top: float, height: float, name: str, down: float = 9) -> tuple[float, float, float, float]:
        area = (_LEFT, top, self.width - _RIGHT, top + height)
        self.on.box(area, PANEL)
        self.on.text(_LEFT - 8, top + down, name, 12, INK, "rm", True)
        return area

    def wave(self, top: float, height: float, pcm: NDArray[np.int16]) -> None:
        left, _, right, bottom = self.panel(top, height, "sound")
        part = pcm[int(self.begin_s * RATE_HZ) : int(self.end_s * RATE_HZ)]
        columns = int(right - left)
        low, high, peak = outline(part, columns)
        middle, half = (top + bottom) / 2, height / 2 - 3
        points = [(left + i, middle - high[i] / peak * half) for i in range(columns)]
        points += [(left + i, middle - low[i] / peak * half + 0.5) for i in reversed(range(columns))]
        self.on.area(points, WAVE_INK)

    def mel(self, top: float, height: float, trace: Trace) -> None:
        area = self.panel(top, height, "log-mel")
        frames_s = trace.metadata["frontend"]["hop"] / trace.rate_hz
        rows = trace.features[int(self.begin_s / frames_s) : int(self.end_s / frames_s)]
        self.on.image(coloured(shades(rows)), area)
        for hz, y in mel_ticks(trace.metadata["frontend"]):
            self.on.text(_LEFT - 8, area[3] - y * height, hz_text(hz), 11, FAINT, "rm")

    def score(self, top: float, height: float, trace: Trace, index: int) -> None:
        of = trace.classes[index]
        left, _, right, bottom = self.panel(top, height, "score", 0.3 * height)
        for value, word, colour in ((of.rule.on, "on", _RED), (of.rule.off, "off", _AMBER)):
            y = bottom - value / 1000 * height
            self.on.line([(left, y), (right, y)], colour, 1.2, 5)
            self.on.text(left - 8, y, f"{word} {value / 1000:g}", 11, colour, "rm")
        points: list[tuple[float, float]] = []
        for i, step in enumerate(of.steps):
            end = trace.end_s(i)
            begin = end - trace.step_samples / trace.rate_hz
            if self.begin_s < end and begin < self.end_s:
                y = bottom - step.score / 1000 * height
                points += [(self.x(begin), y), (self.x(end), y)]
        self.on.line(points, _BLUE, 2)

    def events(self, top: float, trace: Trace, index: int) -> None:
        self.on.text(_LEFT - 8, top + 11, "events", 12, INK, "rm", True)
        for firing in trace.classes[index].firings:
            if firing.offset_s > self.begin_s and firing.onset_s < self.end_s:
                area = (self.x(firing.onset_s), top, self.x(firing.offset_s), top + 22)
                self.on.box(area, COLOURS[0], 3)
                label = trace.classes[index].label
                if text_width(label, 12) < area[2] - area[0] - 8:
                    self.on.text((area[0] + area[2]) / 2, top + 11, label, 12, "#ffffff", "mm", True)
                else:
                    self.on.text(area[2] + 4, top + 11, label, 12, INK)

    def axis(self, y: float) -> None:
        step = time_step((self.end_s - self.begin_s) * WIDE / self.width)
        for i in range(int(np.ceil(self.begin_s / step)), int(self.end_s / step) + 1):
            at = self.x(i * step)
            self.on.line([(at, y), (at, y + 5)], GRID)
            self.on.text(at, y + 14, time_text(i * step, step), 11, FAINT, "mm")
        self.on.text(self.width - _RIGHT, y + 30, "seconds", 11, FAINT, "rm")


def evening(width: float = WIDE) -> bytes:
    """Draw the recording, its features, the score and the events."""
    pcm, trace = _evening()
    chart = _Chart(width, 396, 0.0, trace.seconds)
    chart.wave(14, 70, pcm)
    chart.mel(94, 130, trace)
    chart.score(234, 84, trace, 0)
    chart.events(328, trace, 0)
    chart.axis(356)
    return chart.on.data()


def rules(width: float = WIDE) -> bytes:
    """Draw how the rules of one class turn its score into an event: the first ring, enlarged."""
    _, trace = _evening()
    of = trace.classes[0]
    firing = of.firings[0]
    begin, end = firing.onset_s - 1.0, firing.offset_s + of.rule.hold_ms / 1000 + 1.0
    rows = 2 if width == WIDE else 4  # of words below the marks
    low = 12 * (rows - 2)
    chart = _Chart(width, 318 + low, begin, end)
    chart.score(14, 150, trace, 0)
    y = 180.0
    hold_end = firing.offset_s + of.rule.hold_ms / 1000
    for begin_s, end_s, colour, words in (
        (firing.onset_s, firing.fired_s, _AMBER, "heard until sent"),
        (firing.offset_s, hold_end, _AMBER, f"hold_ms {of.rule.hold_ms}"),
    ):
        chart.on.line([(chart.x(begin_s), y), (chart.x(end_s), y)], colour, 5)
        chart.on.text((chart.x(begin_s) + chart.x(end_s)) / 2, y + 14, words, 11, INK, "mm")
    chart.events(210, trace, 0)
    marks = (
        (firing.onset_s, "t of the on line", "mm"),
        (firing.fired_s, "on line sent", "lm"),
        (firing.offset_s, "t of the off line", "rm"),
        (hold_end, "off line sent", "lm"),
    )
    for i, (seconds, words, anchor) in enumerate(marks):
        at = chart.x(seconds)
        chart.on.line([(at, 14), (at, 244)], INK, 1, 3)
        chart.on.text(at + (4 if anchor == "lm" else 0), 252 + 12 * (i % rows), words, 11, INK, anchor)
    chart.axis(280 + low)
    return chart.on.data()


def frontend(width: float = WIDE) -> bytes:
    """Draw the way of one ring through the frontend: samples, one window of them, its bands, all frames."""
    pcm, trace = _evening()
    begin = trace.classes[0].firings[0].onset_s - 0.2
    chart = _Chart(width, 520, begin, begin + 2.0)
    chart.wave(14, 90, pcm)
    settings = trace.metadata["frontend"]
    loud = int((begin + 0.45) * RATE_HZ)
    at = chart.x(loud / RATE_HZ)
    width = chart.x((loud + settings["window"]) / RATE_HZ) - at
    chart.on.box((at, 14, at + max(width, 2), 104), _RED, 0, 0.5)
    chart.on.text(at + 10, 22, f"one window: {settings['window']} samples, {1000 * settings['window'] / RATE_HZ:g} ms",
                  11, _RED)  # fmt: skip
    frame = loud // settings["hop"]
    values = trace.features[frame].astype(int)
    left, _, right, bottom = chart.panel(124, 120, "its bands")
    bar = (right - left) / len(values)
    for i, value in enumerate(values):
        top = bottom - (value + 128) / 256 * 116
        chart.on.box((left + i * bar + 1, top, left + (i + 1) * bar - 1, bottom), _BLUE)
    chart.on.text(left + 6, 134, f"{len(values)} mel bands, {settings['low_hz']} to {settings['high_hz']} Hz,"
                  " as int8", 11, INK)  # fmt: skip
    chart.on.text((left + right) / 2, bottom + 14, "low pitch to high pitch", 11, FAINT, "mm")
    chart.mel(274, 180, trace)
    chart.on.box((chart.x(frame * settings["hop"] / RATE_HZ), 274, chart.x((frame + 1) * settings["hop"] / RATE_HZ),
                  454), "#ffffff", 0, 0.65)  # fmt: skip
    chart.axis(462)
    return chart.on.data()


def quantised(width: float = WIDE) -> bytes:
    """Draw what INT8 does to a number: steps of one scale, from the features of the recording."""
    detector = load_model("knock_doorbell")
    stream = soundcore.Stream(detector.data)
    scale, zero = stream.scores_quant
    on = Vector(width, 250, "#ffffff")
    left, right, top, bottom = _LEFT, width - _RIGHT, 16.0, 200.0
    on.box((left, top, right, bottom), PANEL)
    low, high = (-128 - zero) * scale, (127 - zero) * scale

    def place(logit: float) -> tuple[float, float]:
        share = (logit - low) / (high - low)
        return left + (right - left) * share, bottom - (bottom - top) / (1 + np.exp(-logit))

    on.line([place(float(z)) for z in np.linspace(low, high, 400)], FAINT, 1.5)
    for q in range(-128, 128, 4):
        x, y = place((q - zero) * scale)
        on.box((x - 2.5, y - 2.5, x + 2.5, y + 2.5), _BLUE, 2.5)
    for q in (-128, -64, 0, 64, 127):
        x, _ = place((q - zero) * scale)
        on.text(x, bottom + 14, f"{q}", 12, INK, "mm")
        on.text(x, bottom + 30, f"{(q - zero) * scale:+.1f}", 11, FAINT, "mm")
    for share in (0.0, 0.5, 1.0):
        on.text(left - 8, bottom - share * (bottom - top), f"{share:g}", 11, FAINT, "rm")
    on.text(left - 26, bottom + 14, "int8", 11, INK, "rm")
    on.text(left - 26, bottom + 30, "logit", 11, FAINT, "rm")
    words = "probability", f"one step is {scale:.3f} of a logit", "every fourth is drawn"
    for i, line in enumerate(["; ".join(words)] if width == WIDE else words):
        on.text(left + 8, top + 12 + 14 * i, line, 11, INK)
    return on.data()


def layers() -> str:
    """Return a table of the operators of the shipped detector: how often each runs in a step, and its work."""
    found: dict[str, list[int]] = {}
    for name, _, macs, _, _ in soundcore.operators(load_model("knock_doorbell").data):
        entry = found.setdefault(name, [0, 0])
        entry[0] += 1
        entry[1] += macs
    total = sum(macs for _, macs in found.values())
    rows = [f"| `{name}` | {n} | {macs:,} |" for name, (n, macs) in sorted(found.items(), key=lambda i: -i[1][1])]
    step = load_model("knock_doorbell")
    head = f"| operator | per step of {1000 * step.step_s:g} ms | multiplications |\n|---|---|---|\n"
    return head + "\n".join([*rows, f"| all | {sum(n for n, _ in found.values())} | {total:,} |"]) + "\n"
