"""The live table of `soundsdk monitor` on a terminal: of one board, or of several (overview.py)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from soundsdk.device.protocol import Counts
from soundsdk.device.reconnect import ReconnectingItem
from soundsdk.labels import printable
from soundsdk.monitor.boards.board import MonitoredBoard
from soundsdk.monitor.state import EventSpan, State
from soundsdk.monitor.table.overview import overview
from soundsdk.monitor.table.rows import Marks, Picture, Row, cell, clock, level_words, marks_for, share

if TYPE_CHECKING:
    from rich.console import Console

REDRAWS_S = 0.25  # shortest time between two drawings
REDRAWS_SEVERAL_S = 0.5
_BAR = 24  # characters


class Table:
    """A Sink that draws on `console`: the boards, level, scores, the newest events, losses."""

    def __init__(self, boards: Sequence[MonitoredBoard], console: Console) -> None:
        import sys

        from rich.live import Live

        self._boards = boards
        self._console = console
        self._marks = marks_for(console.file)
        self._redraws_s = REDRAWS_S if len(boards) == 1 else REDRAWS_SEVERAL_S
        self._drawn_at = 0.0
        self._changed = True
        self._live = Live(
            console=console,
            auto_refresh=False,
            redirect_stdout=False,
            # What goes to standard error comes above the table if that is the same terminal, else where it should.
            redirect_stderr=sys.stderr.isatty(),
        )
        self._live.start()

    def handle(self, board: MonitoredBoard, item: ReconnectingItem, span: EventSpan | None, now: float) -> None:
        """Note that something has changed."""
        self._changed = True

    def tick(self) -> None:
        """Draw if something has changed, or the running seconds have."""
        now = time.monotonic()
        # The seconds of an active event, and of a board that is away, change by themselves.
        moves = now - self._drawn_at >= 1.0
        if (self._changed or moves) and now - self._drawn_at >= self._redraws_s:
            self._draw(now)

    def _draw(self, now: float) -> None:
        self._drawn_at = now
        self._changed = False
        height, width = self._console.height - 1, self._console.width
        if len(self._boards) == 1:
            rows = rows_of_one(self._boards[0].state, self._boards[0].source.counts, height, self._marks)
        else:
            rows = overview(self._boards, height, width, self._marks)
        self._live.update(Picture(rows), refresh=True)

    def close(self) -> None:
        """Draw for the last time and leave the terminal."""
        self._draw(time.monotonic())
        self._live.stop()


def rows_of_one(state: State, counts: Counts, height: int, marks: Marks) -> list[Row]:
    """Return the table of one board as of now, in at most `height` lines."""
    rows = [_head(state, marks), _bar("level", share(state.level_dbfs), level_words(state.level_dbfs), "cyan", marks)]
    shown = sorted(enumerate(state.scores), key=lambda pair: -pair[1])[: max(0, min(6, height - 12))]
    for index, score in sorted(shown):
        name = state.labels.get(index, f"class {index}")
        style = "bold green" if name in state.active else "green"
        rows.append(_bar(name, share_of(score), f"{score / 1000:.2f}", style, marks))
    rows.append([(f"{'time':<10}{'sound':<20}{'from':>12}{'to':>12}{'length':>9}{'score':>7}", "dim")])
    room = max(1, height - len(rows) - 2)
    for span in reversed([*state.recent, *state.active.values()][-room:]):
        rows.append(_event(span))
    rows.append(_foot(state, counts))
    return rows


def share_of(score: int) -> float:
    """Return how much of a bar a score of 1/1000 fills, 0 to 1."""
    return min(1.0, max(0.0, score / 1000))


def _head(state: State, marks: Marks) -> Row:
    hello = state.hello
    name = f"{hello.board}  {hello.model or 'safe mode'}  firmware {hello.fw}  {state.path}"
    away: Row = [] if state.connected else [("  gone; waiting for it", "red")]
    dot = (f"{marks.on} ", "green") if state.connected else (f"{marks.off} ", "red")
    return [dot, (printable(name), "bold"), *away]


def _bar(name: str, full_share: float, value: str, style: str, marks: Marks) -> Row:
    full = round(full_share * _BAR)
    return [
        (cell(name, 16) + " ", ""),
        (marks.full * full, style),
        (marks.empty * (_BAR - full), "bright_black"),
        (f" {value}", ""),
    ]


def _event(span: EventSpan) -> Row:
    begin = f"{clock(span)}  {cell(span.label, 19)} {span.onset_s:>10.2f} s"
    if span.offset_s is not None:
        return [(f"{begin}{span.offset_s:>10.2f} s{span.offset_s - span.onset_s:>7.1f} s{span.score:>7.2f}", "")]
    now, style = ("now", "bold green") if span.active else ("lost", "yellow")
    return [(f"{begin}{now:>12}{'':>9}{span.score:>7.2f}", style)]


def _foot(state: State, counts: Counts) -> Row:
    bad = counts.missing or counts.damaged or state.lost
    status = state.status
    step = f"   step {status.step_us / 1000:.1f} ms" if status and status.step_us else ""
    heap = f"   heap {status.heap_free / 1000:.0f} kB" if status and status.heap_free else ""
    words = f"lines {counts.messages}   missing {counts.missing}   damaged {counts.damaged}   samples lost {state.lost}"
    return [(words + step + heap, "yellow" if bad else "dim")]
