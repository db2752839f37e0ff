"""Checks of pushes and restarts: a push that is cut, one that cannot run, and the board's own detector sent back."""

from __future__ import annotations

import base64
import contextlib
import hashlib

from soundsdk.device.connection import CommandRejected
from soundsdk.device.messages import Ack
from soundsdk.device.push import PIECE_BYTES
from soundsdk.errors import ProtocolError
from soundsdk.selftest.context import SelfTest
from soundsdk.selftest.outcome import NotPossible, Observed
from soundsdk.selftest.restarts import restart
from soundsdk.selftest.twin import is_comparable

_HELLO_S = 15.0
_DAMAGED = bytes(range(256)) * 8  # no detector: it passes every check of the transfer, and cannot be run


def _pushes(test: SelfTest) -> None:
    """Raise NotPossible where a push cannot be taken back without a trace."""
    hello = test.found().hello
    if hello.extra.get("trial"):
        raise NotPossible("a detector is on trial on the board: confirm it by pushing it again")
    if "rolled_back" in hello.extra and not test.slots_touched:
        raise NotPossible("the board keeps a note of a push that failed, which this would erase")


def begin(test: SelfTest, data: bytes, arena: int = 0) -> int:
    """Begin a push; return the bytes that are there already. NotPossible, with the numbers, if there is no room."""
    _pushes(test)
    try:
        answer = test.device.request(
            "push.begin", test.waits.answer_s, size=len(data), sha256=hashlib.sha256(data).hexdigest(), arena=arena
        )
    except CommandRejected as error:
        raise NotPossible(f"the board takes no such push: {error.detail} ({error.code})") from error
    test.slots_touched = True
    at = answer.extra.get("at") if isinstance(answer, Ack) else None
    if not isinstance(at, int):
        raise ProtocolError("the board does not report how much it has received.", "Flash newer firmware.")
    return at


def send(test: SelfTest, data: bytes, at: int, end: int) -> None:
    """Send the bytes from at to end; a line that gets no answer is sent again."""
    while at < end:
        piece = data[at : min(at + PIECE_BYTES, end)]
        answer = test.device.request(
            "push.data", 3 * test.waits.answer_s, tries=3, at=at, data=base64.b64encode(piece).decode()
        )
        at = int(answer.extra["at"]) if isinstance(answer, Ack) else at


def check_restart(test: SelfTest) -> Observed:
    """Restart the board, and measure the time until hello."""
    before = test.found().hello
    restarted = restart(test, "reboot", 0 if test.detector is None else test.compared_s)
    test.restarted = restarted
    same = restarted.hello.sha256 == before.sha256 and not restarted.hello.extra.get("trial")
    return Observed(
        restarted.hello_s <= _HELLO_S and same,
        f"hello {restarted.hello_s:.1f} s after the command" + ("" if same else ", with another detector"),
        round(restarted.hello_s, 2),
        "s",
        f"at most {_HELLO_S:g} s, with the same detector",
        {"heard_from_sample": restarted.at},
    )


def check_cut_push(test: SelfTest) -> Observed:
    """Restart the board in the middle of a push: the old detector runs, and the push resumes where it was."""
    half = len(_DAMAGED) // 2
    send(test, _DAMAGED, begin(test, _DAMAGED), half)
    restarted = restart(test, "reboot")
    same = restarted.hello.sha256 == test.found().hello.sha256
    at = begin(test, _DAMAGED)
    return Observed(
        same and 0 <= at <= half,
        f"cut after {half} bytes, the {'same' if same else 'wrong'} detector runs, the push goes on at byte {at}",
        at,
        "bytes",
        "the old detector runs; no more bytes than were sent are there",
    )


def check_refused_push(test: SelfTest) -> Observed:
    """Push what is no detector: after its trial the old one runs, and hello says why."""
    send(test, _DAMAGED, begin(test, _DAMAGED), len(_DAMAGED))
    heard_already = is_comparable(test.detector, test.restarted)  # not where the port came back too late
    restarted = restart(test, "push.commit", 0 if heard_already or test.detector is None else test.compared_s)
    if not heard_already:
        test.restarted = restarted
    why = restarted.hello.extra.get("rolled_back", "")
    same = restarted.hello.sha256 == test.found().hello.sha256
    return Observed(
        same and bool(why),
        f"the {'old' if same else 'wrong'} detector runs, and the board says {why or 'nothing'}",
        bound="the old detector runs, and the board says why",
        facts={"rolled_back": why, "hello_s": round(restarted.hello_s, 2)},
    )


def check_push_back(test: SelfTest) -> Observed:
    """Push the board's own detector, try it, and end the trial: the old copy runs again."""
    if test.detector is None:
        raise NotPossible("this computer does not have the board's detector: name its file with -m")
    data = test.detector.data
    sha256 = hashlib.sha256(data).hexdigest()
    if sha256 != test.found().hello.sha256:
        raise NotPossible("the file is not the board's detector")
    send(test, data, begin(test, data, test.detector.arena_bytes), len(data))
    tried = restart(test, "push.commit").hello
    on_trial = tried.sha256 == sha256 and tried.extra.get("trial") is True
    if not on_trial:
        why = tried.extra.get("rolled_back", "no reason")
        return Observed(False, f"the pushed copy did not run ({why})", bound="runs on trial, then goes")
    ended = restart(test, "push.abort").hello
    back = ended.sha256 == sha256 and not ended.extra.get("trial")
    return Observed(
        back,
        f"{len(data)} bytes sent, verified, run on trial; the {'old copy runs again' if back else 'trial did not end'}",
        len(data),
        "bytes",
        "runs on trial with the same SHA-256, then the old copy runs",
    )


def clear(test: SelfTest) -> None:
    """End a trial, and take away what pushes have left on the board: a staged file, the note of a failure."""
    device = test.device
    hello = device.request("hello", test.waits.answer_s, tries=5)
    if getattr(hello, "extra", {}).get("trial"):
        restart(test, "push.abort")
    device.request("push.begin", test.waits.answer_s, size=1, sha256=hashlib.sha256(b"\0").hexdigest())
    with contextlib.suppress(CommandRejected):
        device.request("push.abort", test.waits.answer_s)
    test.slots_touched = False
