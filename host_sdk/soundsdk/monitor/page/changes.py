"""Changes of a board's settings that the page asks for: one after the other, with the sentences of `soundsdk set`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from soundsdk.device.changes import check_pins, hint_for_pin, parse
from soundsdk.device.connection import CommandRejected
from soundsdk.device.messages import Ack
from soundsdk.device.protocol import DeviceReset
from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingItem
from soundsdk.device.set_members import set_members
from soundsdk.errors import DeviceError, ProtocolError, SoundsdkError, UsageError
from soundsdk.monitor.boards.board import MonitoredBoard
from soundsdk.monitor.page.server import ChangeRequest

ANSWER_S = 5.0


class BoardChanges:
    """The changes of one board, of which one is on its way at a time. Nothing here waits. clock: seconds."""

    def __init__(self, board: MonitoredBoard, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._clock = clock
        self._waiting: deque[ChangeRequest] = deque()
        self._request: ChangeRequest | None = None  # the one on its way
        self._commands: deque[dict[str, Any]] = deque()  # of it, those that the board has not carried out
        self._sent_at = 0.0
        self._late = 0  # commands given up, whose answers may still come; a board answers in order

    def add(self, request: ChangeRequest) -> None:
        """Carry out a request, once those before it are done."""
        self._waiting.append(request)

    def handle(self, item: ReconnectingItem) -> None:
        """Handle an answer, or the loss of the board."""
        gone = isinstance(item, (Disconnected, Reconnected, DeviceReset))
        if gone or (isinstance(item, Ack) and item.re == "model"):
            self._late = 0  # it is asked for its classes after each change: what was to come before that is lost
        elif self._late and isinstance(item, Ack) and item.re == "set":
            self._late -= 1
            return
        if self._request is None:
            return
        if gone:
            self._end(DeviceError("the board went away before it had answered.", "Look at what it has now."))
        elif isinstance(item, Ack) and item.re == "set":
            if not item.ok:
                self._end(self._rejected(item))
                return
            self._commands.popleft()
            if self._commands and not self._request.given_up:
                self._send()
            else:
                self._end(None)

    def tick(self) -> None:
        """Begin the next change, or give up one that is not answered."""
        if self._request is not None and self._clock() - self._sent_at > ANSWER_S:
            where = self._board.state.path
            self._late += 1
            self._end(ProtocolError(f"the board at {where} has not answered set for {ANSWER_S:g} s.", "Reset it."))
        # What the board has decides what it can have besides: it is waited for, as after another change.
        while self._request is None and self._waiting and (self._board.requests.settled or not self._can_say()):
            request = self._waiting.popleft()
            if request.given_up:
                continue
            self._request = request
            try:
                self._begin(self._request)
            except SoundsdkError as error:
                self._end(error)

    def _begin(self, request: ChangeRequest) -> None:
        state = self._board.state
        if not state.connected:
            raise DeviceError("the board is unplugged.", "Plug it in.")
        changes = parse(request.words)
        if not changes:
            raise UsageError("there is nothing to set.")
        check_pins(state.hello.board, self._rules, changes)
        self._commands = deque(set_members(label, keep=request.keep, **values) for label, values in changes.items())
        self._send()

    def _can_say(self) -> bool:
        """Return True for a board that is there, and not in safe mode."""
        return self._board.state.connected and bool(self._board.state.hello.rate_hz)

    def _send(self) -> None:
        self._sent_at = self._clock()
        self._board.source.send("set", **self._commands[0])

    def _rules(self) -> dict[str, str] | None:
        """Return the rules on the board by label, as far as it has said."""
        requests = self._board.requests
        if not requests.complete:
            return None
        return {str(one["label"]): str(one.get("action", "")) for one in requests.classes.values()}

    def _rejected(self, ack: Ack) -> SoundsdkError:
        error = CommandRejected("set", ack.error, ack.detail)
        members = self._commands[0]
        if ack.error == "action.pin" and "action" in members:
            label = members.get("label")
            others = {other: rule for other, rule in (self._rules() or {}).items() if label not in (None, other)}
            error.hint = hint_for_pin(self._board.state.hello.board, members["action"], others)
        elif ack.error == "unsupported" and members.get("keep"):
            error.hint = "Change it until the board restarts only."
        return error

    def _end(self, error: SoundsdkError | None) -> None:
        request, self._request = self._request, None
        self._commands.clear()
        # Whatever has come of it: the page shows what the board says it has.
        self._board.requests.ask_again()
        if request is not None:
            request.finish(error)
