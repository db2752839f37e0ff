"""`soundsdk monitor` as a person uses it: at virtual boards that are noisy, unplugged and left alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tone_boards import beeps, board

from soundsdk.cli import run
from soundsdk_sim.faults import Noise
from virtual_boards.virtual_port import VirtualPort, VirtualPorts
from waiting import PATIENCE_S, ended_by, lines_with, shown_and_logged, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

BEEPS = np.tile(beeps(10), 40)  # high, low, high, low …, a second each
EVENT = '"type":"event"'
OFF = '"edge":"off"'


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[VirtualPorts]:
    with VirtualPorts(tmp_path) as ports:
        yield ports


def hears_sigint() -> None:
    """SIGINT and SIGHUP as on a terminal: a background job of a shell inherits them ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Monitor:
    """The command as a process, at a board of this one."""

    def __init__(self, port: VirtualPort, *options: str, stdout: int = subprocess.PIPE) -> None:
        words = [sys.executable, "-m", "soundsdk", "monitor", "-p", port.path, *options]
        self.process = subprocess.Popen(
            words, stdout=stdout, stderr=subprocess.PIPE, text=True, preexec_fn=hears_sigint
        )

    def line(self) -> str:
        """Return the next line of its output."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self, timeout_s: float = PATIENCE_S) -> tuple[str, str]:
        """Return the rest of its output, and its standard error."""
        return self.process.communicate(timeout=timeout_s)

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def test_ctrl_c_ends_it_with_a_summary_and_130(ports: VirtualPorts) -> None:
    port = ports.add(lambda: board(BEEPS))
    with Monitor(port, "--format", "jsonl") as monitor:
        assert json.loads(monitor.line())["type"] == "hello"
        while json.loads(monitor.line()).get("edge") != "on":
            pass
        monitor.process.send_signal(signal.SIGINT)
        out, errors = monitor.end()
    assert monitor.process.returncode == 130
    assert all(json.loads(line) for line in out.splitlines())
    assert re.search(r"events (high|low) 1\n", errors)
    assert "0 damaged, 0 missing" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("number", "code", "sentence"),
    [
        (signal.SIGTERM, 143, "terminated."),
        (signal.SIGHUP, 129, "ended, as the terminal was closed."),
    ],
)
def test_a_signal_ends_it_with_a_summary_what_is_kept_and_an_error_as_the_last_line(
    number: int, code: int, sentence: str, ports: VirtualPorts, tmp_path: Path
) -> None:
    log = tmp_path / "events.jsonl"
    with Monitor(ports.add(lambda: board(BEEPS)), "--json", "--log", str(log)) as monitor:
        monitor.line()
        monitor.process.send_signal(number)
        out, errors = monitor.end(60)
    assert monitor.process.returncode == code
    assert "watched" in errors
    lines = len(log.read_text().splitlines())
    # The signal may come when the last line is written and not yet counted.
    assert any(f"  log      {count} line" in errors for count in (lines - 1, lines))
    assert errors.splitlines()[-1] == f"soundsdk: {sentence}"
    error = json.loads(out.splitlines()[-1])["error"]
    assert (error["exit_code"], error["message"]) == (code, sentence)


def test_a_board_says_hello_once_and_again_after_a_restart(ports: VirtualPorts, tmp_path: Path, capsys: Any) -> None:
    port = ports.add(lambda: board(BEEPS, speed=4))
    log = tmp_path / "log.jsonl"
    assert run(["monitor", "-p", port.path, "--json", "--log", str(log), "--seconds", "2"], ports) == 0
    for text in (capsys.readouterr().out, log.read_text()):
        types = [json.loads(line)["type"] for line in text.splitlines()]
        assert types.count("hello") == 1
        assert types[0] == "hello"
        assert "event" in types


def test_a_terminal_that_is_closed_under_its_table_is_129() -> None:
    """The table cannot be taken down there: that is no other failure."""
    controller, terminal = os.openpty()
    words = [sys.executable, "-m", "soundsdk", "monitor", "-p", "sim:sim"]
    process = subprocess.Popen(
        words, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True, preexec_fn=_own_terminal
    )
    os.close(terminal)
    try:
        shown = b""
        while b"sim" not in shown:
            shown += os.read(controller, 4096)
        os.close(controller)
        assert process.wait(60) == 129
    finally:
        process.kill()
        process.wait()


def _own_terminal() -> None:
    """Make standard input the terminal of this session, whose end is a SIGHUP."""
    import fcntl
    import termios

    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize("sound", [BEEPS, None], ids=["beeps", "silence"])
def test_a_closed_pipe_ends_it_quietly_and_with_0(ports: VirtualPorts, sound: np.ndarray | None) -> None:
    with Monitor(ports.add(lambda: board(sound)), "--format", "jsonl") as monitor:
        monitor.line()
        assert monitor.process.stdout is not None
        monitor.process.stdout.close()
        assert monitor.process.wait(timeout=PATIENCE_S) == 0
        assert monitor.process.stderr is not None
        assert "Traceback" not in monitor.process.stderr.read()


def test_once_ends_with_0_after_the_first_event_that_matches(ports: VirtualPorts, capsys: Any) -> None:
    port = ports.add(lambda: board(BEEPS))
    assert run(["monitor", "-p", port.path, "--once", "--label", "low", "--seconds", "60"], ports) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[1] == "on"
    assert line.endswith(" low")


def test_once_ends_with_6_if_nothing_comes_in_time(ports: VirtualPorts, capsys: Any) -> None:
    port = ports.add(lambda: board())
    assert run(["monitor", "-p", port.path, "--once", "--seconds", "1"], ports) == 6
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no such event came within 1 s" in captured.err


def test_tables_have_the_events_of_the_board(ports: VirtualPorts, tmp_path: Path, capsys: Any) -> None:
    port = ports.add(lambda: board(BEEPS, speed=4))
    log = tmp_path / "log.jsonl"
    words = ["monitor", "-p", port.path, "--format", "tsv", "--log", str(log)]
    with ended_by(lambda: wait_until(lambda: len(lines_with(log, OFF)) > 5, "five events")):
        assert run(words, ports) == 143
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "filename\tonset\toffset\tevent_label"
    assert len(rows) >= 4
    for name, onset, offset, label in (row.split("\t") for row in rows):
        k = round(float(onset) - 0.1)
        assert (name, label) == ("sim", ("high", "low")[k % 2])
        assert (float(onset), float(offset)) == (pytest.approx(k + 0.1, abs=0.3), pytest.approx(k + 0.5, abs=0.4))


def test_no_board_is_3_and_a_wrong_address_2(ports: VirtualPorts, capsys: Any) -> None:
    assert run(["monitor"], ports) == 3
    assert run(["monitor", "-p", "ftp://x"], ports) == 2
    assert run(["monitor", "-p", "sim:sim", "--min-score", "2"], ports) == 2
    capsys.readouterr()


def test_noise_is_counted_and_what_the_board_prints_is_shown(ports: VirtualPorts, capsys: Any, tmp_path: Path) -> None:
    """Every line of the log is a true one, whatever the noise; text in between is shown as such."""

    class Chatty:
        def __init__(self) -> None:
            self._noise = Noise(replace=0.003, seed=4)
            self._texts = 0

        def apply(self, data: bytes) -> bytes:
            text = b""
            if data.endswith(b"\n") and self._texts < 3:
                self._texts += 1
                text = b"\nI (312) wifi: hello\x1b[31m\n"
            return text + self._noise.apply(data)

    log = tmp_path / "log.jsonl"
    port = ports.add(lambda: board(BEEPS, speed=8), noise=Chatty())
    words = ["monitor", "-p", port.path, "--format", "jsonl", "--log", str(log)]

    def enough() -> bool:
        return len(lines_with(log, EVENT)) > 60 and bool(lines_with(log, '"type":"missing"'))

    with ended_by(lambda: wait_until(enough, "sixty edges and a gap")):
        assert run(words, ports) == 143
    captured = capsys.readouterr()
    assert shown_and_logged(captured.out, log)
    records = [json.loads(line) for line in log.read_text().splitlines()]
    events = [r for r in records if r["type"] == "event"]
    assert len(events) > 20
    assert {(e["label"], e["edge"]) for e in events} == {(a, b) for a in ("high", "low") for b in ("on", "off")}
    assert "board: I (312) wifi: hello·[31m" in captured.err
    counted = re.search(r"(\d+) damaged, (\d+) missing", captured.err)
    assert counted is not None
    missing = [r for r in records if r["type"] == "missing"]
    assert sum(r["last"] - r["first"] + 1 for r in missing) == int(counted[2]) > 0
    seen = [r["seq"] for r in records if "seq" in r]
    assert not {n for r in missing for n in range(r["first"], r["last"] + 1)} & set(seen)


def test_an_unplugged_board_is_found_again_by_its_serial_number(
    ports: VirtualPorts, tmp_path: Path, capsys: Any
) -> None:
    """The board is under another path and has run on: events again, and the gap is reported."""
    port = ports.add(lambda: board(BEEPS, speed=2), powered=True)
    log = tmp_path / "log.jsonl"
    times: dict[str, float] = {}

    def pull() -> None:
        # More than one: the answers to what the monitor asks first, which are no records, may come behind the first.
        wait_until(lambda: len(lines_with(log, EVENT)) >= 4, "events")
        port.unplug()
        wait_until(lambda: lines_with(log, '"type":"gone"'), "the loss")
        time.sleep(1.5)
        times["back"] = time.time()
        port.plug("ttyACM1")
        wait_until(lambda: EVENT in log.read_text().partition('"type":"back"')[2], "an event after the return")

    with ended_by(pull):
        assert run(["monitor", "--format", "jsonl", "--log", str(log)], ports) == 143
    captured = capsys.readouterr()
    records = [json.loads(line) for line in log.read_text().splitlines()]
    (gone,), (back,) = ([r for r in records if r["type"] == kind] for kind in ("gone", "back"))
    assert gone["path"].endswith("ttyACM0")
    assert back["path"].endswith("ttyACM1")
    assert 1.4 < back["gone_s"] < _unix(back["time"]) - _unix(gone["time"]) + 0.5
    assert back["restarted"] is False
    first, last = back["missing"]
    seen = [r["seq"] for r in records if "seq" in r]
    assert max(n for n in seen if n < first) == first - 1
    assert not set(range(first, last + 1)) & set(seen)
    assert any(r["type"] == "event" and _unix(r["time"]) > times["back"] for r in records)
    assert f"seq {first}-{last}" in captured.err
    assert "once" in captured.err


def test_a_restart_of_the_board_is_reported(ports: VirtualPorts, tmp_path: Path, capsys: Any) -> None:
    port = ports.add(lambda: board(BEEPS, speed=2))
    log = tmp_path / "log.jsonl"

    def pull() -> None:
        wait_until(lambda: lines_with(log, OFF), "a whole event")
        port.unplug()
        wait_until(lambda: lines_with(log, '"type":"gone"'), "the loss")
        port.plug()
        # Two: the last one may be logged and not shown yet when the monitor is ended.
        wait_until(lambda: log.read_text().partition('"type":"back"')[2].count(OFF) >= 2, "events after the return")

    with ended_by(pull):
        assert run(["monitor", "--format", "tsv", "--log", str(log)], ports) == 143
    captured = capsys.readouterr()
    assert "has restarted" in captured.err
    assert {row.split("\t")[0] for row in captured.out.splitlines()[1:]} == {"sim", "sim-2"}


def _unix(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def test_a_full_disk_does_not_end_it(ports: VirtualPorts, capsys: Any) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    port = ports.add(lambda: board(BEEPS, speed=8))
    assert run(["monitor", "-p", port.path, "--log", "/dev/full", "--seconds", "5"], ports) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) > 3
    assert captured.err.count("cannot be written") == 1
    assert "could not be written" in captured.err


def test_on_a_terminal_it_is_a_table(ports: VirtualPorts) -> None:
    port = ports.add(lambda: board(BEEPS))
    screen, terminal = os.openpty()
    shown = bytearray()

    def look() -> None:
        try:
            while data := os.read(screen, 65536):
                shown.extend(data)
        except OSError:
            pass

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    with Monitor(port, "--seconds", "4", stdout=terminal) as monitor:
        _, errors = monitor.end()
    os.close(terminal)
    thread.join(timeout=PATIENCE_S)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert monitor.process.returncode == 0
    for expected in ("sim  tones", "dBFS", "high", "length", "missing 0", "now"):
        assert expected in text, expected
    assert shown.rstrip().endswith(b"\x1b[?25h"), "the cursor is there again"
    assert "watched" in errors


def test_cost_and_memory_at_100_lines_a_second(tmp_path: Path) -> None:
    """One minute of a virtual clock; ten, and real time: python tests/benchmarks/bench_monitor.py."""
    bench = _bench()
    figures = bench.virtual(60, tmp_path)
    assert figures.lines >= 6000
    assert figures.share <= bench.BOUND
    assert figures.grown_bytes < 2 << 20
    # No cost that grows with what has come: the second half is as the first, but for a busy machine.
    assert figures.halves[1] < 1.5 * figures.halves[0] + 0.2


def _bench() -> Any:
    import importlib.util

    path = Path(__file__).parents[1] / "benchmarks" / "bench_monitor.py"
    spec = importlib.util.spec_from_file_location("bench_monitor", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_broker_that_is_never_reached_keeps_nothing_of_the_board_beyond_python() -> None:
    """The thread of paho waits to the end; what it held then, nanobind would report as leaked."""
    pytest.importorskip("paho.mqtt.client")
    words = ["monitor", "-p", "sim:sim", "--mqtt", "mqtt://127.0.0.1:1", "--seconds", "1"]
    done = subprocess.run([sys.executable, "-m", "soundsdk", *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "cannot be reached" in done.stderr
    assert "leaked" not in done.stderr
