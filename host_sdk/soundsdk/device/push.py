"""Pushing of a detector to a board without flashing: sent, tried, confirmed. Until then the old one stays.

with Device.open("auto") as device:
    device.push("detector.tflite")
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from soundsdk.boards import find_board
from soundsdk.detector_file import DetectorFile
from soundsdk.device.connection import NO_MEMORY, CommandRejected, Connection
from soundsdk.device.messages import Ack, Hello
from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import CheckError, ProtocolError, UsageError
from soundsdk.models.fit import check_fit
from soundsdk.models.shipped import smaller

PIECE_BYTES = 690  # 920 characters of base64 in a line of 1024 bytes
_ROUNDS = 8  # of the whole push, for pulled cables and torn files

Progress = Callable[[str, int, int], None]  # step, done, total


@dataclass(frozen=True)
class PushTimeouts:
    """Time limits of a push."""

    answer_s: float = 1.5  # to one line
    tries: int = 6  # of one line
    away_s: float = 30.0  # for a board whose port has gone
    restart_s: float = 20.0
    confirm_s: float = 20.0
    request_every_s: float = 0.3  # during a restart and before the confirmation


@dataclass
class Pushed:
    """The result of a push. sent_bytes exceeds the file size if parts were sent twice; 0: the detector ran already."""

    hello: Hello
    sent_bytes: int = 0
    resumed_bytes: int = 0  # on the board already from an interrupted push
    cuts: int = 0  # number of times that the board went away


class _Again(Exception):
    """A failed round; the next one resumes where the board is."""


def check_board(detector: DetectorFile, hello: Hello) -> None:
    """Raise CheckError if the detector needs more than the board has, by its board file."""
    try:
        board = find_board(hello.board)
    except UsageError:
        return  # not a board of ours: it decides by itself
    check_fit(detector, board, pushed=True)


def push(
    device: Connection, detector: DetectorFile, progress: Progress | None = None, timeouts: PushTimeouts | None = None
) -> Pushed:
    """Send a detector, wait for the restart, check that it runs and confirm it.

    If the cable is pulled, wait for the board and resume. After an error the old detector runs, or will after
    the next start. CheckError if the board cannot run the model or does not keep it, CommandRejected if it accepts no
    models at all, ConnectionLost if it does not come back, ProtocolError if it does not answer. device.transport may
    be another one afterwards: the same port, opened again.
    """
    if device.hello.proto != 1:
        raise ProtocolError("the board speaks a newer protocol.", "Update soundsdk.")
    check_board(detector, device.hello)
    return _Pusher(device, detector, progress or (lambda step, done, total: None), timeouts or PushTimeouts()).run()


class _Pusher:
    def __init__(self, device: Connection, detector: DetectorFile, progress: Progress, timeouts: PushTimeouts) -> None:
        self._device = device
        self._restarted = False  # for its memory
        self._detector = detector
        self._data = detector.data
        self._sha256 = hashlib.sha256(detector.data).hexdigest()
        self._progress = progress
        self._timeouts = timeouts
        self._answer_s = timeouts.answer_s * timeouts.tries
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
                self._device.reopen(self._timeouts.away_s)
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
                # An unfinished trial of another model.
                restarts = self._device.counts.restarts
                self._request("push.abort")
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
        answer = self._device.request("hello", self._answer_s, tries=self._timeouts.tries)
        assert isinstance(answer, Hello)
        return answer

    def _request(self, kind: str, **members: Any) -> Ack:
        try:
            answer = self._device.request(kind, self._answer_s, tries=self._timeouts.tries, **members)
        except CommandRejected:
            raise
        except ProtocolError as error:
            # Of lines of 1 kB, noise may swallow every try. The next round asks for hello: a short line, so a board
            # that does not answer it either has gone.
            raise _Again(f"the board does not answer {kind}") from error
        assert isinstance(answer, Ack)
        return answer

    def _begin(self) -> int:
        try:
            answer = self._request(
                "push.begin", size=len(self._data), sha256=self._sha256, arena=self._detector.arena_bytes
            )
        except CommandRejected as error:
            if error.code == "unsupported":
                raise
            self._restart_for_memory(error)
            raise CheckError(
                f"the board refuses {self._detector.name} before it is sent: {error.detail} ({error.code}).",
                smaller(self._detector.name) if error.code == "push.memory" else _hint(error),
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
                now = _at(self._request("push.data", at=at, data=base64.b64encode(piece).decode()))
            except CommandRejected as error:
                if error.code in ("push.begin", "push.gap"):
                    raise _Again(error.detail) from error  # it has restarted, or an answer was about an older line
                self._restart_for_memory(error)
                raise CheckError(
                    f"the board does not accept the model: {error.detail} ({error.code}).", _hint(error)
                ) from error
            self._result.sent_bytes += len(piece)
            at = now
        self._progress("sending", total, total)

    def _restart_for_memory(self, error: CommandRejected) -> None:
        """Restart the board, once, if a command was rejected for want of memory, and raise _Again.

        What a board with little memory has loaded since its start, for rules or recordings, stays until the next one.
        """
        if error.code != NO_MEMORY or self._restarted:
            return
        self._restarted = True
        restarts = self._device.counts.restarts
        with contextlib.suppress(ConnectionLost):  # a port that goes with the restart is opened again by what follows
            self._request("reboot")
        self._wait_restart(restarts)
        raise _Again(error.detail) from error

    def _commit(self) -> Hello:
        """Commit and return the hello of the model on trial."""
        restarts = self._device.counts.restarts
        self._progress("checking", 0, 1)
        try:
            # Once only: it ends in a restart, after which the second would be refused.
            self._device.request("push.commit", self._timeouts.restart_s / 2)
        except CommandRejected as error:
            if error.code in ("push.short", "push.begin", "push.sha256"):
                raise _Again(error.detail) from error
            raise CheckError(f"the board does not accept the model: {error.detail} ({error.code}).") from error
        except ProtocolError:
            pass  # the answer was lost, or the command: hello will show which
        hello = self._wait_restart(restarts)
        if hello.sha256 == self._sha256:
            return hello
        code = hello.extra.get("rolled_back")
        if isinstance(code, str):
            raise CheckError(
                f"the board cannot run {self._detector.name} ({code}); the old detector is back.",
                "soundsdk info shows what it needs; a smaller one may run.",
            )
        raise _Again("the board ignored the commit")

    def _wait_restart(self, restarts: int) -> Hello:
        """Return the hello after restart number `restarts` + 1, or that of a board that does not restart in time."""
        self._progress("restarting", 0, 1)
        deadline = time.monotonic() + self._timeouts.restart_s
        hello = None
        while time.monotonic() < deadline:
            try:
                answer = self._device.request("hello", self._timeouts.request_every_s)
            except ConnectionLost:
                self._device.reopen(self._timeouts.away_s)
                return self._device.hello
            except ProtocolError:
                continue
            assert isinstance(answer, Hello)
            hello = answer
            if self._device.counts.restarts > restarts:
                return hello
            time.sleep(self._timeouts.request_every_s)
        if hello is None:
            raise ProtocolError("the board has not come back after the restart.", "Reset it: a detector is in place.")
        return hello

    def _confirm(self) -> None:
        deadline = time.monotonic() + self._timeouts.confirm_s
        self._progress("confirming", 0, 1)
        while True:
            try:
                self._request("push.confirm", sha256=self._sha256)
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
            time.sleep(self._timeouts.request_every_s)


def _hint(error: CommandRejected) -> str:
    if error.code != NO_MEMORY:
        return error.hint
    return f"On stock MicroPython, soundsdk install -m MODEL needs no memory for it. {error.hint}"


def _at(answer: Ack) -> int:
    at = answer.extra.get("at")
    if not isinstance(at, int):
        raise ProtocolError("the board does not report how much it has received.", "Flash newer firmware.")
    return at
