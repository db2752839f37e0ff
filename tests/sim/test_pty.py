"""The virtual serial port, opened with pyserial as a program would."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serial
import soundfile
from tiny_model import build, metadata

from soundfw.wire import framing
from soundsdk.cli import run
from soundsdk.device import protocol
from waiting import PATIENCE_S

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


class SimProcess:
    """`soundsdk sim --pty` as a process."""

    def __init__(self, wav: Path, model_file: Path, *options: str) -> None:
        # SIGINT as on a terminal, even where the tests run as a background job, which inherits it ignored.
        call = (
            "import signal, sys; from soundsdk.__main__ import main; sys.argv[0] = 'soundsdk'; "
            "signal.signal(signal.SIGINT, signal.default_int_handler); main()"
        )
        words = ["sim", str(wav), "--model", str(model_file), "--pty", *options]
        self.process = subprocess.Popen([sys.executable, "-u", "-c", call, *words], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.path = self.process.stdout.readline().strip()
        self.reader = protocol.Reader()
        self.messages: list[dict[str, Any]] = []
        self.raw = bytearray()

    def open(self) -> serial.Serial:
        return serial.Serial(self.path, 115200, timeout=0.1)

    def read_until(self, port: serial.Serial, done: Any, timeout_s: float = PATIENCE_S) -> list[dict[str, Any]]:
        end = time.monotonic() + timeout_s
        while not done(self.messages):
            assert time.monotonic() < end, f"no more than {self.messages}"
            data = port.read(4096)
            self.raw += data
            self.messages += self.reader.feed(data)
        return self.messages

    def request(self, port: serial.Serial, **message: Any) -> dict[str, Any]:
        before = len(self.messages)
        port.write(b"\n" + framing.encode(message) + b"\n")
        return self.read_until(port, lambda m: len(m) > before)[before]


@pytest.fixture
def board(wav: Path, model_file: Path) -> Iterator[SimProcess]:
    b = SimProcess(wav, model_file)
    yield b
    b.process.kill()
    b.process.wait()


def ended(messages: list[dict[str, Any]]) -> bool:
    return sum(m["type"] == "event" for m in messages) == 6 and messages[-1]["type"] == "status"


def test_every_line_arrives_undamaged_and_is_what_sim_prints(
    board: SimProcess, wav: Path, model_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with board.open() as port:
        board.read_until(port, ended)
    assert (board.reader.counts.damaged, board.reader.counts.missing, board.reader.counts.text) == (0, 0, 0)
    assert run(["sim", str(wav), "--model", str(model_file)]) == 0
    assert [line for line in bytes(board.raw).split(b"\n") if line] == capfd.readouterr().out.encode().splitlines()


def test_it_ends_by_itself_when_the_sound_has_ended_and_the_port_is_closed(board: SimProcess) -> None:
    with board.open() as port:
        board.read_until(port, ended)
        assert board.process.poll() is None
    assert board.process.wait(timeout=PATIENCE_S) == 0


def test_commands_are_answered_after_the_sound_too(board: SimProcess) -> None:
    with board.open() as port:
        board.read_until(port, ended)
        assert board.request(port, type="hello")["model"] == "tones"
        assert board.request(port, type="status")["captured"] > 150000
        assert board.request(port, type="set", label="low", on=800)["ok"] is True
        assert board.request(port, type="dance")["error"] == "unsupported"
        port.write(b"noise\n{broken\n")
        assert board.request(port, type="status")["damaged"] == 2
        assert board.reader.counts.damaged == 0


def test_reboot_starts_a_fresh_board(board: SimProcess) -> None:
    with board.open() as port:
        board.read_until(port, ended)
        n = len(board.messages)
        assert board.request(port, type="reboot")["re"] == "reboot"
        hello = board.read_until(port, lambda m: len(m) > n + 1)[n + 1]
        assert (hello["type"], hello["seq"]) == ("hello", 0)


def test_ctrl_c_stops_it_while_the_port_is_closed(board: SimProcess) -> None:
    time.sleep(0.3)
    board.process.send_signal(signal.SIGINT)
    assert board.process.wait(timeout=PATIENCE_S) == 130


@pytest.fixture
def slow_board(model_file: Path, sound: np.ndarray, tmp_path: Path) -> Iterator[SimProcess]:
    """Start a board with three seconds of sound in real time."""
    soundfile.write(tmp_path / "c.wav", sound[: 3 * 16000], 16000)
    b = SimProcess(tmp_path / "c.wav", model_file, "--realtime")
    yield b
    b.process.kill()
    b.process.wait()


def test_realtime_sends_an_event_when_it_happens(slow_board: SimProcess) -> None:
    begin = time.monotonic()
    with slow_board.open() as port:
        slow_board.read_until(port, lambda m: m and m[-1].get("edge") == "off")
        assert time.monotonic() - begin > 2.0
    assert slow_board.process.wait(timeout=PATIENCE_S) == 0


def test_it_accepts_a_model_and_restarts_with_it(slow_board: SimProcess, tmp_path: Path, capfd: Any) -> None:
    (tmp_path / "pushed.tflite").write_bytes(build(metadata(name="pushed")))
    assert run(["push", str(tmp_path / "pushed.tflite"), "-p", slow_board.path]) == 0
    assert "runs pushed" in capfd.readouterr().out
    assert slow_board.process.wait(timeout=PATIENCE_S) == 0


def test_a_program_may_close_and_reopen_the_port_while_the_sound_goes_on(slow_board: SimProcess) -> None:
    with slow_board.open() as port:
        slow_board.read_until(port, lambda m: len(m) == 1)
    time.sleep(0.5)
    assert slow_board.process.poll() is None
    with slow_board.open() as port:
        slow_board.read_until(port, lambda m: m and m[-1].get("edge") == "off")
    assert slow_board.reader.counts.damaged == 0
    assert slow_board.process.wait(timeout=PATIENCE_S) == 0
