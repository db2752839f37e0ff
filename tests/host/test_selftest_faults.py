"""Each fault of a board fails the check that is for it, and no traceback or hang comes of it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selftest_boards import FAST, Cable, detector, room, room_board, run_checks, self_test
from tone_boards import RATE_HZ

from sim.tiny_model import build, metadata
from soundsdk.selftest.context import SelfTest, Waits
from soundsdk.selftest.outcome import Observed
from soundsdk.selftest.owner import Owner
from soundsdk.selftest.report import CheckResult
from soundsdk.selftest.runner import CHECKS, LEFT, RESTORE_S, Check, Runner
from soundsdk_sim.faults import Faulty, Noise
from soundsdk_sim.live import LiveMicrophone
from virtual_boards.tampered_board import TamperedBoard

Message = dict[str, Any]


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def plugged() -> Iterator[list[Cable]]:
    """Cables that are pulled at the end."""
    cables: list[Cable] = []
    yield cables
    for cable in cables:
        cable.stop()


class LossyMicrophone(LiveMicrophone):
    """A microphone that loses 64 samples of each 4096, and says so."""

    def readinto(self, buf: memoryview) -> int | None:
        read = super().readinto(buf)
        self.lost = self._at // 4096 * 64
        return read


def members(kind: str, **changes: Callable[[Any], Any]) -> Callable[[Message], Message]:
    """Return a change of the members of every message of a kind."""

    def change(message: Message) -> Message:
        if message["type"] != kind:
            return message
        new = dict(message)
        for key, value in changes.items():
            if key in new:
                new[key] = value(new[key])
        return new

    return change


def _other_bytes(data: str) -> str:
    return ("A" if data[8] != "A" else "B").join((data[:8], data[9:]))


def _shrinking() -> Callable[[Message], Message]:
    """Return a change after which each status has 3 kB less heap free."""
    left = [200000]

    def change(message: Message) -> Message:
        if message["type"] == "status":
            left[0] -= 3000
            message["heap_free"] = left[0]
        return message

    return change


def _hello_after(restarts: int, **values: Any) -> Callable[[Message], Message]:
    """Return a change of hello after so many restarts."""
    seen = [0]

    def change(message: Message) -> Message:
        if message["type"] == "hello":
            seen[0] += message["seq"] == 0
            if seen[0] > restarts:
                return {**message, **values}
        return message

    return change


def _without(key: str) -> Callable[[Message], Message]:
    return lambda message: {name: value for name, value in message.items() if name != key}


def _ignoring_set() -> Callable[[Message], Message]:
    """Return a change after which the board always describes its classes as at first."""
    first: dict[int, Message] = {}

    def change(message: Message) -> Message:
        if message.get("re") == "model" and message.get("ok"):
            return {**first.setdefault(message["class"], message), "seq": message["seq"]}
        return message

    return change


# Name of the fault: (the check that fails, the checks that run before it, a change of the board's lines, its sound).
FAULTS: dict[str, tuple[str, tuple[str, ...], Callable[[Message], Message | None] | None, Any]] = {
    "a silent microphone": ("microphone", (), None, np.zeros(RATE_HZ, np.int16)),
    "a stuck microphone": ("microphone", (), None, np.full(RATE_HZ, -1, np.int16)),
    "a microphone with an offset": ("microphone", (), None, room() + np.int16(4000)),
    "a clipped microphone": ("microphone", (), None, np.clip(room().astype(int) * 40, -20000, 20000).astype(np.int16)),
    "lost samples": ("lost-samples", ("listening",), None, LossyMicrophone),
    "a protocol of later": ("hello", (), members("hello", proto=lambda n: 2), None),
    "a rule that is broken": ("hello", (), lambda m: {**m, "broken": "x"} if m["type"] == "hello" else m, None),
    "another detector": ("detector", (), members("hello", sha256=lambda s: "0" * 64), None),
    "a slow step": ("compute", ("listening",), members("status", step_us=lambda us: 130000), None),
    "a heap that shrinks": ("heap", ("listening",), _shrinking(), None),
    "a damaged line not counted": ("bad-lines", (), members("status", damaged=lambda n: 0), None),
    "an unknown command taken": (
        "bad-lines", (), lambda m: {**m, "ok": True} if m.get("error") == "unsupported" else m, None
    ),
    "missing steps": ("listening", (), lambda m: None if m["type"] == "scores" and m["t"] % 4096 else m, None),
    "other features": ("features", ("restart",), members("mel", data=_other_bytes), None),
    "other scores": ("scores", ("restart",), members("scores", scores=lambda s: [s[0] + 1, *s[1:]]), None),
    "other sound": ("features", ("restart",), members("audio", data=lambda data: "A" * 64 + data[64:]), None),
    "another detector after a cut push": ("cut-push", (), _hello_after(1, sha256="0" * 64), None),
    "no reason after a push that cannot run": ("refused-push", (), _without("rolled_back"), None),
    "no trial of a push": ("push-back", (), _without("trial"), None),
    "a set without effect": ("set", (), _ignoring_set(), None),
    "a rule that is not saved": (
        "set-saved", (), lambda m: _without("action")(m) if m.get("re") == "model" else m, None
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_its_check(fault: str, flash: Path, plugged: list[Cable]) -> None:
    name, before, change, sound = FAULTS[fault]
    if sound is LossyMicrophone:
        sound = LossyMicrophone(room(), RATE_HZ, FAST, True)
    cable = Cable(lambda: TamperedBoard(room_board(flash, sound), change or (lambda message: message)))
    plugged.append(cable)
    results = run_checks(self_test(cable), *before, name)
    assert results[name].outcome == "failed", results[name].says
    assert results[name].says
    assert [one for one in before if results[one].outcome != "passed"] == []


def test_what_the_board_has_no_memory_for_is_not_possible(flash: Path, plugged: list[Cable]) -> None:
    # As a stock Pico with one of the detectors for small boards answers.
    none = {"ok": False, "error": "memory", "detail": "this board has no memory left for that"}
    cable = Cable(lambda: TamperedBoard(room_board(flash), lambda m: {**m, **none} if m.get("re") == "record" else m))
    plugged.append(cable)
    result = run_checks(self_test(cable), "microphone")["microphone"]
    assert (result.outcome, "no memory left" in result.says) == ("not possible here", True)


def test_a_wrong_sample_rate_is_found(flash: Path, plugged: list[Cable]) -> None:
    cable = Cable(lambda: room_board(flash, speed=1.02))
    plugged.append(cable)
    results = run_checks(self_test(cable, seconds=6), "listening", "sample-rate")
    assert results["sample-rate"].outcome == "failed", results["sample-rate"].says
    figure = results["sample-rate"].figure
    assert figure is not None
    assert 15000 < figure < 25000


def test_a_file_that_is_not_the_boards_detector_is_found(flash: Path, plugged: list[Cable]) -> None:
    cable = Cable(lambda: room_board(flash))
    plugged.append(cable)
    other = dataclasses.replace(detector(), data=build(metadata(name="other")))
    results = run_checks(self_test(cable, detector=other), "detector", "push-back")
    assert results["detector"].outcome == "failed"
    assert results["push-back"].outcome == "not possible here", "it would not be the board's own"


def test_a_board_that_resets_by_itself_fails_what_it_was_at(flash: Path, plugged: list[Cable]) -> None:
    boards = []

    def make() -> TamperedBoard:
        boards.append(room_board(flash))
        return TamperedBoard(boards[-1], reset_at_times)

    def reset_at_times(message: Message) -> Message:
        if message["type"] == "scores" and message["t"] > RATE_HZ and boards[-1].app is not None:
            boards[-1].app.request = "reboot"
        return message

    cable = Cable(make)
    plugged.append(cable)
    results = run_checks(self_test(cable, seconds=2), "listening", "lost-samples", "sample-rate")
    assert results["listening"].outcome == "failed"
    assert "restarted" in results["listening"].says
    assert results["lost-samples"].outcome == "not possible here", "its counts began again"


def test_noise_on_the_line_is_found(flash: Path, plugged: list[Cable]) -> None:
    cable = Cable(lambda: room_board(flash))
    plugged.append(cable)
    noisy = Faulty(cable, noise=Noise(replace=0.0005, seed=4))
    results = run_checks(self_test(noisy, seconds=4), "listening", "lost-lines")  # type: ignore[arg-type]
    assert results["lost-lines"].outcome == "failed", results["listening"].says


def test_a_board_in_safe_mode_fails_and_the_rest_is_not_possible(flash: Path, plugged: list[Cable]) -> None:
    (flash / "settings.json").write_text("{", encoding="utf-8")
    cable = Cable(lambda: room_board(flash))
    plugged.append(cable)
    results = run_checks(self_test(cable), "detector", "listening", "event", "set")
    assert results["hello"].outcome == "failed"
    assert "safe mode" in results["hello"].says
    assert {results[name].outcome for name in ("listening", "event", "set")} == {"not possible here"}
    assert results[LEFT[0]].outcome == "passed", results[LEFT[0]].says


def test_a_board_that_stops_answering_ends_the_run_in_time(flash: Path, plugged: list[Cable]) -> None:
    boards: list[TamperedBoard] = []

    def make() -> TamperedBoard:
        boards.append(TamperedBoard(room_board(flash), lambda message: message))
        return boards[-1]

    cable = Cable(make)
    plugged.append(cable)
    test = self_test(cable, waits=Waits(answer_s=0.5, restart_s=1.0, away_s=0.5))

    def go_deaf(test: SelfTest) -> Observed:
        boards[-1].deaf = True
        test.device.request("watch", 0.5, on=False, mel=False)
        raise AssertionError

    chosen = [CHECKS[0], Check("deaf", "It answers.", go_deaf, 1), *CHECKS[1:]]
    done = Runner(test, lambda result: None, chosen)
    begin = time.monotonic()
    done.run()
    done.put_back()
    assert time.monotonic() - begin < 30
    outcomes = [one.outcome for one in done.results]
    assert outcomes == ["passed", "failed", *["not possible here"] * (len(CHECKS) - 1), "failed"]
    assert "no more" in done.results[2].says
    assert done.results[-1].name == LEFT[0], "nobody can say how the board was left"


# Those that ask the board something; the others look at what was heard before.
CUT = ("answers", "event", "led", "bad-lines", "listening", "microphone", "restart")
WITH_FLASH = ("cut-push", "refused-push", "push-back", "set", "set-saved")


def _run_with_a_cut(test: SelfTest, cable: Cable, name: str, after_writes: int) -> list[CheckResult]:
    """Run a check during which the cable is pulled at one of its commands, and put the board back."""
    write, left = cable.write, [after_writes]

    def cut(data: bytes) -> None:
        left[0] -= 1
        if left[0] == 0:
            cable.unplug()
        write(data)

    chosen = []
    for check in CHECKS:
        if check.name == name:

            def cut_run(test: SelfTest, run: Callable[[SelfTest], Observed] = check.run) -> Observed:
                cable.write = cut  # type: ignore[method-assign]
                try:
                    found = run(test)
                finally:
                    cable.write = write  # type: ignore[method-assign]
                assert left[0] <= 0, "it was over before the cable was pulled"
                return found

            chosen.append(dataclasses.replace(check, run=cut_run))
        elif check.name in ("hello", "detector"):
            chosen.append(check)
    done = Runner(test, lambda result: None, chosen)
    done.run()
    done.put_back()
    return done.results


@pytest.mark.parametrize(
    ("name", "after_writes"), [*((name, 1) for name in CUT), *((name, n) for name in WITH_FLASH for n in (1, 2, 5))]
)
def test_a_cable_that_is_pulled_in_any_check_fails_it_and_the_board_is_put_back(
    name: str, after_writes: int, flash: Path, plugged: list[Cable]
) -> None:
    cable = Cable(lambda: room_board(flash), back_s=0.1)
    plugged.append(cable)
    test = self_test(cable, owner=Owner(present=True, sound=True))
    results = {one.name: one for one in _run_with_a_cut(test, cable, name, after_writes)}
    survived = name == "restart" or name in WITH_FLASH  # where a restart was due anyway
    assert results[name].outcome == "failed" or (survived and results[name].outcome == "passed"), results[name].says
    assert results["hello"].outcome == "passed"
    assert results[LEFT[0]].outcome == "passed", results[LEFT[0]].says


@pytest.mark.parametrize("name", ["answers", "listening", "microphone", "restart", "push-back", "set-saved"])
def test_a_board_that_does_not_come_back_ends_the_run_with_what_was_found(
    name: str, flash: Path, plugged: list[Cable]
) -> None:
    cable = Cable(lambda: room_board(flash), back_s=None)
    plugged.append(cable)
    test = self_test(cable, waits=Waits(answer_s=1.0, restart_s=1.0, away_s=0.5))
    results = {one.name: one for one in _run_with_a_cut(test, cable, name, 1)}
    assert results["hello"].outcome == "passed"
    assert results[name].outcome == "failed"
    assert results[LEFT[0]].outcome == "failed"
    assert "could not be looked at" in results[LEFT[0]].says
    assert 2 * Waits().away_s < RESTORE_S
