"""The live table of `soundsdk monitor` on a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from soundsdk.formats import printable
from soundsdk.protocol import Counts

from .source import Item, Source
from .state import Span, State

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

REDRAWS_S = 0.25  # at most this often
FLOOR_DBFS = -90.0  # where the level's bar begins
_BAR = 24  # characters


class Table:
    """A Sink that draws on `console`: who is watched, level, scores, the newest events, what was lost."""

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

    def take(self, item: Item, span: Span | None, now: float) -> None:
        self._changed = True

    def tick(self) -> None:
        now = time.monotonic()
        # The seconds of an event that goes on, and of a board that is away, change by themselves.
        moves = now - self._drawn_at >= 1.0
        if (self._changed or moves) and now - self._drawn_at >= REDRAWS_S:
            self._draw(now)

    def _draw(self, now: float) -> None:
        self._drawn_at = now
        self._changed = False
        self._live.update(picture(self._state, self._source.counts, self._console.height - 1), refresh=True)

    def close(self) -> None:
        self._draw(time.monotonic())
        self._live.stop()


def picture(state: State, counts: Counts, height: int) -> RenderableType:
    """What the table shows now, in at most `height` lines."""
    from rich.console import Group
    from rich.table import Table as Grid

    parts: list[RenderableType] = [_head(state), _bar("level", _share(state.level_dbfs), _level(state), "cyan")]
    shown = sorted(enumerate(state.scores), key=lambda pair: -pair[1])[: max(0, min(6, height - 12))]
    names = {index: state.labels.get(index, f"class {index}") for index, _ in shown}
    for index, score in sorted(shown):
        on = names[index] in state.going_on
        parts.append(_bar(names[index], score / 1000, f"{score / 1000:.2f}", "bold green" if on else "green"))
    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, justify in (("heard at", "left"), ("sound", "left"), ("from", "right"), ("to", "right"), ("", "right")):
        grid.add_column(name, justify=justify, no_wrap=True, header_style="dim")  # type: ignore[arg-type]
    grid.add_column("score", justify="right", header_style="dim")
    room = max(1, height - len(parts) - 3)
    for span in reversed([*state.recent, *state.going_on.values()][-room:]):
        grid.add_row(*_row(span, state.start))
    parts.append(grid)
    parts.append(_foot(state, counts))
    return Group(*parts)


def _head(state: State) -> Text:
    from rich.text import Text

    hello = state.hello
    name = f"{hello.board}  {hello.model or 'safe mode'}  firmware {hello.fw}  {state.path}"
    dot = ("● ", "green") if state.connected else ("○ ", "red")
    return Text.assemble(dot, (printable(name), "bold"), "" if state.connected else ("  gone; waiting for it", "red"))


def _bar(name: str, share: float | None, value: str, style: str) -> Text:
    from rich.text import Text

    full = 0 if share is None else round(min(1.0, max(0.0, share)) * _BAR)
    return Text.assemble(
        f"{printable(name)[:16]:<16} ",
        ("━" * full, style),
        ("─" * (_BAR - full), "bright_black"),
        f" {value}",
        no_wrap=True,
    )


def _share(level_dbfs: float | None) -> float | None:
    return None if level_dbfs is None else 1 - level_dbfs / FLOOR_DBFS


def _level(state: State) -> str:
    return "" if state.level_dbfs is None else f"{state.level_dbfs:.1f} dBFS"


def _row(span: Span, start: int) -> tuple[str | Text, ...]:
    from rich.text import Text

    clock = time.strftime("%H:%M:%S", time.localtime(span.time))
    onset = f"{span.onset_s:.2f} s"
    label = Text(printable(span.label))  # as it is: markup in it means nothing
    if span.offset_s is not None:
        return clock, label, onset, f"{span.offset_s:.2f} s", f"{span.offset_s - span.onset_s:.1f} s", _score(span)
    if span.going_on and span.start == start:
        label.stylize("bold green")
        return clock, label, onset, Text("now", "green"), "", _score(span)
    return clock, label, onset, Text("?", "yellow"), "", _score(span)


def _score(span: Span) -> str:
    return f"{span.score:.2f}"


def _foot(state: State, counts: Counts) -> Text:
    from rich.text import Text

    bad = counts.missing or counts.damaged or state.lost
    status = state.status
    step = f"   step {status.step_us / 1000:.1f} ms" if status and status.step_us else ""
    heap = f"   heap {status.heap_free / 1000:.0f} kB" if status and status.heap_free else ""
    words = f"lines {counts.messages}   missing {counts.missing}   damaged {counts.damaged}   samples lost {state.lost}"
    return Text(words + step + heap, "yellow" if bad else "dim", no_wrap=True, overflow="ellipsis")
