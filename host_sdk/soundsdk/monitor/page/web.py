"""Messages to the web page: all items of a board, and the current state for a page that joins."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections import deque
from typing import Any

from soundsdk.device.messages import Event, Hello, Mel, Scores, Status
from soundsdk.device.protocol import DeviceReset, Text
from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingItem
from soundsdk.monitor.page.server import PageServer
from soundsdk.monitor.source import Source
from soundsdk.monitor.state import EventSpan, State
from soundsdk.monitor.telemetry_requests import TelemetryRequests

KEPT_S = 60.0  # of scores and features, for a page that joins
_KEPT_STEPS = 1000  # at most
_COUNTS_S = 1.0


class Web:
    """A Sink that feeds a PageServer.

    Messages are JSON objects with a `kind`; `at`: seconds since the board started; `time`: Unix seconds of the host.
    """

    def __init__(self, server: PageServer, source: Source, state: State, requests: TelemetryRequests) -> None:
        self._server = server
        self._source = source
        self._state = state
        self._requests = requests
        self._steps: deque[tuple[float, dict[str, Any]]] = deque(maxlen=_KEPT_STEPS)
        self._known: dict[str, Any] = {}
        self._counts: dict[str, int] = {}
        self._counted_at = 0.0

    def handle(self, item: ReconnectingItem, span: EventSpan | None, now: float) -> None:
        """Send an item to the page."""
        rate_hz = self._state.hello.rate_hz or 1
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
            self._send({"kind": "text", "text": item.text, "time": now})

    def _step(self, message: dict[str, Any]) -> None:
        self._steps.append((time.monotonic(), message))
        self._send(message)

    def tick(self) -> None:
        """Send counts and classes that have changed, and the state to pages that have joined."""
        now = time.monotonic()
        while self._steps and now - self._steps[0][0] > KEPT_S:
            self._steps.popleft()
        known = self._classes()
        if known != self._known:
            self._known = known
            self._send(known)
        if now - self._counted_at >= _COUNTS_S:
            self._counted_at = now
            counts = self._count()
            if counts != self._counts:
                self._counts = counts
                self._send(counts)
        for client in self._server.new_clients():
            client.put(_text(self._all()))

    def _all(self) -> dict[str, Any]:
        state = self._state
        spans = [*state.recent, *state.active.values()]
        messages = [self._board(), self._classes(), self._count(), *(_event(span) for span in spans)]
        if state.status is not None:
            messages.append(self._status(state.status))
        return {"kind": "all", "messages": messages + [message for _, message in self._steps]}

    def _board(self) -> dict[str, Any]:
        hello, state = self._state.hello, self._state
        names = {"board": hello.board, "model": hello.model, "sha256": hello.sha256, "fw": hello.fw}
        place = {"path": state.path, "connected": state.connected, "start": state.start}
        return {"kind": "board", **names, **place, "rate_hz": hello.rate_hz}

    def _classes(self) -> dict[str, Any]:
        classes = self._requests.classes
        some = [{"index": i, **{k: classes[i].get(k) for k in ("label", "on", "off")}} for i in sorted(classes)]
        return {"kind": "classes", "classes": some, "telemetry": self._requests.telemetry}

    def _count(self) -> dict[str, Any]:
        counts, state = self._source.counts, self._state
        lines = {"lines": counts.messages, "missing": counts.missing, "damaged": counts.damaged, "text": counts.text}
        return {"kind": "counts", **lines, "lost": state.lost, "gone": state.times_gone, "gone_s": state.gone_s}

    def _status(self, status: Status) -> dict[str, Any]:
        rate_hz = self._state.hello.rate_hz or 1
        members = {key: value for key, value in vars(status).items() if key not in ("extra", "seq")}
        return {"kind": "status", "at": (status.captured + status.lost) / rate_hz, **members}

    def _send(self, message: dict[str, Any]) -> None:
        if self._server.watched:
            self._server.publish(_text(message))

    def close(self) -> None:
        """Do nothing: whoever made the server closes it."""


def _event(span: EventSpan) -> dict[str, Any]:
    return {"kind": "event", **vars(span)}


def _text(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)
