"""Rows of a live table: texts with styles, cropped to the terminal, in characters that it can show."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeAlias

from soundsdk.labels import printable
from soundsdk.monitor.state import EventSpan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions
    from rich.segment import Segment

FLOOR_DBFS = -90.0  # level at which the bar begins

Row: TypeAlias = "list[tuple[str, str]]"


@dataclass(frozen=True)
class Marks:
    """The characters beside letters. on, off: before a board that is there, or is not; full, empty: of a bar."""

    on: str = "●"
    off: str = "○"
    full: str = "━"
    empty: str = "─"


PLAIN = Marks("*", "o", "=", "-")


def marks_for(out: IO[str]) -> Marks:
    """Return the marks that an output can hold: plain ones where its encoding has no others."""
    marks = Marks()
    try:
        "".join(vars(marks).values()).encode(getattr(out, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return marks


class Picture:
    """Rows, cropped to the terminal. Rich's own tables would cost most of a monitor's time."""

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


def cell(text: str, width: int) -> str:
    """Return a text in exactly that many columns of a terminal, without what could steer it."""
    from rich.cells import set_cell_size

    return set_cell_size(printable(text), width)


def share(level_dbfs: float | None) -> float:
    """Return how much of a bar a level fills, 0 to 1."""
    return 0.0 if level_dbfs is None else min(1.0, max(0.0, 1 - level_dbfs / FLOOR_DBFS))


def level_words(level_dbfs: float | None) -> str:
    """Format a level; empty if it is unknown."""
    return "" if level_dbfs is None else f"{level_dbfs:.1f} dBFS"


def clock(span: EventSpan) -> str:
    """Format the local time at which an event began."""
    return time.strftime("%H:%M:%S", time.localtime(span.time))
