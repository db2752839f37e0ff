"""Unplugging and plugging in again: found again, at once, and every gap told."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tone_boards import beeps, board

from soundsdk.device.messages import Event, Hello, Status
from soundsdk.device.protocol import DeviceReset, LinesLost
from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingDevice, ReconnectingItem
from soundsdk.device.session import Text
from soundsdk.device.transport import reopen
from soundsdk.errors import DeviceError
from soundsdk_sim.live import LiveBoard
from virtual_boards.virtual_port import VirtualPort, VirtualPorts
from waiting import PATIENCE_S, RunningClock, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
BEEPS = beeps(2)  # again and again: an event begins or ends every half second
SPEED = 8.0


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[VirtualPorts]:
    with VirtualPorts(tmp_path) as ports:
        yield ports


def until(watch: ReconnectingDevice, kind: type) -> list[ReconnectingItem]:
    """Items up to the first of that kind."""
    items: list[ReconnectingItem] = []
    end = time.monotonic() + PATIENCE_S
    while not any(isinstance(item, kind) for item in items):
        assert time.monotonic() < end, f"no {kind.__name__} in {PATIENCE_S} s, only {items}"
        items += watch.read_all(0.02)
    return items


class Ledger:
    """Every `seq` of a start of the board is seen or told to be missing, and never both."""

    def __init__(self) -> None:
        self.seqs: set[int] = set()
        self.seen = self.missed = 0

    def _account(self, *seqs: int) -> None:
        for seq in seqs:
            assert seq not in self.seqs, f"line {seq} twice"
            self.seqs.add(seq)

    def add(self, items: list[ReconnectingItem]) -> None:
        for item in items:
            if isinstance(item, Reconnected):
                if item.restarted:
                    self.close()
                # The answer to this hello was read while the connection was made.
                self._account(item.hello.seq)
            gap = item.lines_lost if isinstance(item, Reconnected) else item if isinstance(item, LinesLost) else None
            if gap is not None:
                self._account(*range(gap.first, gap.last + 1))
                self.missed += gap.count
            elif isinstance(item, (Event, Status, Hello)):
                self._account(item.seq)
                self.seen += 1

    def close(self) -> None:
        """Check at the end of a start that no line is unaccounted for."""
        if self.seqs:
            first = min(self.seqs) if self.starts_late else 0
            assert self.seqs == set(range(first, max(self.seqs) + 1))
        self.seqs = set()
        self.starts_late = False

    starts_late = True  # lines from before the first connection are nobody's


def cycle(
    watch: ReconnectingDevice, port: VirtualPort, ledger: Ledger, name: str, away_s: float
) -> tuple[Reconnected, float]:
    """One unplugging; the item that ends it, and the time from plugging in to the next event, s."""
    port.unplug()
    items = until(watch, Disconnected)
    assert watch.device is None
    assert watch.read_all(away_s) == []
    port.plug(name)
    with RunningClock() as clock:
        begin = clock.now()
        items += until(watch, Event)
        took_s = clock.now() - begin
    ledger.add(items)
    back = next(item for item in items if isinstance(item, Reconnected))
    assert back.path == port.path
    assert back.away_s >= min(away_s, 0.01)
    return back, took_s


@pytest.mark.parametrize("powered", [True, False], ids=["own supply", "powered by its port"])
def test_unplugged_a_hundred_times_events_are_back_within_two_seconds_and_every_gap_is_reported(
    ports: VirtualPorts, powered: bool
) -> None:
    port = ports.add(lambda: board(BEEPS, SPEED, repeat=True, status_s=2), powered=powered, serial_number="SN")
    waits_s: list[float] = []
    missed = 0
    with ReconnectingDevice("auto", system=ports) as watch:
        ledger = Ledger()
        ledger.add([watch.hello, *until(watch, Event)])
        for i in range(100):
            back, took_s = cycle(watch, port, ledger, f"ttyACM{i % 3}", away_s=(0.0, 0.02, 0.15)[i % 3])
            waits_s.append(took_s)
            assert back.restarted is not powered, f"cycle {i}: {back}"
            missed += back.lines_lost.count if back.lines_lost else 0
        ledger.close()
        counts = watch.counts
    worst_s = max(waits_s)
    print(f"100 times unplugged: events again within {worst_s:.2f} s; {ledger.seen} lines seen, {missed} told missing")
    assert worst_s < 2.0
    assert counts.missing == ledger.missed
    assert counts.restarts == (0 if powered else 100)
    if powered:
        assert missed > 10


def test_a_board_that_sent_as_much_while_away_as_before_is_still_known_to_have_restarted(ports: VirtualPorts) -> None:
    port = ports.add(lambda: board(BEEPS, 1.0, repeat=True, status_s=1), serial_number="SN")
    with ReconnectingDevice("auto", system=ports) as watch:
        time.sleep(1.2)
        watch.read_all(0.1)
        before = watch.device.seq if watch.device else None
        assert before is not None
        port.unplug()
        until(watch, Disconnected)
        port.plug()
        # It runs unseen until it has said more lines than before.

        def unseen() -> bool:
            assert isinstance(port.board, LiveBoard)
            return port.board.app is not None and port.board.app.link.seq > before + 1

        wait_until(unseen, "more lines than before")
        back = next(item for item in until(watch, Reconnected) if isinstance(item, Reconnected))
        assert watch.device is not None
        assert watch.device.first_seq is not None
        assert watch.device.first_seq > before, "the test did not come to its point"
    assert back.restarted
    assert back.lines_lost == LinesLost(0, watch.device.first_seq - 1)


def test_only_the_board_with_the_same_serial_number_is_taken(ports: VirtualPorts) -> None:
    port = ports.add(board, serial_number="ONE")
    with ReconnectingDevice("auto", system=ports) as watch:
        port.unplug()
        until(watch, Disconnected)
        other = ports.add(board, "ttyACM0", serial_number="TWO")
        time.sleep(0.7)
        assert watch.read_all(0.1) == []
        port.plug("ttyACM1")
        back = next(item for item in until(watch, Reconnected) if isinstance(item, Reconnected))
    assert back.path == port.path != other.path


def test_a_bridge_without_a_serial_number_is_found_under_its_new_path(ports: VirtualPorts) -> None:
    port = ports.add(board, "ttyUSB0", vid=0x1A86, pid=0x7523, serial_number=None, powered=True)
    with ReconnectingDevice(port.path, system=ports) as watch:
        port.unplug()
        until(watch, Disconnected)
        port.plug("ttyUSB1")
        until(watch, Reconnected)
        assert watch.path == port.path


def test_a_port_that_is_busy_or_not_yet_permitted_is_tried_again(ports: VirtualPorts) -> None:
    port = ports.add(board, serial_number="SN")
    with ReconnectingDevice("auto", system=ports) as watch:
        port.unplug()
        until(watch, Disconnected)
        port.plug()
        with port.held():
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                assert watch.read_all(0.05) == []
        port.unplug()
        port.plug()
        with port.forbidden():
            end = time.monotonic() + 0.5
            while time.monotonic() < end:
                assert watch.read_all(0.05) == []
        until(watch, Reconnected)


def test_a_restart_without_unplugging_is_no_loss(ports: VirtualPorts) -> None:
    ports.add(board)
    with ReconnectingDevice("auto", system=ports) as watch:
        assert watch.device is not None
        watch.device.send("reboot")
        items = until(watch, DeviceReset)
        assert not any(isinstance(item, (Disconnected, LinesLost, Text)) for item in items)
        assert watch.counts.missing == 0


def test_reopening_gives_up_in_time(ports: VirtualPorts) -> None:
    port = ports.add(board)
    with ReconnectingDevice("auto", system=ports) as watch:
        transport = watch.device.transport if watch.device else None
        assert transport is not None
    port.unplug()
    begin = time.monotonic()
    with pytest.raises(DeviceError, match="not connected"):
        reopen(transport, 0.6)
    assert time.monotonic() - begin < PATIENCE_S
