"""The picture of an explanation: the sound, and per class its score against its rule and what that score depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import printable
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
from soundsdk_sim.drawing.surface import Box, Surface, fitted, text_width, wrapped
from soundsdk_sim.explain.occlusion import Saliency
from soundsdk_sim.explain.overlay import overlay
from soundsdk_sim.explain.report import Explanation
from soundsdk_sim.explain.state_strip import NAMES, SHOWN_AS, draw_state
from soundsdk_sim.explain.steps import ClassTrace
from soundsdk_sim.explain.verdicts import Verdict

WIDTH = 1160
LEFT, RIGHT = 104, 84
_WAVE, _MEL, _SCORE, _STRIP, _SALIENCY, _GAP = 64, 140, 84, 12, 112, 14
_AMBER, _RED, _BLUE = "#b36b00", "#c8321f", "#2166ac"
_GREYS = ((255, 255, 255), (214, 219, 225), (150, 160, 171), (84, 95, 107))
_LONGEST_S = 12.0  # of a recording whose saliency shares the time axis of the rest; in longer ones it would be a sliver
_ZOOM_AFTER_S = 1.0
@dataclass(frozen=True)
class ClassPanel:
    """One class to show. saliency: None for a class whose score is not explained."""

    index: int
    saliency: Saliency | None


def colour_of(index: int) -> str:
    """Return the colour of a class."""
    return COLOURS[index % len(COLOURS)]


class EvidencePicture:
    """Draws an explanation from top to bottom on a surface of WIDTH × height().

    Without a title it is part of a page, which has notes on the sound and the verdicts of the other classes itself.
    """

    def __init__(
        self, explanation: Explanation, pcm: NDArray[np.int16], panels: list[ClassPanel], title: str = ""
    ) -> None:
        self._of = explanation
        self._trace = explanation.trace
        self._pcm = pcm
        self._title = title
        self._panels = panels
        features = self._trace.features
        self._shades = shades(features) if len(features) else np.zeros((features.shape[1], 0))
        shown = {panel.index for panel in panels}
        self._others = [explanation.verdicts[i] for i in explanation.by_interest() if title and i not in shown]
        self._room = WIDTH - LEFT - RIGHT
        self._pooled = int(self._trace.metadata["detector"]["pool_ms"]) > 0
        self._zoomed = self._trace.seconds > _LONGEST_S
        self.spans: list[tuple[float, float]] = []  # tops and bottoms of what lies over the shared time axis

    def height(self) -> float:
        """Return the height that draw() needs."""
        return self._draw(None)

    def draw(self, on: Surface) -> None:
        """Draw everything."""
        self._draw(on)

    def _draw(self, on: Surface | None) -> float:
        """Draw on a surface, or measure without one; return the bottom."""
        top = self._header(on)
        y = self._log_mel(on, self._wave(on, top) + _GAP)
        self.spans = [(top, y)]
        y += _GAP
        for panel in self._panels:
            y = self._class(on, y, panel)
        y = self._axis(on, y, 0.0, self._trace.seconds) + 8
        y = self._legend(on, y)
        return self._rest(on, y) + 16

    def x(self, seconds: float) -> float:
        """Return where a time lies on the shared axis."""
        return LEFT + self._room * min(max(seconds / self._trace.seconds, 0.0), 1.0)

    def _header(self, on: Surface | None) -> float:
        if not self._title:
            return 10.0
        if on:
            on.text(LEFT, 26, fitted(self._title, 18, self._room), 18, INK)
        y = 50.0
        fired = sum(verdict.outcome == "fired" for verdict in self._of.verdicts)
        about = f"{self._trace.seconds:.1f} s   ·   {fired} of {len(self._trace.classes)} classes fired"
        if on:
            on.text(LEFT, y, about, 12, FAINT)
        for note in self._of.notes:
            for line in wrapped(f"Sound: {note}", 12, self._room):
                y += 18
                if on:
                    on.text(LEFT, y, line, 12, _AMBER)
        return y + 20

    def _side(self, on: Surface, y: float, text: str, size: float = 11, colour: str = FAINT) -> None:
        on.text(LEFT - 8, y, text, size, colour, "rm")

    def _back(self, on: Surface, top: float, height: float) -> None:
        on.box((LEFT, top, WIDTH - RIGHT, top + height), PANEL)
        self._grid(on, top, height, 0.0, self._trace.seconds)

    def _grid(self, on: Surface, top: float, height: float, begin: float, end: float) -> None:
        for at in _ticks(begin, end)[1]:
            x = LEFT + self._room * (at - begin) / (end - begin)
            on.line([(x, top), (x, top + height)], GRID, 1)

    def _wave(self, on: Surface | None, top: float) -> float:
        if on is None:
            return top + _WAVE
        self._back(on, top, _WAVE)
        low, high, peak = outline(self._pcm, self._room)
        middle, half = top + _WAVE / 2, _WAVE / 2 - 4
        columns = LEFT + 0.5 + np.arange(self._room)
        upper = np.maximum(half * high / peak, 0.4)  # at least a thin line
        lower = np.minimum(half * low / peak, -0.4)
        edge = list(zip(columns.tolist(), (middle - upper).tolist(), strict=True))
        edge += list(zip(columns[::-1].tolist(), (middle - lower[::-1]).tolist(), strict=True))
        on.area(edge, WAVE_INK)
        self._side(on, middle - 7, "waveform")
        self._side(on, middle + 8, f"{20 * np.log10(peak / 32768):.0f} dBFS", 10)
        kinds = ["clipped" if sound.clipped else "silent" if sound.silent else "" for sound in self._of.inputs]
        colours = {"clipped": _RED, "silent": _AMBER}
        for kind, x0, x1 in self._runs(kinds):
            on.box((x0, top + _WAVE - 4, x1, top + _WAVE), colours[kind], title=kind)
        for word, y in (("clipped", 4), ("silent", 18)):
            if word in kinds:
                on.text(WIDTH - RIGHT + 8, top + _WAVE - y, word, 10, colours[word])
        return top + _WAVE

    def _runs(self, kinds: list[str]) -> list[tuple[str, float, float]]:
        """Join the steps that follow each other and are of one kind; return (kind, left, right), "" left out."""
        step_s = self._trace.step_samples / self._trace.rate_hz
        runs, first = [], 0
        for kind, group in groupby(kinds):
            last = first + len(list(group)) - 1
            if kind:
                runs.append((kind, self.x(self._trace.end_s(first) - step_s), self.x(self._trace.end_s(last))))
            first = last + 1
        return runs

    def _log_mel(self, on: Surface | None, top: float) -> float:
        if on is None:
            return top + _MEL
        self._back(on, top, _MEL)
        begin, end = self._span(0, self._shades.shape[1])
        if not self._shades.size:
            on.text(LEFT + self._room / 2, top + _MEL / 2, "shorter than one step", 12, FAINT, "mm")
            return top + _MEL
        frames = self._shades.shape[1]
        starts = np.arange(0, frames, max(1, -(-frames // (4 * self._room))))  # narrower frames cannot be seen
        image = coloured(np.maximum.reduceat(self._shades, starts, axis=1))
        on.image(image, (self.x(begin), top, self.x(end), top + _MEL))
        self._hertz(on, top, _MEL, "log-mel")
        return top + _MEL

    def _span(self, first: int, stop: int) -> tuple[float, float]:
        """Return the seconds of frames [first, stop): a frame stands for the hop around the centre of its window."""
        frontend = self._trace.metadata["frontend"]
        lead = (frontend["window"] - frontend["hop"]) / 2
        begin, end = ((lead + frame * frontend["hop"]) / frontend["rate_hz"] for frame in (first, stop))
        return begin, end

    def _hertz(self, on: Surface, top: float, height: float, name: str) -> None:
        frontend = self._trace.metadata["frontend"]
        if frontend["coefficients"]:
            self._side(on, top + height / 2, "MFCC")
            return
        for hz, y in mel_ticks(frontend):
            self._side(on, top + height * (1 - y), hz_text(hz), 10)
        on.text(WIDTH - RIGHT + 8, top + height / 2, name, 10, FAINT)

    def _class(self, on: Surface | None, y: float, panel: ClassPanel) -> float:
        of, verdict = self._trace.classes[panel.index], self._of.verdicts[panel.index]
        top = self._heading(on, y + 8, panel.index, verdict)
        y = self._score(on, top, of, panel.index)
        if panel.saliency is None or self._zoomed:
            self.spans.append((top, y))
        if panel.saliency is not None:
            y = self._saliency(on, y, panel.saliency)
            if not self._zoomed:
                self.spans.append((top, y))
        return y + _GAP

    def _heading(self, on: Surface | None, y: float, index: int, verdict: Verdict) -> float:
        label = fitted(printable(verdict.label), 14, 220)
        beside = text_width(label, 14) * 1.06 + 14
        text = verdict.text[0].upper() + verdict.text[1:] + "." + (f" It {verdict.advice}." if verdict.advice else "")
        lines = wrapped(text, 12, self._room + RIGHT - 12 - beside)
        if on:
            on.box((LEFT - 22, y + 3, LEFT - 10, y + 15), colour_of(index), 3)
            on.text(LEFT, y + 9, label, 14, INK, bold=True)
            for i, line in enumerate(lines):
                on.text(LEFT + beside, y + 9 + 17 * i, line, 12, INK)
        return y + 9 + 17 * len(lines)

    def _score(self, on: Surface | None, top: float, of: ClassTrace, index: int) -> float:
        bottom = top + _SCORE
        if on is None:
            return bottom + _STRIP
        self._back(on, top, _SCORE)
        colour = colour_of(index)

        def at(score: float) -> float:
            return bottom - 3 - (_SCORE - 6) * score / 1000

        step_s = self._trace.step_samples / self._trace.rate_hz
        for state, x0, x1 in self._runs([SHOWN_AS[step.state] for step in of.steps]):
            draw_state(on, (x0, bottom, x1, bottom + _STRIP), state, colour)
        ends = [self._trace.end_s(i) for i in range(len(of.steps))]
        if self._pooled:
            on.line(self._stairs(ends, step_s, [at(step.raw) for step in of.steps]), FAINT, 0.8, opacity=0.7)
        curve = self._stairs(ends, step_s, [at(step.score) for step in of.steps])
        on.area([(curve[0][0], at(0)), *curve, (curve[-1][0], at(0))], colour, 0.14)
        for name, value, dash in (("on", of.rule.on, 5.0), ("off", of.rule.off, 2.0)):
            on.line([(LEFT, at(value)), (WIDTH - RIGHT, at(value))], INK, 1, dash, 0.75)
            on.text(WIDTH - RIGHT + 8, at(value), f"{name} {value / 1000:.2f}", 10, INK)
        on.line(curve, colour, 2)
        fired = [self.x(firing.fired_s) for firing in of.firings]
        for x in fired:
            on.line([(x, top), (x, bottom + _STRIP)], INK, 1.2)
        free = 0.0  # a note begins to the right of the one before it
        for x in fired:
            if x > free:
                self._note(on, x, x, (top + bottom) / 2, "fired")
                free = x + text_width("fired", 10) + 12
        if not fired:
            x = self.x(ends[of.highest])
            on.line([(x, at(of.steps[of.highest].score)), (x, bottom)], INK, 1, 1.5)
            self._note(on, x, x, bottom - 12, "highest")
        self._side(on, at(1000) + 3, "1", 10)
        self._side(on, at(0) - 3, "0", 10)
        self._side(on, (top + bottom) / 2, "score")
        self._side(on, bottom + _STRIP / 2, "rule", 10)
        return bottom + _STRIP

    def _note(self, on: Surface, begin: float, end: float, y: float, text: str) -> None:
        """Write a note on a pale ground to the right of begin..end, or to the left where there is no room."""
        width = text_width(text, 10)
        left = end + 5 if end + width + 8 < WIDTH - RIGHT else begin - 5 - width
        on.box((left - 2, y - 7, left + width + 2, y + 7), BACK, 2, 0.8)
        on.text(left, y, text, 10, INK)

    def _stairs(self, ends: list[float], step_s: float, heights: list[float]) -> list[tuple[float, float]]:
        points = []
        joined = -(-len(ends) // (2 * self._room))  # steps to one point: what is narrower cannot be seen
        if joined > 1:
            # The highest score of each, which is the smallest y: a near miss must not vanish.
            heights = [min(heights[i : i + joined]) for i in range(0, len(heights), joined)]
            ends, step_s = ends[joined - 1 :: joined], step_s * joined
            ends += [self._trace.seconds] * (len(heights) - len(ends))
        for end, y in zip(ends, heights, strict=True):
            points += [(self.x(end - step_s), y), (self.x(end), y)]
        return points

    def _saliency(self, on: Surface | None, y: float, of: Saliency) -> float:
        zoomed = self._zoomed
        top = y + (16 if zoomed else 8)
        at_s = self._trace.end_s(of.step)
        begin, end = 0.0, self._trace.seconds
        if zoomed:
            begin = max(0.0, self._span(of.first_frame, 0)[0])
            end = min(self._trace.seconds, at_s + _ZOOM_AFTER_S)
        bottom = top + _SALIENCY
        if on is None:
            return bottom + (22 if zoomed else 0)

        def x(seconds: float) -> float:
            return LEFT + self._room * min(max((seconds - begin) / (end - begin), 0.0), 1.0)

        if zoomed:
            wedge = [(self.x(begin), y + 2), (self.x(end), y + 2), (WIDTH - RIGHT, top), (LEFT, top)]
            on.area(wedge, GRID, 0.7)
            on.text(WIDTH - RIGHT + 8, top + _SALIENCY / 2 + 15, f"{begin:.1f}-{end:.1f} s", 10, FAINT)
        on.box((LEFT, top, WIDTH - RIGHT, bottom), PANEL)
        frontend = self._trace.metadata["frontend"]
        frame_s = frontend["hop"] / frontend["rate_hz"]
        first = max(0, int(begin / frame_s))
        stop = min(self._shades.shape[1], int(np.ceil(end / frame_s)))
        span = self._span(first, stop)
        on.image(coloured(self._shades[:, first:stop], _GREYS), (x(span[0]), top, x(span[1]), bottom))
        span = self._span(of.first_frame, of.first_frame + len(of.effect))
        on.image(overlay(of.effect), (x(span[0]), top, x(span[1]), bottom), smooth=True)
        on.line([(x(at_s), top), (x(at_s), bottom)], INK, 1.4)
        self._note(on, x(at_s), x(at_s), top + 9, f"score {of.score:.2f} here")
        if of.strongest is not None:
            self._strongest(on, of, x, top)
        self._hertz(on, top, _SALIENCY, "evidence")
        if zoomed:
            self._axis(on, bottom, begin, end)
        return bottom + (22 if zoomed else 0)

    def _strongest(self, on: Surface, of: Saliency, x: Callable[[float], float], top: float) -> None:
        patch = of.strongest
        assert patch is not None
        begin, end = self._span(patch.start, patch.stop)
        width = self._trace.features.shape[1]
        high, low = (top + _SALIENCY * (1 - band / width) for band in (patch.high, patch.low))
        frame = [(x(begin), high), (x(end), high), (x(end), low), (x(begin), low), (x(begin), high)]
        on.line(frame, INK, 1)
        text = f"without this: {patch.score:.2f}"
        self._note(on, x(begin), x(end), (high + low) / 2, text)

    def _axis(self, on: Surface | None, top: float, begin: float, end: float) -> float:
        if on:
            step, ticks = _ticks(begin, end)
            for at in ticks:
                x = LEFT + self._room * (at - begin) / (end - begin)
                on.line([(x, top), (x, top + 4)], FAINT, 1)
                on.text(x, top + 13, time_text(at, step), 10, FAINT, "mm")
            on.text(LEFT - 20, top + 13, "s" if step < 60 else "min", 10, FAINT, "rm")
        return top + 22

    def _legend(self, on: Surface | None, y: float) -> float:
        states = {SHOWN_AS[step.state] for panel in self._panels for step in self._trace.classes[panel.index].steps}
        items = [("pooled", "score of one step, before pooling")] if self._pooled else []
        items += [(state, text) for state, text in NAMES.items() if state in states]
        if any(panel.saliency for panel in self._panels):
            items += [("for", "speaks for the class"), ("against", "speaks against it")]
        x = float(LEFT)
        for kind, text in items:
            width = 24 + text_width(text, 11)
            if x + width > WIDTH - 12:
                x, y = float(LEFT), y + 20
            if on:
                self._key(on, kind, (x, y + 4, x + 18, y + 14))
                on.text(x + 24, y + 9, text, 11, FAINT)
            x += width + 22
        return y + 22

    def _key(self, on: Surface, kind: str, area: Box) -> None:
        """Draw the sign that stands for a kind of the legend."""
        if kind == "pooled":
            middle = (area[1] + area[3]) / 2
            on.line([(area[0], middle), (area[2], middle)], FAINT, 0.8)
        elif kind in ("for", "against"):
            on.box(area, _RED if kind == "for" else _BLUE, opacity=0.75)
        else:
            draw_state(on, area, kind, colour_of(self._panels[0].index))

    def _rest(self, on: Surface | None, y: float) -> float:
        """Write the verdicts of the classes that have no panel."""
        if not self._others:
            return y
        y += 6
        for verdict in self._others:
            for i, line in enumerate(wrapped(verdict.sentence, 11, self._room + RIGHT - 12)):
                if on:
                    on.text(LEFT + (12 if i else 0), y + 8, line, 11, FAINT)
                y += 16
        return y


def _ticks(begin: float, end: float) -> tuple[float, list[float]]:
    """Return the distance of the ticks between two times, and where they are."""
    step = time_step(end - begin)
    first = int(np.ceil(begin / step - 1e-6))
    return step, [n * step for n in range(first, int(end / step + 1e-6) + 1)]
