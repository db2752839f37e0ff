"""The loop of `soundsdk monitor`: from the boards to everything that shows or keeps their items."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from soundsdk.device.messages import Event, Hello
from soundsdk.device.protocol import DeviceReset
from soundsdk.device.reconnect import Reconnected, ReconnectingItem
from soundsdk.monitor.boards.board import MonitoredBoard
from soundsdk.monitor.boards.feeds import Feed
from soundsdk.monitor.lines import Sink
from soundsdk.monitor.state import EventSpan

TURN_S = 0.1
GATHER_S = 0.03  # wait after items: a single line costs as much as several at once


def run_monitor(
    boards: Sequence[MonitoredBoard],
    feed: Feed,
    sinks: Sequence[Sink],
    once: bool = False,
    whole: bool = False,
    seconds: float | None = None,
    gather_s: float = GATHER_S,
) -> bool:
    """Run until `seconds` are over (return False), or with `once` until an event has been shown (return True).

    The sinks have been shown the hello of each board; the same one, from a board that was greeted twice, comes to none.
    once: at the onset of the event, or at its end if only `whole` events are shown. Without either, run until an
    exception ends the loop.
    """

    def ends(item: ReconnectingItem, span: EventSpan | None) -> bool:
        return once and isinstance(item, Event) and (not whole or (span is not None and span.offset_s is not None))

    greeted = [_greeting(board, board.state.hello) for board in boards]

    def repeats(board: MonitoredBoard, item: ReconnectingItem) -> bool:
        if not isinstance(item, Hello):
            return False
        index, greeting = boards.index(board), _greeting(board, item)
        same, greeted[index] = greeted[index] == greeting, greeting
        return same

    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        for board in boards:
            board.requests.tick()
        timeout_s = TURN_S if end is None else max(0.0, min(TURN_S, end - time.monotonic()))
        batches = feed.read(timeout_s)
        now = time.time()
        for board, items in batches:
            if _show(board, items, sinks, now, ends, repeats):
                return True
        for sink in sinks:
            sink.tick()
        if batches and gather_s:
            time.sleep(gather_s)
    return False


def _show(
    board: MonitoredBoard,
    items: Sequence[ReconnectingItem],
    sinks: Sequence[Sink],
    now: float,
    ends: Callable[[ReconnectingItem, EventSpan | None], bool],
    repeats: Callable[[MonitoredBoard, ReconnectingItem], bool],
) -> bool:
    """Pass a board's items on; return True at the one that ends the loop."""
    for item in items:
        if isinstance(item, DeviceReset) or (isinstance(item, Reconnected) and item.restarted):
            board.event_filter.restart()
        board.requests.handle(item)
        chosen: Sequence[ReconnectingItem] = board.event_filter.select(item) if isinstance(item, Event) else [item]
        for one in chosen:
            span = board.state.update(one, now)
            if repeats(board, one):
                continue
            for sink in sinks:
                sink.handle(board, one, span, now)
            if ends(one, span):
                return True
    return False


def _greeting(board: MonitoredBoard, hello: Hello) -> tuple[int, Hello]:
    """Return what tells a hello from the one before: the start of the board that it is of, and all but its seq."""
    return board.state.start, replace(hello, seq=0)
