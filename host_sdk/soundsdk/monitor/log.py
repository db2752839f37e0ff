"""The file of `--log`: JSON Lines, written at once, that survive a full disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from soundsdk.device.reconnect import ReconnectingItem
from soundsdk.errors import OutputError
from soundsdk.labels import counted
from soundsdk.monitor.boards.board import MonitoredBoard
from soundsdk.monitor.records import line, record
from soundsdk.monitor.state import EventSpan


class Log:
    """A Sink that appends a line per item, at once. say() gets a sentence when writing fails, and when it works again.

    OutputError if the file cannot be opened.
    """

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self.path = path
        self._say = say
        self._written = 0
        self.failed = 0  # lines that could not be written
        self._failing = 0  # of those, since the last one that could
        self._torn = False  # the file ends within a line
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            self._torn = _ends_within_line(path)
        except OSError as error:
            raise OutputError(
                f"the log {path} cannot be written: {error.strerror or error}.", "Give --log another place."
            ) from error

    def handle(self, board: MonitoredBoard, item: ReconnectingItem, span: EventSpan | None, now: float) -> None:
        """Append the record of an item."""
        members = record(item, now, board.state.hello.rate_hz, board.name)
        if members is not None:
            self._append(line(members).encode() + b"\n")

    def _append(self, data: bytes) -> None:
        data = b"\n" + data if self._torn else data
        try:
            written = 0
            while written < len(data):
                n = os.write(self._file, data[written:])
                self._torn = True
                written += n
        except OSError as error:
            self.failed += 1
            self._failing += 1
            if self._failing == 1:
                self._say(f"the log {self.path} cannot be written ({error.strerror or error}); new lines are not kept.")
            return
        self._torn = False
        self._written += 1
        if self._failing:
            self._say(f"the log {self.path} can be written again; it lacks {counted(self._failing, 'line')}.")
            self._failing = 0

    def summary(self) -> str:
        """Return what was kept, and what could not be, as a line of the summary."""
        failed = f", {counted(self.failed, 'line')} could not be written" if self.failed else ""
        return f"  log      {counted(self._written, 'line')} added to {self.path}{failed}"

    def tick(self) -> None:
        """Do nothing: lines are written at once."""

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _ends_within_line(path: Path) -> bool:
    """Return whether the last line of an earlier run is cut off, so that a line end has to come first."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
