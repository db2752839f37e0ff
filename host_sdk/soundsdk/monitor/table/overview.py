"""The live table of several boards: a line for each, then the newest events of all."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from soundsdk.monitor.boards.board import MonitoredBoard
from soundsdk.monitor.state import EventSpan
from soundsdk.monitor.table.rows import Marks, Row, cell, clock, level_words, share

_NAME = 30  # characters at most; a third of a narrow terminal
_SOUND = 16
_BAR = 10
_EVENTS = 8  # lines that are kept for events where there is room for all boards as well


def overview(boards: Sequence[MonitoredBoard], height: int, width: int, marks: Marks) -> list[Row]:
    """Return the rows of the table as of now, at most `height`."""
    room = max(1, height - 3)  # a head for each part, and the foot
    shown = min(len(boards), max(1, room - 1, room - _EVENTS if room > 2 * _EVENTS else 0))
    if len(boards) > room - 1:
        shown = max(1, room - 2)
    name = min(_NAME, max(12, width // 3), max(len(board.name) for board in boards))
    rows: list[Row] = [[(_head(name), "dim")]]
    # Those that are away first, where there is no room for all.
    order = sorted(boards, key=lambda board: board.state.connected) if shown < len(boards) else boards
    rows += [_board(board, name, marks) for board in order[:shown]]
    if shown < len(boards):
        rows.append([(f"  and {len(boards) - shown} more boards; a higher terminal shows all", "dim")])
    left = height - len(rows) - 2
    if left > 0:
        rows.append([(f"{'time':<10}{'board':<{name + 1}}{'sound':<{_SOUND + 1}}{'length':>8}{'score':>7}", "dim")])
        rows += [_event(board, span, name) for board, span in _newest(boards, left)]
    return [*rows[: max(1, height - 1)], _foot(boards)]


def _head(name: int) -> str:
    begin = f"  {'board':<{name + 1}}{'sound now':<{_SOUND + 6}}{'level':<{_BAR + 12}}"
    return f"{begin}{'events':>6}{'missing':>9}{'lost':>8}"


def _board(board: MonitoredBoard, name: int, marks: Marks) -> Row:
    state, counts = board.state, board.source.counts
    dot = (f"{marks.on} ", "green") if state.connected else (f"{marks.off} ", "red")
    row: Row = [dot, (cell(board.name, name) + " ", "bold")]
    if not state.connected:
        row.append((cell("gone; waiting for it", _SOUND + 5) + " ", "red"))
    elif not state.hello.model:
        row.append((cell("safe mode", _SOUND + 5) + " ", "yellow"))
    elif state.active:
        span = list(state.active.values())[-1]
        row.append((f"{cell(span.label, _SOUND)} {span.score:4.2f} ", "bold green"))
    elif state.scores:
        index = max(range(len(state.scores)), key=state.scores.__getitem__)
        label = state.labels.get(index, f"class {index}")
        row.append((f"{cell(label, _SOUND)} {state.scores[index] / 1000:4.2f} ", "dim"))
    else:
        row.append((" " * (_SOUND + 6), ""))
    full = round(share(state.level_dbfs) * _BAR)
    row += [(marks.full * full, "cyan"), (marks.empty * (_BAR - full), "bright_black")]
    bad = counts.missing or counts.damaged or state.lost
    heard = sum(state.counted.values())
    row.append((f" {level_words(state.level_dbfs):<11}", ""))
    row.append((f"{heard:>6}{counts.missing + counts.damaged:>9}{state.lost:>8}", "yellow" if bad else ""))
    return row


def _newest(boards: Sequence[MonitoredBoard], count: int) -> list[tuple[MonitoredBoard, EventSpan]]:
    """Return the events of all boards that began last, the newest first."""
    some = (
        (board, span) for board in boards for span in [*list(board.state.recent)[-count:], *board.state.active.values()]
    )
    return heapq.nlargest(count, some, key=lambda pair: pair[1].time)


def _event(board: MonitoredBoard, span: EventSpan, name: int) -> Row:
    begin = f"{clock(span)}  {cell(board.name, name)} {cell(span.label, _SOUND)} "
    if span.offset_s is not None:
        return [(f"{begin}{span.offset_s - span.onset_s:>6.1f} s{span.score:>7.2f}", "")]
    now, style = ("now", "bold green") if span.active else ("lost", "yellow")
    return [(f"{begin}{now:>8}{span.score:>7.2f}", style)]


def _foot(boards: Sequence[MonitoredBoard]) -> Row:
    lines = sum(board.source.counts.messages for board in boards)
    away = sum(not board.state.connected for board in boards)
    words = f"{len(boards)} boards   lines {lines}"
    return [(words, "dim"), (f"   gone {away}" if away else "", "red")]


