"""The live table of `soundsdk monitor` on a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeAlias

from soundsdk.device.protocol import Counts
from soundsdk.device.reconnect import ReconnectingItem
from soundsdk.labels import printable
from soundsdk.monitor.source import Source
from soundsdk.monitor.state import EventSpan, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions
    from rich.segment import Segment

REDRAWS_S = 0.25  # shortest time between two drawings
FLOOR_DBFS = -90.0  # level at which the bar begins
_BAR = 24  # characters

Row: TypeAlias = "list[tuple[str, str]]"


class Table:
    """A Sink that draws on `console`: the board, level, scores, the newest events, losses."""

    def __init__(self, source: Source, state: State, console: Console) -> None:
        import sys

        from rich.live import Live

        self._source = source
        self._state = state
        self._console = console
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

    def handle(self, item: ReconnectingItem, span: EventSpan | None, now: float) -> None:
        """Note that something has changed."""
        self._changed = True

    def tick(self) -> None:
        """Draw if something has changed, or the running seconds have."""
        now = time.monotonic()
        # The seconds of an active event, and of a board that is away, change by themselves.
        moves = now - self._drawn_at >= 1.0
        if (self._changed or moves) and now - self._drawn_at >= REDRAWS_S:
            self._draw(now)

    def _draw(self, now: float) -> None:
        self._drawn_at = now
        self._changed = False
        self._live.update(picture(self._state, self._source.counts, self._console.height - 1), refresh=True)

    def close(self) -> None:
        """Draw for the last time and leave the terminal."""
        self._draw(time.monotonic())
        self._live.stop()


class Picture:
    """Rows of (text, style), cropped to the terminal. Rich's own tables would cost most of a monitor's time."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.cells import cell_len, set_cell_size
        from rich.segment import Segment

        for row in self.rows:
            room = options.max_width
            for words, style in row:
                cells = cell_len(words)
                if cells > room:
                    words, cells = set_cell_size(words, room), room
                room -= cells
                yield Segment(words, console.get_style(style) if style else None)
            yield Segment.line()


def picture(state: State, counts: Counts, height: int) -> Picture:
    """Return the table as of now, in at most `height` lines."""
    rows = [_head(state), _bar("level", _share(state.level_dbfs), _level(state), "cyan")]
    shown = sorted(enumerate(state.scores), key=lambda pair: -pair[1])[: max(0, min(6, height - 12))]
    for index, score in sorted(shown):
        name = state.labels.get(index, f"class {index}")
        rows.append(
            _bar(name, score / 1000, f"{score / 1000:.2f}", "bold green" if name in state.active else "green")
        )
    rows.append([(f"{'time':<10}{'sound':<20}{'from':>12}{'to':>12}{'length':>9}{'score':>7}", "dim")])
    room = max(1, height - len(rows) - 2)
    for span in reversed([*state.recent, *state.active.values()][-room:]):
        rows.append(_event(span))
    rows.append(_foot(state, counts))
    return Picture(rows)


def _head(state: State) -> Row:
    hello = state.hello
    name = f"{hello.board}  {hello.model or 'safe mode'}  firmware {hello.fw}  {state.path}"
    away: Row = [] if state.connected else [("  gone; waiting for it", "red")]
    return [("● ", "green") if state.connected else ("○ ", "red"), (printable(name), "bold"), *away]


def _bar(name: str, share: float | None, value: str, style: str) -> Row:
    full = 0 if share is None else round(min(1.0, max(0.0, share)) * _BAR)
    return [
        (_cell(name, 16) + " ", ""),
        ("━" * full, style),
        ("─" * (_BAR - full), "bright_black"),
        (f" {value}", ""),
    ]


def _cell(text: str, width: int) -> str:
    from rich.cells import set_cell_size

    return set_cell_size(printable(text), width)


def _share(level_dbfs: float | None) -> float | None:
    return None if level_dbfs is None else 1 - level_dbfs / FLOOR_DBFS


def _level(state: State) -> str:
    return "" if state.level_dbfs is None else f"{state.level_dbfs:.1f} dBFS"


def _event(span: EventSpan) -> Row:
    clock = time.strftime("%H:%M:%S", time.localtime(span.time))
    begin = f"{clock}  {_cell(span.label, 19)} {span.onset_s:>10.2f} s"
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
