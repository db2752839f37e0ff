"""`soundsdk monitor` at several boards: each line names its board, one table, one page, and none ends the others."""

from __future__ import annotations

import io
import json
import os
import queue
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from chromium import Chromium, find
from tone_boards import MODEL, beeps, board

from soundsdk.cli import run
from soundsdk.device.messages import Event, Hello, Scores, Status
from soundsdk.device.protocol import Counts
from soundsdk.device.reconnect import Disconnected, ReconnectingItem
from soundsdk.errors import DeviceError
from soundsdk.monitor.boards.board import MonitoredBoard, monitored
from soundsdk.monitor.boards.feeds import ManyBoards, ThreadedSource
from soundsdk.monitor.boards.identity import Identity
from soundsdk.monitor.lines import Lines
from soundsdk.monitor.table.overview import overview
from soundsdk.monitor.table.rows import PLAIN, Marks, Picture, marks_for
from virtual_boards.virtual_port import VirtualPorts
from waiting import ended_by, lines_with, shown_and_logged, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

BEEPS = np.tile(beeps(10), 12)
EVENT = '"type":"event"'
HELLO = Hello(0, 1, "0.1.0", "rpi_pico", "alarms", "ab" * 32, 16000)
NOW = 1_700_000_000.25


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[VirtualPorts]:
    with VirtualPorts(tmp_path) as ports:
        yield ports


def three(ports: VirtualPorts) -> list[str]:
    """Plug in three boards of one kind with one detector; return their options."""
    for i in range(3):
        ports.add(lambda: board(BEEPS, speed=2), f"ttyACM{i}", serial_number=f"E6614103{i}", powered=True)
    return [word for port in ports.ports for word in ("-p", port.path)]


def test_each_line_and_each_record_of_the_log_names_its_board(ports: VirtualPorts, tmp_path: Path, capsys: Any) -> None:
    log = tmp_path / "a log.jsonl"
    names = {f"sim-E6614103{i}" for i in range(3)}
    words = [*three(ports), "--log", str(log)]

    def heard_all(begin: int = 0) -> None:
        wait_until(lambda: all(lines_with(log, EVENT, name, after=begin) for name in names), "events of all boards")

    with ended_by(heard_all):
        assert run(["monitor", *words, "--format", "jsonl"], ports) == 143
    captured = capsys.readouterr()
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert shown_and_logged(captured.out, log)
    assert {one["device"] for one in records if one["type"] == "hello"} == names
    assert {one["device"] for one in records if one["type"] == "event"} == names
    for name in names:
        # The first record is the newest hello, which a slow board was asked for more than once.
        seen = [one["seq"] for one in records if one["device"] == name and "seq" in one and one["type"] != "hello"]
        assert seen == sorted(seen), "each board's lines are in order"
        assert f"watched {name} at " in captured.err
    written = log.stat().st_size
    with ended_by(lambda: heard_all(written)):
        assert run(["monitor", *words], ports) == 143
    assert {line.split()[-1] for line in capsys.readouterr().out.splitlines()} == names


def test_tables_tell_the_boards_apart_and_a_label_track_is_of_one(
    ports: VirtualPorts, tmp_path: Path, capsys: Any
) -> None:
    words, log = three(ports), tmp_path / "log.jsonl"

    def whole_events() -> bool:
        # Two ends: the onset of the first may have come before the monitor did.
        return all(len(lines_with(log, '"edge":"off"', f"E6614103{i}")) > 1 for i in range(3))

    with ended_by(lambda: wait_until(whole_events, "whole events of all boards")):
        assert run(["monitor", *words, "--format", "tsv", "--log", str(log)], ports) == 143
    _, *rows = capsys.readouterr().out.splitlines()
    assert {row.split("\t")[0] for row in rows} == {f"sim-E6614103{i}" for i in range(3)}
    assert run(["monitor", *words, "--format", "audacity"], ports) == 2
    assert "one board" in capsys.readouterr().err


def test_a_board_that_is_lost_does_not_end_the_others_and_comes_back(
    ports: VirtualPorts, tmp_path: Path, capsys: Any
) -> None:
    words, log = three(ports), tmp_path / "log.jsonl"
    lost = ports.ports[1]
    name = "sim-E66141031"

    def since(kind: str, *parts: str) -> list[str]:
        """Return the lines with these parts behind the first record of that kind."""
        begin = log.read_bytes().find(b'"type":"%s"' % kind.encode())
        return lines_with(log, *parts, after=begin) if begin >= 0 else []

    def pull() -> None:
        wait_until(lambda: lines_with(log, EVENT, name), "an event")
        lost.unplug()
        others = [f"E6614103{i}" for i in (0, 2)]
        wait_until(lambda: all(since("gone", EVENT, other) for other in others), "events of the others")
        lost.plug()
        wait_until(lambda: since("back", EVENT, name), "an event after the return")

    with ended_by(pull):
        assert run(["monitor", *words, "--format", "jsonl", "--log", str(log)], ports) == 143
    captured = capsys.readouterr()
    records = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(one["type"], one["device"]) for one in records if one["type"] in ("gone", "back")] == [
        ("gone", name),
        ("back", name),
    ]
    begin = [one["type"] for one in records].index("gone")
    end = [one["type"] for one in records].index("back")
    between = {one["device"] for one in records[begin:end] if one["type"] == "event"}
    assert between == {"sim-E66141030", "sim-E66141032"}
    assert name in {one["device"] for one in records[end:] if one["type"] == "event"}
    assert f"soundsdk: {name}: the board at {lost.path} is gone; waiting for it." in captured.err


def test_once_ends_with_the_first_event_of_any_board(ports: VirtualPorts, capsys: Any) -> None:
    assert run(["monitor", *three(ports), "--once", "--seconds", "30"], ports) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_boards_that_cannot_be_had_are_all_named_and_the_others_left_alone(ports: VirtualPorts, capsys: Any) -> None:
    words = three(ports)
    assert run(["monitor", *words, "-p", "id:none"], ports) == 3
    assert "no board with the serial number none" in capsys.readouterr().err
    with ports.ports[0].held(), ports.ports[2].held():
        assert run(["monitor", *words, "--seconds", "1"], ports) == 4
    said = capsys.readouterr().err
    assert "2 of 3 boards cannot be had" in said
    assert all(port.path in said for port in (ports.ports[0], ports.ports[2]))
    assert len(said.splitlines()) == 2
    # They were closed again: each can be opened by the next.
    assert run(["monitor", *words, "--seconds", "1"], ports) == 0


def test_one_board_by_two_names_is_refused(ports: VirtualPorts, tmp_path: Path, capsys: Any) -> None:
    words = three(ports)
    alias = tmp_path / "an alias"
    alias.symlink_to(ports.ports[0].path)
    for other in (words[1], "id:E66141030", str(alias), f"port:{words[1]}"):
        assert run(["monitor", *words, "-p", other], ports) == 2
        assert "are the same board" in capsys.readouterr().err
    assert run(["monitor", "-p", "auto", *words[:2]], ports) == 2
    assert "auto is the only board" in capsys.readouterr().err
    assert run(["monitor", *[f"-psim:sim{i}" for i in range(65)]], ports) == 2
    assert "too many" in capsys.readouterr().err


# ---- the feed


class Endless:
    """A Source that always has something to say."""

    def __init__(self, error: Exception | None = None) -> None:
        self.hello, self.path, self.counts = HELLO, "p", Counts()
        self.sent: queue.Queue[str] = queue.Queue()
        self.reads = 0
        self._error = error

    def read_all(self, timeout_s: float) -> list[ReconnectingItem]:
        self.reads += 1
        self.counts.messages += 1
        if self._error is not None:
            raise self._error
        return [Event(self.reads, self.reads, "siren", "on", 16000, 0.9)]

    def send(self, kind: str, **members: object) -> None:
        self.sent.put(kind)


def test_commands_reach_the_board_and_its_counts_the_table() -> None:
    source = Endless()
    threaded = ThreadedSource(source)
    one = monitored(threaded, Identity("a", "a"))
    with ManyBoards([one]) as feed:
        threaded.send("model")
        assert source.sent.get(timeout=20) == "model"
        ((heard, items),) = list(feed.read(20))[:1]
        assert heard is one
        assert items
        assert threaded.counts.messages >= 1


def test_a_monitor_that_does_not_read_keeps_no_more_than_some_readings() -> None:
    """Memory does not grow while standard output waits: the ports wait, as at a single board."""
    source = Endless()
    with ManyBoards([monitored(ThreadedSource(source), Identity("a", "a"))]):
        wait_until(lambda: source.reads >= 5, "a full queue")
        time.sleep(1)
        assert source.reads <= 6


def test_an_error_of_a_board_is_raised_where_it_is_read() -> None:
    failing = monitored(ThreadedSource(Endless(DeviceError("no", "hint"))), Identity("a", "a"))
    with ManyBoards([failing]) as feed, pytest.raises(DeviceError):
        feed.read(20)


# ---- the table


def some_boards(count: int) -> list[MonitoredBoard]:
    out = []
    for i in range(count):
        source = Endless()
        one = monitored(source, Identity(f"pico-{i:02d}", f"pico-{i:02d}"), i, several=True)  # type: ignore[arg-type]
        one.state.labels = {0: "siren", 1: "dog_bark"}
        one.state.update(Scores(1, 2304, -33.0 - i, (120, 340 + i)), NOW)
        for k in range(5):
            one.state.update(Event(k, k, "siren", "on", 16000 * k, 0.9), NOW + 10 * k + i)
            one.state.update(Event(k, k, "siren", "off", 16000 * k + 8000, 0.9), NOW + 10 * k + i)
        out.append(one)
    return out


def drawn(boards: list[MonitoredBoard], height: int = 40, width: int = 100, marks: Marks | None = None) -> list[str]:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(Picture(overview(boards, height, width, marks or Marks())))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_the_table_has_a_row_for_each_board_and_the_newest_events_of_all() -> None:
    boards = some_boards(20)
    boards[7].state.update(Disconnected("p"), NOW)
    boards[3].state.update(Event(9, 9, "dog_bark", "on", 999999, 0.8), NOW + 100)
    boards[4].state.update(Status(7, 160000, 512, 8100, 91000, -41.2, 0, 0), NOW)
    rows = drawn(boards)
    assert len(rows) <= 40
    by_name = {row.split()[1]: row for row in rows[1:21]}
    assert list(by_name) == [f"pico-{i:02d}" for i in range(20)]
    assert "gone; waiting" in by_name["pico-07"]
    assert "dog_bark         0.80" in by_name["pico-03"]
    assert by_name["pico-04"].rstrip().endswith("512")
    assert rows[22].split()[1:4] == ["pico-03", "dog_bark", "now"]
    clocks = [row.split()[0] for row in rows[23:-1]]
    assert clocks == sorted(clocks, reverse=True)
    assert rows[-1].startswith("20 boards")
    assert "gone 1" in rows[-1]


@pytest.mark.parametrize("height", [3, 5, 8, 12, 24, 60])
@pytest.mark.parametrize("count", [2, 20, 64])
def test_the_table_of_several_fits_the_terminal(height: int, count: int) -> None:
    boards = some_boards(count)
    boards[-1].state.update(Disconnected("p"), NOW)
    for width in (20, 40, 80, 200):
        rows = drawn(boards, height, width)
        assert len(rows) <= height
        assert all(len(row) <= width for row in rows)
    if height >= 8:
        shown = "\n".join(drawn(boards, height, 80))
        assert f"pico-{count - 1:02d}" in shown, "the board that is away is never cut off"
        assert f"{count} boards" in shown


def test_a_terminal_without_these_characters_gets_plain_ones() -> None:
    for encoding in ("ascii", "latin-1", "cp1252", "utf-8"):
        out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        marks = marks_for(out)
        "\n".join(drawn(some_boards(3), marks=marks)).encode(encoding)
        assert (marks == PLAIN) == (encoding != "utf-8")


def test_text_lines_of_one_board_stay_as_they_were() -> None:
    out = io.StringIO()
    one = monitored(Endless(), Identity("pico-1", "pico-1"))  # type: ignore[arg-type]
    Lines("text", out).handle(one, Event(1, 1, "siren", "on", 16000, 0.9), None, NOW)
    assert out.getvalue().endswith("  0.90  siren\n")


# ---- the page


def test_one_page_shows_all_boards_and_one_of_them_in_full(tmp_path: Path) -> None:
    program = find()
    if program is None:
        pytest.skip("there is no Chromium here (Debian: apt-get install chromium)")
    sounds, model = tmp_path / "beeps.wav", tmp_path / "tones.tflite"
    soundfile.write(sounds, np.tile(beeps(4, 2.0), 30), 16000, subtype="PCM_16")
    model.write_bytes(MODEL)
    where = ["-p", f"sim:sim,file={sounds},model={model}", "-p", f"sim:rpi_pico,model={model}"]
    words = [sys.executable, "-m", "soundsdk", "monitor", *where, "--web", "--format", "jsonl"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        browser = None
        try:
            assert process.stderr is not None
            found = next(m[0] for line in process.stderr if (m := re.search(r"http://127\.0\.0\.1:\d+/\S+/", line)))
            browser = Chromium(program, tmp_path / "profile")
            browser.view(1280, 860)
            browser.go(found)
            browser.wait("document.querySelectorAll('#boards button').length == 2")
            names = browser.run("[...document.querySelectorAll('#boards .called')].map(e => e.innerText)")
            assert names == ["sim", "rpi_pico"]
            browser.wait("document.querySelector('h1').innerText == 'sim · tones'")
            browser.wait("document.querySelectorAll('#events tbody tr').length >= 2", 60)
            assert browser.run("document.querySelector('#events tbody td.where').innerText") == "sim"
            browser.wait("boards.get(0).level > -60 && boards.get(1).level < -60", 60)
            browser.run("document.querySelectorAll('#boards button')[1].click()")
            browser.wait("document.querySelector('h1').innerText == 'rpi_pico · tones'")
            browser.wait("state.steps.length > 5 && state.classes.length == 2", 60)
            assert browser.run("state.steps.every(step => step.from === 1)")
            assert browser.run("[...document.querySelectorAll('#boards button')].map(e => e.ariaPressed)") == [
                "false",
                "true",
            ]
            count = "document.querySelectorAll('#events tbody tr').length"
            before = browser.run(count)
            browser.wait(f"{count} > {before}", 60)  # of the board that is not looked at
            for width in (1280, 400, 320):
                browser.view(width, 800)
                assert browser.run("document.documentElement.scrollWidth") <= width
            assert browser.complaints == []
        finally:
            if browser is not None:
                browser.close()
            process.kill()


# ---- what it costs


def test_the_cost_of_several_boards_for_a_short_time() -> None:
    """Five boards for some seconds; twenty for ten minutes: make bench-boards."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    try:
        import bench_boards
    finally:
        sys.path.pop(0)
    if not os.path.exists("/proc/self/stat"):
        pytest.skip("there is no /proc here")
    cost = bench_boards.measure(minutes=0.1, count=5, settle_s=3)
    assert cost.boards_heard == 5
    assert cost.messages > 30
    assert cost.share <= bench_boards.BOUND
    assert 10e6 < cost.samples[-1].asked_bytes < 60e6
