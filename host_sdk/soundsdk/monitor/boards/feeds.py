"""The items of one board, or of several at once: each of several has a thread that alone touches its port."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

from soundsdk.device.messages import Hello
from soundsdk.device.protocol import Counts
from soundsdk.device.reconnect import ReconnectingItem
from soundsdk.monitor.boards.board import MonitoredBoard
from soundsdk.monitor.boards.source import Source

TURN_S = 0.25  # the longest that a command waits for its board
GATHER_S = 0.1  # between two readings of a board that sends: many lines at once cost little more than one
_QUEUED = 4  # readings of each board; a board whose monitor is further behind waits, as at a port that nobody reads
_CLOSE_S = 5.0

Batch: TypeAlias = "tuple[MonitoredBoard, list[ReconnectingItem]]"
Reading: TypeAlias = "list[ReconnectingItem] | Exception"
Readings: TypeAlias = "queue.Queue[tuple[ThreadedSource, Reading]]"


class Feed(Protocol):
    """The items of the monitored boards."""

    def read(self, timeout_s: float) -> Sequence[Batch]:
        """Return the items that have come, by board, waiting at most timeout_s for the first."""


class OneBoard:
    """A Feed that reads its only board in the thread of the caller."""

    def __init__(self, board: MonitoredBoard) -> None:
        self._board = board

    def read(self, timeout_s: float) -> Sequence[Batch]:
        """Return what has come."""
        items = self._board.source.read_all(timeout_s)
        return [(self._board, items)] if items else []


class ThreadedSource:
    """A Source whose board is read by a thread, from start() to close(); what it says is as of the last reading."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._commands: deque[tuple[str, dict[str, Any]]] = deque()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._look()

    def _look(self) -> None:
        self.hello: Hello = self._source.hello
        self.path: str = self._source.path
        self.counts: Counts = replace(self._source.counts)
        self.sound_over = bool(getattr(self._source, "sound_over", False))

    def start(self, out: Readings) -> None:
        """Start reading into a queue; an error ends it, and is put there as well."""
        self._thread = threading.Thread(target=self._run, args=(out,), daemon=True, name="soundsdk-board")
        self._thread.start()

    def _run(self, out: Readings) -> None:
        while not self._closing.is_set():
            try:
                while self._commands:
                    kind, members = self._commands.popleft()
                    self._source.send(kind, **members)
                items: Reading = self._source.read_all(TURN_S)
                self._look()
            except Exception as error:  # it belongs to the thread that reads the queue
                items = error
                self._closing.set()
            if isinstance(items, Exception) or items:
                self._put(out, items)
                self._closing.wait(GATHER_S)

    def _put(self, out: Readings, items: Reading) -> None:
        while True:
            with contextlib.suppress(queue.Full):
                out.put((self, items), timeout=TURN_S)
                return
            if self._closing.is_set():
                return

    def read_all(self, timeout_s: float) -> list[ReconnectingItem]:
        """Return nothing: the thread has read it."""
        return []

    def send(self, kind: str, **members: Any) -> None:
        """Send a command, within TURN_S; do nothing while the board is away."""
        self._commands.append((kind, members))

    def close(self) -> None:
        """End the thread, which may have to finish greeting its board first."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=_CLOSE_S)


class ManyBoards:
    """A Feed of boards whose sources are ThreadedSources. Use it in a `with` statement: it starts and ends them."""

    def __init__(self, boards: Sequence[MonitoredBoard]) -> None:
        self._boards = {board.source: board for board in boards}
        self._ready: Readings = queue.Queue(_QUEUED * len(boards))

    def read(self, timeout_s: float) -> Sequence[Batch]:
        """Return what has come; raise the error that has ended the reading of a board."""
        out: list[Batch] = []
        with contextlib.suppress(queue.Empty):
            out.append(self._taken(self._ready.get(timeout=timeout_s)))
            while True:
                out.append(self._taken(self._ready.get_nowait()))
        return out

    def _taken(self, entry: tuple[ThreadedSource, Reading]) -> Batch:
        source, items = entry
        if isinstance(items, Exception):
            raise items
        return self._boards[source], items

    def __enter__(self) -> ManyBoards:
        for source in self._boards:
            assert isinstance(source, ThreadedSource)
            source.start(self._ready)
        return self

    def __exit__(self, *_: object) -> None:
        # All at once: each may need some time.
        sources = [source for source in self._boards if isinstance(source, ThreadedSource)]
        closing = [threading.Thread(target=source.close) for source in sources]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
