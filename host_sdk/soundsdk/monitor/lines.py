"""Lines on standard output: plain text, JSON Lines, a DCASE table, an Audacity label track."""

from __future__ import annotations

import os
import select
import sys
import time
from typing import Protocol, TextIO

from soundsdk import labels
from soundsdk.device.messages import Event
from soundsdk.device.reconnect import ReconnectingItem
from soundsdk.errors import ReaderGoneError
from soundsdk.monitor.boards.board import MonitoredBoard
from soundsdk.monitor.records import line, record
from soundsdk.monitor.state import EventSpan, whole


class Sink(Protocol):
    """A receiver of everything that is to be shown or kept. Its methods never wait."""

    def handle(self, board: MonitoredBoard, item: ReconnectingItem, span: EventSpan | None, now: float) -> None:
        """Handle an item of a board that arrived at `now` (Unix seconds). span: the event that it begins or ends."""

    def tick(self) -> None:
        """Do what is due; called several times a second."""

    def close(self) -> None:
        """Release what the sink holds."""


class Lines:
    """A Sink that writes lines. ReaderGoneError when the reader has gone, even if there is nothing to write."""

    def __init__(self, form: str, out: TextIO | None = None) -> None:
        self._form = form
        self._out = out or sys.stdout
        self._pipe = _pipe(self._out)
        if form == "tsv":
            self._write([labels.TSV_HEADER])

    def handle(self, board: MonitoredBoard, item: ReconnectingItem, span: EventSpan | None, now: float) -> None:
        """Write the lines of an item."""
        rate_hz = board.state.hello.rate_hz
        if self._form == "jsonl":
            members = record(item, now, rate_hz, board.name)
            self._write([] if members is None else [line(members)])
        elif self._form == "text":
            if isinstance(item, Event):
                self._write([text(item, rate_hz, now, board.name if board.several else "")])
        elif (event := whole(span)) is not None:
            name = filename(board)
            self._write(labels.format_tsv(name, [event]) if self._form == "tsv" else labels.format_audacity([event]))

    def _write(self, rows: list[str]) -> None:
        if rows:
            self._out.write("".join(row + "\n" for row in rows))
            self._out.flush()

    def tick(self) -> None:
        """Raise ReaderGoneError if the reader has gone."""
        if self._pipe is not None and any(event & select.POLLERR for _, event in self._pipe.poll(0)):
            raise ReaderGoneError

    def close(self) -> None:
        """Do nothing: the output stays open."""


def _pipe(out: TextIO) -> select.poll | None:
    """Return a poll that shows when the reader of a pipe has gone; None where that cannot be seen."""
    try:
        import stat

        mode = os.fstat(out.fileno()).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            return None
        poll = select.poll()
        poll.register(out.fileno(), 0)
        return poll
    except (OSError, ValueError, AttributeError):  # no file behind it; no poll on Windows
        return None


def text(event: Event, rate_hz: int, now: float, board: str = "") -> str:
    """Format one edge of an event: local time, edge, seconds since the board started, score, label, the board."""
    clock = time.strftime("%H:%M:%S", time.localtime(now))
    seconds = event.time_samples / rate_hz if rate_hz else 0.0
    return f"{clock}  {event.edge:<3}  {seconds:10.2f} s  {event.peak:.2f}  {labels.printable(event.label)}" + (
        f"  {board}" if board else ""
    )


def filename(board: MonitoredBoard) -> str:
    """Return the file name in a table: the kind of the board (its name among several), with -2, -3 … after restarts."""
    state = board.state
    return (board.name if board.several else state.hello.board) + (f"-{state.start}" if state.start > 1 else "")
