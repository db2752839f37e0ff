"""The loop of `soundsdk monitor`: from the source to everything that shows or keeps its items."""

from __future__ import annotations

import time
from collections.abc import Sequence

from soundsdk.device.messages import Event
from soundsdk.device.protocol import DeviceReset
from soundsdk.device.reconnect import Reconnected, ReconnectingItem
from soundsdk.monitor.event_filter import EventFilter
from soundsdk.monitor.lines import Sink
from soundsdk.monitor.source import Source
from soundsdk.monitor.state import State
from soundsdk.monitor.telemetry_requests import TelemetryRequests

TURN_S = 0.1
GATHER_S = 0.03  # wait after items: a single line costs as much as several at once


def run_monitor(
    source: Source,
    state: State,
    event_filter: EventFilter,
    requests: TelemetryRequests,
    sinks: Sequence[Sink],
    once: bool = False,
    whole: bool = False,
    seconds: float | None = None,
    gather_s: float = GATHER_S,
) -> bool:
    """Run until `seconds` are over (return False), or with `once` until an event has been shown (return True).

    once: at the onset of the event, or at its end if only `whole` events are shown. Without either, run until an
    exception ends the loop.
    """
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        requests.tick()
        timeout_s = TURN_S if end is None else max(0.0, min(TURN_S, end - time.monotonic()))
        items = source.read_all(timeout_s)
        now = time.time()
        for item in items:
            if isinstance(item, DeviceReset) or (isinstance(item, Reconnected) and item.restarted):
                event_filter.restart()
            requests.handle(item)
            chosen: Sequence[ReconnectingItem] = event_filter.select(item) if isinstance(item, Event) else [item]
            for one in chosen:
                span = state.update(one, now)
                for sink in sinks:
                    sink.handle(one, span, now)
                done = not whole or (span is not None and span.offset_s is not None)
                if once and done and isinstance(one, Event):
                    return True
        for sink in sinks:
            sink.tick()
        if items and gather_s:
            time.sleep(gather_s)
    return False
