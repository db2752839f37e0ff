"""Sentences on standard error: losses, restarts, an unplugged board, and the summary."""

from __future__ import annotations

import time
from collections.abc import Callable

from soundsdk.device.messages import Ack, Status
from soundsdk.device.protocol import Counts, DeviceReset, LinesLost, Text
from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingItem
from soundsdk.labels import counted, printable
from soundsdk.monitor.boards.board import MonitoredBoard
from soundsdk.monitor.state import EventSpan, State

GATHER_S = 5.0  # losses within this time become one sentence
TEXT_LINES = 20  # of log text and failures within that time; more are only counted
_BY_ITSELF = ("start", "run", "keep", "action", "on_event")  # acks that answer no command


class Notes:
    """A Sink that writes sentences about one board. say() shows one, show() a line that the board printed."""

    def __init__(self, board: MonitoredBoard, say: Callable[[str], None], show: Callable[[str], None]) -> None:
        self._board = board
        self._say = say
        self._show = show
        self._missing: list[LinesLost] = []
        self._missing_lines = 0
        self._lost = 0
        self._dropped = 0
        self._texts = 0
        self._reported_at = time.monotonic()

    def handle(self, board: MonitoredBoard, item: ReconnectingItem, span: EventSpan | None, now: float) -> None:
        """Report an item of its board that matters beside the events."""
        if board is not self._board:
            return
        if isinstance(item, Text):
            self._texts += 1
            if self._texts <= TEXT_LINES:
                self._show(item.text)
        elif isinstance(item, Ack) and not item.ok and item.re in _BY_ITSELF:
            self._texts += 1
            if self._texts <= TEXT_LINES:
                self._say(f"the board reports: {printable(item.detail)} ({item.re}: {item.error}).")
        elif isinstance(item, LinesLost):
            self._missing_lines += item.count
            if len(self._missing) < 5:
                self._missing.append(item)
        elif isinstance(item, Disconnected):
            self._report()
            self._say(f"the board at {item.path} is gone; waiting for it.")
        elif isinstance(item, Reconnected):
            self._say(f"the board is back at {item.path} after {item.away_s:.1f} s; {_missed(item.lines_lost)}.")
            if item.restarted:
                self._restarted()
        elif isinstance(item, DeviceReset):
            self._restarted()
        elif isinstance(item, Status):
            if item.lost > self._lost:
                self._say(f"the board has missed {counted(item.lost - self._lost, 'sample')} of sound.")
            if item.dropped > self._dropped:
                self._say(f"the board could not send {counted(item.dropped - self._dropped, 'line')}.")
            self._lost, self._dropped = item.lost, item.dropped

    def _restarted(self) -> None:
        self._lost = self._dropped = 0
        self._say("the board has restarted; its time and its seq count from 0 again.")

    def tick(self) -> None:
        """Report what has gathered."""
        if time.monotonic() - self._reported_at >= GATHER_S:
            self._report()

    def _report(self) -> None:
        self._reported_at = time.monotonic()
        if self._texts > TEXT_LINES:
            self._say(f"the board printed {self._texts - TEXT_LINES} more lines.")
        self._texts = 0
        if self._missing:
            self._say(f"{_lines(self._missing_lines)} missing: {ranges(self._missing, self._missing_lines)}.")
            self._missing.clear()
            self._missing_lines = 0

    def close(self) -> None:
        """Report the rest."""
        self._report()


def _missed(gap: LinesLost | None) -> str:
    return "no line is known to be missing" if gap is None else f"{_lines(gap.count)} missing: {ranges([gap], 0)}"


def _lines(n: int) -> str:
    return "1 line is" if n == 1 else f"{n} lines are"


def ranges(gaps: list[LinesLost], total: int) -> str:
    """Format gaps as `seq 17, 20-22`, and others if the gaps hold fewer than `total` lines."""
    some = ", ".join(str(gap.first) if gap.first == gap.last else f"{gap.first}-{gap.last}" for gap in gaps)
    return f"seq {some}" + (" and others" if sum(gap.count for gap in gaps) < total else "")


def summary(state: State, counts: Counts, name: str = "") -> list[str]:
    """Return the lines of the summary. name: of the board, among several."""
    seconds = time.monotonic() - state.began
    events = ", ".join(f"{printable(label)} {n}" for label, n in sorted(state.counted.items())) or "none"
    out = [
        f"watched {f'{name} at ' if name else ''}{state.path} for {_duration(seconds)}: events {events}",
        f"  lines    {counts.messages} intact, {counts.damaged} damaged, {counts.missing} missing"
        + (f" ({ranges(list(state.gaps), counts.missing)})" if state.gaps else "")
        + (f", {counts.text} of log text" if counts.text else ""),
        f"  samples  {state.lost} lost by the board",
    ]
    if state.times_gone:
        times = "once" if state.times_gone == 1 else f"{state.times_gone} times"
        now = 0.0 if state.gone_since is None else time.monotonic() - state.gone_since
        still = "" if state.gone_since is None else ", and not back yet"
        out.append(f"  gone     {times}, {state.gone_s + now:.1f} s in all{still}; starts seen: {state.start}")
    if state.unfinished or state.without_onset or state.active:
        parts = [
            f"{n} {what}"
            for n, what in (
                (len(state.active), "still in progress"),
                (state.unfinished, "whose end was lost"),
                (state.without_onset, "whose onset was not seen"),
            )
            if n
        ]
        out.append(f"  events   {', '.join(parts)}")
    return out


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if whole < 60:
        return f"{seconds:.0f} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d} min"
