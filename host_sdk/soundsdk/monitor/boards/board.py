"""One monitored board: its names, its source, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from soundsdk.monitor.boards.identity import Identity
from soundsdk.monitor.boards.source import Source
from soundsdk.monitor.event_filter import EventFilter
from soundsdk.monitor.state import State
from soundsdk.monitor.telemetry_requests import TelemetryRequests


@dataclass
class MonitoredBoard:
    """A board. index: its place among the boards of this monitor, from 0; several: whether there are others."""

    identity: Identity
    index: int
    several: bool
    source: Source
    state: State
    requests: TelemetryRequests
    event_filter: EventFilter = field(default_factory=EventFilter)

    @property
    def name(self) -> str:
        """Its name in lines and tables, which no other board of this monitor has."""
        return self.identity.name


def monitored(
    source: Source,
    identity: Identity,
    index: int = 0,
    several: bool = False,
    wants: Callable[[], tuple[bool, bool]] = lambda: (False, False),
    labels: Collection[str] = (),
    min_score: float = 0.0,
) -> MonitoredBoard:
    """Return a board, of which nothing but its hello is known yet.

    wants: see TelemetryRequests. labels, min_score: see EventFilter.
    """
    state = State(source.hello, source.path)
    requests = TelemetryRequests(source, state, wants)
    return MonitoredBoard(identity, index, several, source, state, requests, EventFilter(labels, min_score))
