"""A new detector for a board, without flashing: sent, tried, confirmed; the old one stays until then.

with Device.open("auto") as device:
    push(device, load("detector.tflite"))
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from soundsdk.boards import find_board
from soundsdk.detector_file import DetectorFile
from soundsdk.device.messages import Ack, Hello
from soundsdk.device.session import CommandRejected, Device
from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import CheckError, ProtocolError, UsageError

PIECE_BYTES = 690  # 920 characters of base64 in a line of 1024 bytes
_ANSWER_S = 1.5
_TRIES = 6  # for one line
_ROUNDS = 8  # of the whole: cuts, torn files
_AWAY_S = 30.0
_RESTART_S = 20.0
_CONFIRM_S = 20.0
_ASK_EVERY_S = 0.3

Progress = Callable[[str, int, int], None]  # step, done, total


@dataclass
class Pushed:
    """What a push did. sent_bytes exceeds the file's where something was sent again, and is 0 if it ran already."""

    hello: Hello
    sent_bytes: int = 0
    resumed_bytes: int = 0  # there already from a push that was cut
    cuts: int = 0  # times the board went away


class _Again(Exception):
    """The round is lost; the next one begins where the board is."""


def check_fit(detector: DetectorFile, hello: Hello) -> None:
    """CheckError if the detector cannot fit the board, by what its board file says of its RAM."""
    try:
        board = find_board(hello.board)
    except UsageError:
        return  # a board of someone else's: the board itself decides
    need = len(detector.data) + detector.arena_bytes
    if board.ram_bytes and need > board.ram_bytes:
        raise CheckError(
            f"{detector.name} needs {need} bytes of memory, and {board.name} has {board.ram_bytes}.",
            "Train a smaller one, or bake it into the image with soundsdk build: then its weights stay in flash.",
        )


def push(device: Device, detector: DetectorFile, progress: Progress | None = None) -> Pushed:
    """Sends a detector, waits for the restart, checks what runs and confirms it.

    A cable that is pulled meanwhile is waited for (30 s), and the push goes on where it was. On an error the old
    detector runs, or will after the next start. CheckError if the board cannot run the model or does not keep it,
    CommandRejected if it does not take models at all, ConnectionLost if it does not come back, ProtocolError if it does not answer.
    device.transport may be another one afterwards: the same port, opened again.
    """
    if device.hello.proto != 1:
        raise ProtocolError("the board speaks a newer protocol.", "Update soundsdk.")
    check_fit(detector, device.hello)
    return _Pusher(device, detector, progress or (lambda step, done, total: None)).run()


class _Pusher:
    def __init__(self, device: Device, detector: DetectorFile, progress: Progress) -> None:
        self._device = device
        self._detector = detector
        self._data = detector.data
        self._sha256 = hashlib.sha256(detector.data).hexdigest()
        self._progress = progress
        self._result = Pushed(device.hello)

    def run(self) -> Pushed:
        for left in range(_ROUNDS - 1, -1, -1):
            try:
                self._round()
                return self._result
            except ConnectionLost:
                self._result.cuts += 1
                if not left:
                    raise
                self._device.reopen(_AWAY_S)
            except _Again as error:
                if not left:
                    raise ProtocolError(
                        f"the push does not succeed: {error}.", "Reset the board and try again."
                    ) from None
        raise AssertionError

    def _round(self) -> None:
        hello = self._hello()
        if hello.sha256 != self._sha256:
            if hello.extra.get("trial"):
                # Another model's trial, that nobody has ended.
                restarts = self._device.counts.restarts
                self._ask("push.abort")
                self._wait_restart(restarts)
            self._send()
            hello = self._commit()
        if hello.extra.get("trial"):
            self._confirm()
            hello = self._hello()
        if hello.sha256 != self._sha256 or hello.extra.get("trial"):
            raise _Again("the board restarted before the confirmation")
        self._result.hello = hello

    def _hello(self) -> Hello:
        answer = self._device.request("hello", _ANSWER_S * _TRIES, tries=_TRIES)
        assert isinstance(answer, Hello)
        return answer

    def _ask(self, kind: str, **members: Any) -> Ack:
        answer = self._device.request(kind, _ANSWER_S * _TRIES, tries=_TRIES, **members)
        assert isinstance(answer, Ack)
        return answer

    def _begin(self) -> int:
        try:
            answer = self._ask(
                "push.begin", size=len(self._data), sha256=self._sha256, arena=self._detector.arena_bytes
            )
        except CommandRejected as error:
            if error.code == "unsupported":
                raise
            raise CheckError(
                f"the board refuses {self._detector.name} before it is sent: {error.detail} ({error.code}).",
                "Train a smaller one." if error.code == "push.memory" else "",
            ) from error
        return _at(answer)

    def _send(self) -> None:
        total = len(self._data)
        at = self._begin()
        self._result.resumed_bytes = max(self._result.resumed_bytes, at)
        while at < total:
            self._progress("sending", at, total)
            piece = self._data[at : at + PIECE_BYTES]
            try:
                now = _at(self._ask("push.data", at=at, data=base64.b64encode(piece).decode()))
            except CommandRejected as error:
                if error.code in ("push.begin", "push.gap"):
                    raise _Again(error.detail) from error  # it has restarted, or an answer was about an older line
                raise CheckError(f"the board does not take the model: {error.detail} ({error.code}).") from error
            self._result.sent_bytes += len(piece)
            at = now
        self._progress("sending", total, total)

    def _commit(self) -> Hello:
        """The hello of the model on trial."""
        restarts = self._device.counts.restarts
        self._progress("checking", 0, 1)
        try:
            # Once only: it ends in a restart, after which the second would be refused.
            self._device.request("push.commit", _RESTART_S / 2)
        except CommandRejected as error:
            if error.code in ("push.short", "push.begin", "push.sha256"):
                raise _Again(error.detail) from error
            raise CheckError(f"the board does not take the model: {error.detail} ({error.code}).") from error
        except ProtocolError:
            pass  # the answer was lost, or the command: hello tells
        hello = self._wait_restart(restarts)
        if hello.sha256 == self._sha256:
            return hello
        code = hello.extra.get("rolled_back")
        if isinstance(code, str):
            raise CheckError(
                f"the board cannot run {self._detector.name} ({code}); the old detector is back.",
                "soundsdk info shows what it needs; a smaller one may run.",
            )
        raise _Again("the board did not take the commit")

    def _wait_restart(self, restarts: int) -> Hello:
        """The hello after a restart that follows `restarts` others, or of a board that does not restart in time."""
        self._progress("restarting", 0, 1)
        deadline = time.monotonic() + _RESTART_S
        hello = None
        while time.monotonic() < deadline:
            try:
                answer = self._device.request("hello", _ASK_EVERY_S)
            except ConnectionLost:
                self._device.reopen(_AWAY_S)
                return self._device.hello
            except ProtocolError:
                continue
            assert isinstance(answer, Hello)
            hello = answer
            if self._device.counts.restarts > restarts:
                return hello
            time.sleep(_ASK_EVERY_S)
        if hello is None:
            raise ProtocolError("the board has not come back after the restart.", "Reset it: a detector is in place.")
        return hello

    def _confirm(self) -> None:
        deadline = time.monotonic() + _CONFIRM_S
        self._progress("confirming", 0, 1)
        while True:
            try:
                self._ask("push.confirm", sha256=self._sha256)
                self._progress("confirming", 1, 1)
                return
            except CommandRejected as error:
                if error.code == "push.confirm":
                    raise _Again("the trial has ended") from error
                if error.code != "push.early" or time.monotonic() > deadline:
                    raise CheckError(
                        f"the board does not keep {self._detector.name}: {error.detail} ({error.code}).",
                        "Reset it: the old detector comes back.",
                    ) from error
            time.sleep(_ASK_EVERY_S)


def _at(answer: Ack) -> int:
    at = answer.extra.get("at")
    if not isinstance(at, int):
        raise ProtocolError("the board does not say how much it has.", "Flash newer firmware.")
    return at
