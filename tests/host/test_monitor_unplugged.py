"""`soundsdk monitor` at a board that is unplugged and plugged in again two hundred times."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tone_boards import beeps, board

from soundsdk.cli import run
from virtual_boards.virtual_port import VirtualPort, VirtualPorts
from waiting import PATIENCE_S, RunningClock, shown_and_logged

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

TIMES = 200
BEEPS = beeps(10)
LIMIT_S = 2.0  # of the contract, from the return to the next event


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[VirtualPorts]:
    with VirtualPorts(tmp_path) as ports:
        yield ports


@pytest.fixture
def ended_only_by_test() -> Iterator[None]:
    """Let a SIGTERM that monitor no longer handles end this test, not all tests."""

    def end(*_: object) -> None:
        raise SystemExit(1)

    before = signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, before)


class Hand:
    """Pulls the cable and puts it back as soon as the log shows an event after the last return; then ends monitor."""

    def __init__(self, port: VirtualPort, log: Path, clock: RunningClock) -> None:
        self.port = port
        self.clock = clock
        self.log = log
        self.waits_s: list[float] = []
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self) -> None:
        try:
            if self._event() is None:
                return
            for i in range(TIMES):
                self.port.unplug()
                time.sleep((0.0, 0.03, 0.12)[i % 3])
                begin = self.clock.now()
                at = self.log.stat().st_size
                self.port.plug(f"ttyACM{i % 3}")
                if self._event(at) is None:
                    return
                self.waits_s.append(self.clock.now() - begin)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def _event(self, at: int = 0) -> str | None:
        """Return a whole line with an event behind that place of the log, once there is one."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            text = self.log.read_text()[at:] if self.log.is_file() else ""
            # What was read before the cable was pulled may come late: only after the return does it count.
            text = text[text.find('"type":"back"') :] if at and '"type":"back"' in text else "" if at else text
            for line in text.splitlines(keepends=True):
                if '"type":"event"' in line and line.endswith("\n"):
                    return line
            time.sleep(0.01)
        return None


@pytest.mark.usefixtures("ended_only_by_test")
def test_two_hundred_times_events_are_back_within_two_seconds_and_every_gap_is_reported(
    ports: VirtualPorts, tmp_path: Path, capsys: Any
) -> None:
    port = ports.add(lambda: board(BEEPS, speed=8, repeat=True), powered=True, serial_number="SN")
    log = tmp_path / "log.jsonl"
    with RunningClock() as clock:
        hand = Hand(port, log, clock)
        assert run(["monitor", "--format", "jsonl", "--log", str(log)], ports) == 143
        hand.thread.join()
    captured = capsys.readouterr()
    assert shown_and_logged(captured.out, log)
    records = [json.loads(line) for line in log.read_text().splitlines()]
    backs = [r for r in records if r["type"] == "back"]
    with capsys.disabled():
        print(f"\n{len(backs)} times unplugged: events again within {max(hand.waits_s):.2f} s at worst")
    assert len(hand.waits_s) == TIMES
    assert len(backs) == len([r for r in records if r["type"] == "gone"]) == TIMES
    assert max(hand.waits_s) < LIMIT_S
    # The board ran on: every line was seen or told missing, none of them both. Answers to the monitor's own questions
    # and scores have a number, too, and are not in the log; so what was told missing is held against what is there.
    told: set[int] = set()
    for r in records:
        span = r.get("missing") if r["type"] == "back" else (r["first"], r["last"]) if r["type"] == "missing" else None
        if span:
            new = set(range(span[0], span[1] + 1))
            assert not new & told
            told |= new
    seen = {r["seq"] for r in records if "seq" in r}
    assert not told & seen
    # Events alternate between on and off: an edge that is not there lies in a gap that was told.
    events = [r for r in records if r["type"] == "event"]
    for before, after in itertools.pairwise(events):
        between = set(range(before["seq"] + 1, after["seq"]))
        if before["edge"] == after["edge"]:
            assert between & told, f"an edge between seq {before['seq']} and {after['seq']} was lost silently"
