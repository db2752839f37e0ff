"""Telemetry: scores and features of every step on request, and the facts on classes that a host can request."""

from __future__ import annotations

import base64
from array import array
from typing import Any

import numpy as np
import pytest
import soundcore
from fake_stream import FIRST, STEP, metadata
from test_app import Board, burst

from sim.tiny_model import BURSTS, build, tones
from sim.tiny_model import metadata as tones_metadata
from soundfw.main import App
from soundfw.settings import Settings
from soundfw.wire import framing
from soundsdk.device import protocol


def start(board: Board) -> None:
    """Make a board that has started and sent its hello."""
    board.app.start()
    board.app.link.pump()


def test_nothing_is_sent_without_a_request() -> None:
    kinds = {m["type"] for m in Board(burst, metadata(["a", "b"])).run()}
    assert kinds == {"hello", "event", "status"}


def test_scores_of_every_step_while_the_host_watches() -> None:
    board = Board(burst, metadata(["a", "b"]), seconds=3)
    start(board)
    answer = board.request(type="watch", on=True, mel=False)
    assert (answer["re"], answer["ok"], answer["classes"], answer["step"]) == ("watch", True, 2, STEP)
    while board.app.step():
        pass
    scores = [m for m in board.messages() if m["type"] == "scores"]
    assert [m["t"] for m in scores] == [FIRST + i * STEP for i in range(len(scores))]
    assert len(scores) == (3 * 16000 - FIRST) // STEP + 1
    assert [m["scores"][0] > 600 for m in scores] == [10 <= i < 20 for i in range(len(scores))]
    assert all(m["level_dbfs"] == pytest.approx(-27.3, abs=1.5) for m in scores[1:])
    assert list(scores[0]) == ["type", "seq", "t", "level_dbfs", "scores"]


def test_it_stops_ten_seconds_after_the_last_request() -> None:
    board = Board(burst, metadata(["a", "b"]), seconds=30)
    start(board)
    board.send(type="watch", on=True)
    while board.app.step():
        if board.app.pipeline.now == FIRST + 20 * STEP:  # 2.7 s
            board.send(type="watch", on=True)
    last = [m["t"] for m in board.messages() if m["type"] == "scores"][-1]
    assert 12.0 < last / 16000 < 13.2
    assert not board.app.pipeline.telemetry.on


def test_it_stops_at_the_command_of_the_host() -> None:
    board = Board(burst, metadata(["a", "b"]), seconds=5)
    start(board)
    board.request(type="watch", on=True)
    for _ in range(20):
        board.app.step()
    assert board.request(type="watch", on=False)["ok"]
    seen = len(board.messages())
    while board.app.step():
        pass
    assert "scores" not in {m["type"] for m in board.messages()[seen:]}


@pytest.mark.parametrize("members", [{}, {"on": 1}, {"on": "yes"}, {"on": True, "mel": 1}])
def test_watch_requires_booleans(members: dict[str, Any]) -> None:
    board = Board(burst, metadata(["a", "b"]))
    start(board)
    answer = board.request(type="watch", **members)
    assert (answer["ok"], answer["error"]) == (False, "watch.value")


def test_events_are_the_same_with_and_without_telemetry() -> None:
    def events(watched: bool) -> list[dict[str, Any]]:
        board = Board(burst, metadata(["a", "b"]))
        if watched:
            board.send(type="watch", on=True)
        return [{k: v for k, v in m.items() if k != "seq"} for m in board.run() if m["type"] == "event"]

    assert len(events(True)) == 2
    assert events(True) == events(False)


def test_a_slow_host_loses_scores_and_no_event() -> None:
    board = Board(burst, metadata(["a", "b"]), seconds=9, queue_lines=8)
    start(board)
    board.request(type="watch", on=True)
    board.app.link._write = lambda data: None  # nobody reads
    while board.app.step():
        pass
    board.app.link._write = board.write
    assert board.app.link.pump()
    messages = board.messages()
    assert [m["edge"] for m in messages if m["type"] == "event"] == ["on", "off"]
    assert board.app.link.dropped == 0
    assert 0 < len([m for m in messages if m["type"] == "scores"]) <= 5


@pytest.mark.parametrize("block", [100, 256, 1000, 2048])
def test_mel_lines_are_the_features_that_the_model_got(block: int) -> None:
    pcm = np.round(tones(4, BURSTS) * 32768).astype(np.int16)
    model = build(tones_metadata())
    out, commands = bytearray(), [b"\n" + framing.encode({"type": "watch", "on": True}) + b"\n"]
    samples, at = array("h", pcm.tobytes()), 0

    class Source:
        def readinto(self, buf: Any) -> int:
            nonlocal at
            part = samples[at : at + len(buf)]
            buf[: len(part)] = part
            at += len(part)
            return 2 * len(part)

    def write(data: Any) -> int:
        out.extend(data)
        return len(data)

    settings = Settings({"board": "bench", "block_samples": block})
    app = App(settings, lambda rate: Source(), write, lambda: commands.pop() if commands else b"", model)
    app.start()
    while app.step():
        pass
    messages = protocol.Reader().feed(bytes(out))
    answer = next(m for m in messages if m.get("re") == "watch")
    assert (answer["frames"], answer["width"], answer["mfcc"]) == (8, 40, 0)
    assert (answer["low_hz"], answer["high_hz"], answer["floor_db"], answer["step_mdb"]) == (60, 7600, -100, 400)
    mel = [m for m in messages if m["type"] == "mel"]
    heard = b"".join(base64.b64decode(m["data"]) for m in mel)
    settings_of_model = {k: v for k, v in tones_metadata()["frontend"].items() if k != "version"}
    frontend = soundcore.Frontend(**settings_of_model)
    expected = bytearray(40 * (len(pcm) // 256))
    frames = frontend.push(pcm, expected)
    assert len(heard) > 40 * 200
    assert heard == bytes(expected[: 40 * frames])[: len(heard)]
    assert all(m["frame"] == 0 for m in mel)


def test_wide_features_come_in_lines_of_whole_frames() -> None:
    meta = metadata(["a"])
    meta["frontend"]["bands"] = 128
    meta["hop_frames"] = 8
    board = Board(lambda step: [0], meta, seconds=1)
    board.stream.features = memoryview(bytes(range(256)) * 4)  # type: ignore[attr-defined]
    start(board)
    board.request(type="watch", on=True)
    while board.app.step():
        pass
    mel = [m for m in board.messages() if m["type"] == "mel" and m["t"] == FIRST]
    assert [m["frame"] for m in mel] == [0, 5]
    assert b"".join(base64.b64decode(m["data"]) for m in mel) == bytes(range(256)) * 4
    assert max(len(line) for line in board.out.split(b"\n")) <= 1024


def test_a_host_can_ask_for_every_class() -> None:
    board = Board(burst, metadata(["a", 'b"\\'], min_ms=20), seconds=1)
    start(board)
    first, second = board.request(type="model"), board.request(**{"type": "model", "class": 1})
    wanted = {"re": "model", "ok": True, "classes": 2, "class": 0, "label": "a", "on": 600, "off": 400, "min_ms": 20}
    assert wanted.items() <= first.items()
    assert (second["class"], second["label"]) == (1, 'b"\\')
    for wrong in (2, -1, True, "a"):
        assert board.request(**{"type": "model", "class": wrong})["error"] == "model.class"
