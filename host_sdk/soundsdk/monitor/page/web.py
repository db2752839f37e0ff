"""Messages to the web page: all items of the boards, and the current state for a page that joins."""

from __future__ import annotations

import contextlib
import json
import queue
import time
from base64 import b64encode
from collections import deque
from collections.abc import Sequence
from typing import Any

from soundfw.settings import ACTIONS
from soundsdk.device.changes import free_gpios, has_led, ranges
from soundsdk.device.messages import Event, Hello, Mel, Scores, Status
from soundsdk.device.protocol import DeviceReset, Text
from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingItem
from soundsdk.errors import UsageError
from soundsdk.monitor.boards.board import MonitoredBoard
from soundsdk.monitor.page.changes import BoardChanges
from soundsdk.monitor.page.server import Client, PageServer
from soundsdk.monitor.state import EventSpan

KEPT_S = 60.0  # of scores and features, for a page that joins
KEPT_STEPS = 1000  # at most
_COUNTS_S = 1.0
_EVENTS_OF_OTHERS = 20
_LEVELS_S = 0.5
_OF_CLASS = ("label", "on", "off", "min_ms", "hold_ms", "action")
_RANGES = {**ranges(), **{key: (low, high) for key, _, low, high in ACTIONS}}


class Web:
    """A Sink that feeds a PageServer.

    Messages are JSON objects with a `kind`, and `from`, the index of their board; `at`: seconds since the board
    started; `time`: Unix seconds of the host. Scores, features, classes and counts go to browsers that look at that
    board; events, states and levels of every board to all.
    """

    def __init__(self, server: PageServer, boards: Sequence[MonitoredBoard]) -> None:
        self._server = server
        self._feeds = [_BoardFeed(server, board) for board in boards]
        self._levels: list[float | None] = []
        self._levelled_at = 0.0

    def handle(self, board: MonitoredBoard, item: ReconnectingItem, span: EventSpan | None, now: float) -> None:
        """Send an item to the page."""
        self._feeds[board.index].handle(item, span, now)

    def tick(self) -> None:
        """Send what has changed, and the state to pages that have joined; carry out what pages ask for."""
        now = time.monotonic()
        with contextlib.suppress(queue.Empty):
            while True:
                request = self._server.changes.get_nowait()
                if 0 <= request.board < len(self._feeds):
                    self._feeds[request.board].changes.add(request)
                else:
                    request.finish(UsageError("this monitor has no such board."))
        for feed in self._feeds:
            feed.tick(now)
        if len(self._feeds) > 1 and now - self._levelled_at >= _LEVELS_S:
            self._levelled_at = now
            levels = [feed.board.state.level_dbfs for feed in self._feeds]
            if levels != self._levels and self._server.watched:
                self._levels = levels
                self._server.publish(_text({"kind": "levels", "levels": levels}))
        for client in self._server.new_clients():
            client.put(_text(self._all(client)))

    def _all(self, client: Client) -> dict[str, Any]:
        messages = [message for feed in self._feeds for message in feed.of_all(feed.board.index == client.board)]
        if client.board < len(self._feeds):
            messages += self._feeds[client.board].of_its_own()
        return {"kind": "all", "messages": messages, "ranges": _RANGES}

    def close(self) -> None:
        """Do nothing: whoever made the server closes it."""


class _BoardFeed:
    """The messages of one board."""

    def __init__(self, server: PageServer, board: MonitoredBoard) -> None:
        self.board = board
        self._server = server
        self._steps: deque[tuple[float, dict[str, Any]]] = deque(maxlen=KEPT_STEPS)
        self._known: dict[str, Any] = {}
        self._counts: dict[str, Any] = {}
        self._counted_at = 0.0
        self._over = False
        self.changes = BoardChanges(board)

    def handle(self, item: ReconnectingItem, span: EventSpan | None, now: float) -> None:
        """Send an item."""
        self.changes.handle(item)
        rate_hz = self.board.state.hello.rate_hz or 1
        if isinstance(item, Scores):
            at = item.time_samples / rate_hz
            self._step({"kind": "scores", "at": at, "level": item.level_dbfs, "scores": list(item.scores)})
        elif isinstance(item, Mel):
            data = b64encode(item.data).decode()
            self._step({"kind": "mel", "at": item.time_samples / rate_hz, "frame": item.frame, "data": data})
        elif isinstance(item, Event):
            if span is not None:
                self._send(_event(span))
        elif isinstance(item, Status):
            self._send(self._status(item))
        elif isinstance(item, (Hello, Disconnected, Reconnected, DeviceReset)):
            if isinstance(item, DeviceReset) or (isinstance(item, Reconnected) and item.restarted):
                self._steps.clear()
                self._send({"kind": "restart"})
            self._send(self._board())
        elif isinstance(item, Text):
            self._send_own({"kind": "text", "text": item.text, "time": now})

    def _step(self, message: dict[str, Any]) -> None:
        self._steps.append((time.monotonic(), message))
        self._send_own(message)

    def tick(self, now: float) -> None:
        """Send counts and classes that have changed, if somebody looks."""
        while self._steps and now - self._steps[0][0] > KEPT_S:
            self._steps.popleft()
        self.changes.tick()
        if self._sound_over() != self._over:
            self._over = not self._over
            self._send(self._board())
        if not self._server.looks_at(self.board.index):
            return
        known = self._classes()
        if known != self._known:
            self._known = known
            self._send_own(known)
        if now - self._counted_at >= _COUNTS_S:
            self._counted_at = now
            counts = self._count()
            if counts != self._counts:
                self._counts = counts
                self._send_own(counts)

    def of_all(self, looked_at: bool) -> list[dict[str, Any]]:
        """Return the state that every page shows of this board, with all its events or some."""
        state = self.board.state
        recent = list(state.recent) if looked_at else list(state.recent)[-_EVENTS_OF_OTHERS:]
        messages = [self._board(), *(_event(span) for span in [*recent, *state.active.values()])]
        if state.status is not None:
            messages.append(self._status(state.status))
        return [self._marked(message) for message in messages]

    def of_its_own(self) -> list[dict[str, Any]]:
        """Return what a page shows only while it looks at this board."""
        messages = [self._classes(), self._count(), *(message for _, message in self._steps)]
        return [self._marked(message) for message in messages]

    def _board(self) -> dict[str, Any]:
        hello, state = self.board.state.hello, self.board.state
        names = {"board": hello.board, "model": hello.model, "sha256": hello.sha256, "fw": hello.fw}
        place = {"path": state.path, "connected": state.connected, "start": state.start}
        pins = {"gpios": free_gpios(hello.board), "led": has_led(hello.board)}
        more = {"rate_hz": hello.rate_hz, "over": self._sound_over()}
        return {"kind": "board", "name": self.board.name, **names, **place, **pins, **more}

    def _sound_over(self) -> bool:
        """Return True if the board is a virtual one whose recording is over: only their sources say so."""
        return bool(getattr(self.board.source, "sound_over", False))

    def _classes(self) -> dict[str, Any]:
        classes = self.board.requests.classes
        some = [{"index": i, **{k: classes[i].get(k) for k in _OF_CLASS}} for i in sorted(classes)]
        return {"kind": "classes", "classes": some, "telemetry": self.board.requests.telemetry}

    def _count(self) -> dict[str, Any]:
        counts, state = self.board.source.counts, self.board.state
        lines = {"lines": counts.messages, "missing": counts.missing, "damaged": counts.damaged, "text": counts.text}
        return {"kind": "counts", **lines, "lost": state.lost, "gone": state.times_gone, "gone_s": state.gone_s}

    def _status(self, status: Status) -> dict[str, Any]:
        rate_hz = self.board.state.hello.rate_hz or 1
        members = {key: value for key, value in vars(status).items() if key not in ("extra", "seq")}
        return {"kind": "status", "at": (status.captured + status.lost) / rate_hz, **members}

    def _marked(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"from": self.board.index, **message}

    def _send(self, message: dict[str, Any]) -> None:
        if self._server.watched:
            self._server.publish(_text(self._marked(message)))

    def _send_own(self, message: dict[str, Any]) -> None:
        if self._server.looks_at(self.board.index):
            self._server.publish(_text(self._marked(message)), self.board.index)


def _event(span: EventSpan) -> dict[str, Any]:
    return {"kind": "event", **vars(span)}


def _text(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)
