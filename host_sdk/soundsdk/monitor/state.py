"""The state of a monitored board, in memory that does not grow with time."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field, replace

from soundsdk.device.messages import Event, Hello, Scores, Status
from soundsdk.device.protocol import DeviceReset, LinesLost
from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingItem
from soundsdk.labels import LabelledSpan

RECENT = 200  # events that are kept
GAPS = 50  # gaps that are kept
LABELS = 1000  # labels that are counted: no detector has as many


@dataclass(frozen=True)
class EventSpan:
    """A sound event, in seconds since the board started. offset_s: None while it is active, or if its end was lost."""

    id: int
    label: str
    onset_s: float
    offset_s: float | None
    score: float  # the highest so far
    time: float  # of the host when the onset arrived, Unix seconds
    start: int  # number of the start of the board, from 1
    active: bool


@dataclass
class State:
    """Everything known of the board; update() it with every item, in order."""

    hello: Hello
    path: str
    connected: bool = True
    began: float = field(default_factory=time.monotonic)
    start: int = 1  # number of starts seen, the first included
    status: Status | None = None
    level_dbfs: float | None = None
    scores: tuple[int, ...] = ()
    labels: dict[int, str] = field(default_factory=dict)  # by class, as far as known
    active: dict[str, EventSpan] = field(default_factory=dict)
    recent: deque[EventSpan] = field(default_factory=lambda: deque(maxlen=RECENT))  # ended, oldest first
    counted: dict[str, int] = field(default_factory=dict)  # onsets by label
    unfinished: int = 0  # events whose end was lost
    without_onset: int = 0  # offsets whose onset was lost
    gaps: deque[LinesLost] = field(default_factory=lambda: deque(maxlen=GAPS))
    times_gone: int = 0
    gone_s: float = 0.0  # without the absence that goes on
    gone_since: float | None = None  # time.monotonic() of its beginning
    lost: int = 0  # samples, over all starts that were seen
    _lost_before: int = 0

    def update(self, item: ReconnectingItem, now: float) -> EventSpan | None:
        """Update with an item that arrived at `now` (Unix seconds); return the event that it begins or ends."""
        if isinstance(item, Event):
            return self._event(item, now)
        if isinstance(item, Status):
            self.status = item
            self.level_dbfs = item.level_dbfs
            self.lost = self._lost_before + item.lost
        elif isinstance(item, Scores):
            self.level_dbfs = item.level_dbfs
            self.scores = item.scores
        elif isinstance(item, Hello):
            self.hello = item
        elif isinstance(item, LinesLost):
            self.gaps.append(item)
        elif isinstance(item, DeviceReset):
            self._restart()
        elif isinstance(item, Disconnected):
            self.connected = False
            self.gone_since = time.monotonic()
            self.times_gone += 1
            self.scores = ()
            self.level_dbfs = None
        elif isinstance(item, Reconnected):
            self.connected = True
            self.path = item.path
            self.gone_s += item.away_s
            self.gone_since = None
            self.hello = item.hello
            if item.lines_lost is not None:
                self.gaps.append(item.lines_lost)
            if item.restarted:
                self._restart()
        return None

    def _event(self, event: Event, now: float) -> EventSpan | None:
        at_s = event.time_samples / self.hello.rate_hz if self.hello.rate_hz else 0.0
        before = self.active.pop(event.label, None)
        if event.edge == "on":
            if before is not None:
                self._unfinished(before)
            span = EventSpan(event.id, event.label, at_s, None, event.peak, now, self.start, True)
            self.active[event.label] = span
            if event.label in self.counted or len(self.counted) < LABELS:
                self.counted[event.label] = self.counted.get(event.label, 0) + 1
            return span
        if before is None or before.id != event.id:
            if before is not None:
                self._unfinished(before)
            self.without_onset += 1
            return None
        span = replace(before, offset_s=at_s, score=max(before.score, event.peak), active=False)
        self.recent.append(span)
        return span

    def _unfinished(self, span: EventSpan) -> None:
        self.unfinished += 1
        self.recent.append(replace(span, active=False))

    def _restart(self) -> None:
        for span in self.active.values():
            self._unfinished(span)
        self.active.clear()
        self.start += 1
        self.status = None
        self._lost_before = self.lost


def whole(span: EventSpan | None) -> LabelledSpan | None:
    """Return the event if both its ends are known."""
    if span is None or span.offset_s is None:
        return None
    return LabelledSpan(span.onset_s, max(span.onset_s, span.offset_s), span.label, span.score)
