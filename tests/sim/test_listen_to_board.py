"""soundsdk monitor --listen: a board that only sends its sound, and this computer detects in it.

The board is stock CircuitPython's code.py on the shim (no soundcore), at a pseudo-terminal.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from circuitpython.power_on import I2S, PDM, drive, words
from soundsdk import Device, cli
from soundsdk.device import audio_lines
from soundsdk.device.messages import Audio, Event
from soundsdk.device.transport import ConnectionLost
from soundsdk_sim import board_microphone
from soundsdk_sim.board import run_recording
from waiting import PATIENCE_S

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
RATE = 16000


class StockBoard:
    """A CircuitPython board without soundcore at a port; it hears pcm from the moment on that a recording is asked."""

    def __init__(self, folder: Path, pcm: np.ndarray, mic: dict[str, Any], **options: Any) -> None:
        import tty

        drive(folder, None, mic)
        master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        command = words(folder, pcm, native=False, begins_with='"seconds"', **options)
        self.process = subprocess.Popen(command, cwd=folder, stdin=master, stdout=master, stderr=subprocess.PIPE)
        os.close(master)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1


@pytest.fixture
def boards() -> Iterator[list[StockBoard]]:
    made: list[StockBoard] = []
    yield made
    for board in made:
        board.stop()


@pytest.fixture
def stock(boards: list[StockBoard], tmp_path: Path, pcm: np.ndarray) -> StockBoard:
    boards.append(StockBoard(tmp_path / "drive", pcm, I2S))
    return boards[0]


def edges(model: bytes, pcm: np.ndarray) -> list[tuple[Any, ...]]:
    lines = [json.loads(line) for line in run_recording(model, pcm, RATE).lines]
    return [
        (m["id"], m["label"], m["edge"], m["t"], m["score" if m["edge"] == "on" else "peak"])
        for m in lines
        if m["type"] == "event"
    ]


def heard(where: str, count: int) -> list[tuple[Any, ...]]:
    found: list[Event] = []
    with Device.open(where) as device:
        for event in device.events(PATIENCE_S):
            found.append(event)
            if len(found) == count:
                break
        assert device.status().lost == 0
    return [(e.id, e.label, e.edge, e.time_samples, e.peak) for e in found]


@pytest.mark.parametrize("mic", [I2S, PDM], ids=["i2s", "pdm"])
def test_the_events_are_those_of_the_same_sound(
    mic: dict[str, Any], boards: list[StockBoard], tmp_path: Path, pcm: np.ndarray, model: bytes, model_file: Path
) -> None:
    boards.append(StockBoard(tmp_path / "drive", pcm, mic))
    expected = edges(model, np.concatenate([pcm, np.zeros(3 * RATE, np.int16)]))
    assert len(expected) >= 6
    assert heard(f"listen:{boards[0].path},model={model_file}", len(expected)) == expected


def test_the_gain_of_the_settings_is_applied_on_the_computer(
    boards: list[StockBoard], tmp_path: Path, pcm: np.ndarray, model: bytes, model_file: Path
) -> None:
    import soundcore

    quiet = (pcm >> 3).astype(np.int16)
    loud = np.empty(len(quiet) + 3 * RATE, np.int16)
    unpacker = soundcore.I2sUnpacker(bits=16, shift=2, dc_shift=8)
    unpacker.convert(np.concatenate([quiet, np.zeros(3 * RATE, np.int16)]).tobytes(), loud.data)
    boards.append(StockBoard(tmp_path / "drive", quiet, {**I2S, "shift": 2, "dc_shift": 8}))
    expected = edges(model, loud)
    found = heard(f"listen:{boards[0].path},model={model_file}", len(expected))
    assert found == expected
    assert found != edges(model, np.concatenate([quiet, np.zeros(3 * RATE, np.int16)]))


def test_monitor_shows_them_and_says_where_the_detector_runs(
    stock: StockBoard, pcm: np.ndarray, model: bytes, model_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ["--json", "--once", "--label", "low", "-m", str(model_file)]
    assert cli.run(["monitor", "--listen", stock.path, *options]) == 0
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    found = [(m["id"], m["label"], m["edge"], m["t"]) for m in lines if m["type"] == "event"]
    assert found
    assert found == [e[:4] for e in edges(model, pcm) if e[1] == "low"][: len(found)]
    assert re.search(r"the detector tones runs on this computer: \S+ at /dev/\S+ sends its sound, and counts", err)


def test_whoever_monitors_it_without_listen_is_told(stock: StockBoard, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["monitor", "-p", stock.path, "--seconds", "1"]) == 0
    assert "soundsdk monitor --listen PORT detects (start: detector.none)" in capfd.readouterr().err


def test_its_sound_is_recorded_as_any_boards(stock: StockBoard, pcm: np.ndarray) -> None:
    with Device.open(stock.path) as device:
        assert (device.hello.model, device.hello.extra["detects"]) == ("", False)
        take = device.record(2)
        with pytest.raises(Exception, match="does nothing else"):
            device.set(on=0.5)
    assert (take.captured, take.lost, take.lost_board) == (2 * RATE, 0, 0)
    assert np.array_equal(take.pieces[0].pcm, pcm[: 2 * RATE])


def test_losses_of_the_board_reach_the_virtual_one(
    boards: list[StockBoard], tmp_path: Path, pcm: np.ndarray, model_file: Path
) -> None:
    """A stall of 1 s in the silence before the first burst: the times of events stay true."""
    whole = np.concatenate([pcm[:8000], np.zeros(RATE, np.int16), pcm[8000:]])
    boards.append(StockBoard(tmp_path / "drive", whole, I2S, stall_at=(8000, 1000)))
    with Device.open(f"listen:{boards[0].path},model={model_file}") as device:
        onset = next(device.events(PATIENCE_S))
        lost = device.status().lost
    assert lost == pytest.approx(RATE - 1280, abs=640)
    assert onset.time_s == pytest.approx(2.0, abs=0.3)


def test_an_unplugged_board_is_waited_for(stock: StockBoard, model_file: Path) -> None:
    from soundsdk import ReconnectingDevice
    from soundsdk.device.reconnect import Disconnected

    with ReconnectingDevice(f"listen:{stock.path},model={model_file}") as device:
        assert any(isinstance(item, Event) for item in _until(device, Event))
        stock.stop()
        assert any(isinstance(item, Disconnected) for item in _until(device, Disconnected))


def _until(device: Any, kind: type) -> list[Any]:
    import time

    items: list[Any] = []
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and not any(isinstance(item, kind) for item in items):
        items += device.read_all(0.1)
    return items


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("monitor -m home", 2, "-m is there and --listen is not"),
        ("monitor --listen /nowhere/there", 3, "there is no board at /nowhere/there"),
        ("monitor -p listen:", 2, "listen: is incomplete"),
    ],
)
def test_wrong_calls_are_one_sentence(
    command: str, code: int, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(command.split()) == code
    assert says in capfd.readouterr().err


class JumpingDevice:
    """A board one of whose lines has a position far ahead, and then goes on from where it was."""

    def __init__(self) -> None:
        self.hello = SimpleNamespace(rate_hz=RATE, board="sim", extra={})
        self.transport = SimpleNamespace(path="here")
        self.counts = SimpleNamespace(restarts=0)
        self.sent = 0

    def read(self, timeout_s: float) -> Audio:
        time.sleep(0.01)
        self.sent += 1
        return Audio(self.sent, self.sent * 320 + (2**40 if self.sent == 5 else 0), "pcm", bytes(640))

    def close(self) -> None:
        pass


def test_a_board_whose_position_jumped_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    device = JumpingDevice()
    monkeypatch.setattr(board_microphone.Device, "open", lambda where: device)
    monkeypatch.setattr(board_microphone, "best_bits", lambda device: 16)
    monkeypatch.setattr(audio_lines, "start", lambda *_: None)
    monkeypatch.setattr(audio_lines, "stop", lambda *_: None)
    monkeypatch.setattr(audio_lines, "SILENCE_S", 0.5)
    microphone = board_microphone.BoardMicrophone("here", RATE)
    until, blocks, failure = time.monotonic() + PATIENCE_S, 0, ""
    while not failure and time.monotonic() < until:
        try:
            blocks += microphone.read(0.1) is not None
        except ConnectionLost as error:
            failure = error.message
    microphone.close()
    assert failure == "the board at here sends no sound."
    assert blocks == 5
