"""Requests of a monitor to its board: the classes, and while somebody looks the scores and features of every step."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from soundsdk.device.messages import Ack
from soundsdk.device.protocol import DeviceReset
from soundsdk.device.reconnect import Reconnected, ReconnectingItem
from soundsdk.monitor.state import State

RENEW_S = 3.0  # the board forgets after 10 s of sound
_ANSWER_S = 2.0
_TRIES = 5


class CommandPort(Protocol):
    """A board that accepts commands."""

    def send(self, kind: str, **members: Any) -> None:
        """Send a command without waiting for its answer."""


class TelemetryRequests:
    """Requests and their answers, without waiting for one. A board that cannot answer is not asked again.

    wants() -> (scores, mel): whether somebody looks at them now. `telemetry`: the board's answer to `watch`, by member
    (see soundfw/wire/telemetry.py), empty until it comes. `classes`: its answers to `model`, by class. clock: seconds.
    """

    def __init__(
        self,
        board: CommandPort,
        state: State,
        wants: Callable[[], tuple[bool, bool]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._board = board
        self._state = state
        self._wants = wants
        self._clock = clock
        self._asked: tuple[bool, bool] = (False, False)
        self._begin()

    def _begin(self) -> None:
        self.telemetry: dict[str, int] = {}
        self.classes: dict[int, dict[str, Any]] = {}
        self.complete = False  # all classes are known
        self._can_watch = True
        self._watched_at = float("-inf")
        self._next_class = 0
        self._class_at = float("-inf")
        self._tries = 0

    def handle(self, item: ReconnectingItem) -> None:
        """Handle an answer, or the restart of a board, which has to be asked again."""
        if isinstance(item, (Reconnected, DeviceReset)):
            self._begin()
        elif isinstance(item, Ack) and item.re == "watch":
            self._can_watch = item.ok
            self.telemetry = {key: value for key, value in item.extra.items() if isinstance(value, int)}
        elif isinstance(item, Ack) and item.re == "model":
            self._class(item)

    def _class(self, ack: Ack) -> None:
        index, count, label = ack.extra.get("class"), ack.extra.get("classes"), ack.extra.get("label")
        if not ack.ok or not isinstance(index, int) or not isinstance(count, int) or not isinstance(label, str):
            self._tries = _TRIES
            return
        self.classes[index] = ack.extra
        self._state.labels[index] = label
        self._tries = 0
        self._class_at = float("-inf")
        self._next_class = index + 1
        self.complete = self._next_class >= count

    @property
    def settled(self) -> bool:
        """True once all classes are known, or the board does not say."""
        return self.complete or self._tries >= _TRIES

    def ask_again(self) -> None:
        """Ask for all classes again: they may have changed. What is known of them is kept meanwhile."""
        self._next_class = 0
        self._tries = 0
        self._class_at = float("-inf")
        self.complete = False

    def tick(self) -> None:
        """Send the requests that are due."""
        if not self._state.connected or not self._state.hello.rate_hz:
            return
        now = self._clock()
        if not self.complete and self._tries < _TRIES and now - self._class_at >= _ANSWER_S:
            self._class_at = now
            self._tries += 1
            self._board.send("model", **{"class": self._next_class})
        wanted = self._wants()
        if self._can_watch and (wanted != self._asked or (any(wanted) and now - self._watched_at >= RENEW_S)):
            self._watched_at = now
            self._asked = wanted
            self._board.send("watch", on=any(wanted), mel=wanted[1])
            if not any(wanted):
                self._state.scores = ()
