"""Sound over the wire: every sample is captured or lost, the positions show which, and the detector misses none."""

from __future__ import annotations

import base64
from array import array
from itertools import pairwise
from typing import Any

import pytest
import soundcore
from fake_stream import metadata
from test_app import Board, burst

from soundfw.wire import framing


def sound(seconds: float) -> array[int]:
    seed = 1
    out = array("h")
    for i in range(int(16000 * seconds)):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        out.append((8000 if i % 40 < 20 else -8000) + (seed >> 20) - 1024)
    return out


def decoded(message: dict[str, Any]) -> array[int]:
    out = array("h", bytes(2 * 1024))
    n = soundcore.adpcm_decode(base64.b64decode(message["data"]), out)
    return out[:n]


def turn(board: Board, seconds: float) -> None:
    while board.app.pipeline.now < seconds * 16000 and board.app.step():
        pass


@pytest.mark.parametrize("bits", [3, 4, 5])
def test_a_recording_is_the_sound_and_ends_by_itself(bits: int) -> None:
    pcm = sound(4)
    board = Board(burst, metadata(["a", "b"]), pcm=pcm)
    board.app.start()
    turn(board, 0.5)
    board.send(type="record", seconds=2, bits=bits)
    turn(board, 4)
    messages = board.messages()
    done = next(m for m in messages if m.get("re") == "record.done")
    lines = [m for m in messages if m["type"] == "audio"]
    assert [list(m) for m in lines[:1]] == [["type", "seq", "at", "codec", "data"]]
    assert (done["captured"], done["lost"]) == (32000, 0)
    assert next(m for m in messages if m.get("re") == "record")["ok"] is True
    at = done["at"]
    assert at >= 8000
    error = signal = 0
    for line in lines:
        assert (line["at"], line["codec"]) == (at, "adpcm")
        for x in decoded(line):
            signal += pcm[at] ** 2
            error += (x - pcm[at]) ** 2
            at += 1
    assert at == done["at"] + 32000
    # 20 dB with four bits, 6 dB for each.
    assert signal > 100 * 4 ** (bits - 4) * error
    assert all(len(framing.encode(line)) <= 1024 for line in lines)


@pytest.mark.parametrize("block", [64, 250, 2048])
def test_the_events_are_the_same_with_and_without_a_recording(block: int) -> None:
    pcm = sound(5)

    def events(record: bool) -> list[dict[str, Any]]:
        board = Board(burst, metadata(["a", "b"]), pcm=pcm, block_samples=block)
        board.app.start()
        if record:
            board.send(type="record", seconds=4)
        turn(board, 6)
        assert board.stream.heard == pcm
        return [{**m, "seq": 0} for m in board.messages() if m["type"] == "event"]

    assert events(True) == events(False) != []


def test_what_the_microphone_loses_is_a_gap_and_is_counted() -> None:
    board = Board(burst, metadata(["a", "b"]), pcm=sound(5))
    board.app.start()
    board.send(type="record", seconds=3)
    turn(board, 1)
    board.source.lost = 3333
    turn(board, 6)
    messages = board.messages()
    done = next(m for m in messages if m.get("re") == "record.done")
    assert (done["captured"], done["lost"]) == (48000 - 3333, 3333)
    spans = [(m["at"], m["at"] + len(decoded(m))) for m in messages if m["type"] == "audio"]
    gaps = [b[0] - a[1] for a, b in pairwise(spans)]
    assert sorted(gaps)[-2:] == [0, 3333]
    assert sum(b - a for a, b in spans) == done["captured"]


def test_a_loss_at_the_end_of_the_recording_counts_only_within_it() -> None:
    board = Board(burst, metadata(["a", "b"]), pcm=sound(5))
    board.app.start()
    board.send(type="record", seconds=1)
    turn(board, 0.9)
    board.source.lost = 30000
    turn(board, 4)
    done = next(m for m in board.messages() if m.get("re") == "record.done")
    assert done["captured"] + done["lost"] == 16000
    assert 0 < done["lost"] < 3000


def test_a_host_that_does_not_read_loses_sound_but_no_event_and_the_loss_is_counted() -> None:
    board = Board(burst, metadata(["a", "b"]), pcm=sound(8), status_s=3600)
    board.app.start()
    board.send(type="record", seconds=3)
    board.app.step()
    board.open = False
    turn(board, 4)
    assert board.app.link.waiting <= board.app.settings.queue_lines // 2 + 3
    board.open = True
    turn(board, 5)
    messages = board.messages()
    done = next(m for m in messages if m.get("re") == "record.done")
    lines = [m for m in messages if m["type"] == "audio"]
    assert done["captured"] + done["lost"] == 48000
    assert done["captured"] == sum(len(decoded(m)) for m in lines)
    assert done["lost"] > 16000
    assert [m["edge"] for m in messages if m["type"] == "event"] == ["on", "off"]
    assert board.app.link.dropped == 0


def test_stop_ends_it_early_and_a_second_recording_waits_for_the_first() -> None:
    board = Board(burst, metadata(["a", "b"]), pcm=sound(6))
    board.app.start()
    assert board.request(type="hello")["type"] == "hello"
    board.send(type="record", seconds=3000, bits=3)
    turn(board, 1)
    board.send(type="record", seconds=1)
    turn(board, 2)
    board.send(type="record", stop=True)
    turn(board, 3)
    acks = [m for m in board.messages() if m["type"] == "ack"]
    assert [(m["re"], m.get("error", "")) for m in acks] == [
        ("record", ""),
        ("record", "record.busy"),
        ("record", ""),
        ("record.done", ""),
    ]
    lines = [m for m in board.messages() if m["type"] == "audio"]
    assert acks[-1]["captured"] == sum(len(decoded(m)) for m in lines)
    assert 16000 < acks[-1]["captured"] < 40000
    board.send(type="record", seconds=1)
    turn(board, 5)
    assert board.messages()[-1]["captured"] == 16000


def test_the_end_of_the_sound_ends_the_recording() -> None:
    board = Board(burst, metadata(["a", "b"]), pcm=sound(2))
    board.app.start()
    board.send(type="record", seconds=60)
    turn(board, 3)
    done = next(m for m in board.messages() if m.get("re") == "record.done")
    assert (done["re"], done["captured"], done["lost"]) == ("record.done", 32000, 0)


def test_sixteen_bits_are_the_samples_themselves() -> None:
    pcm = sound(2)
    board = Board(burst, metadata(["a", "b"]), pcm=pcm)
    board.app.start()
    board.send(type="record", seconds=1, bits=16)
    turn(board, 2)
    lines = [m for m in board.messages() if m["type"] == "audio"]
    assert {m["codec"] for m in lines} == {"pcm"}
    assert all(len(framing.encode(line)) <= 1024 for line in lines)
    heard = b"".join(base64.b64decode(m["data"]) for m in lines)
    assert array("h", heard) == pcm[lines[0]["at"] : lines[0]["at"] + 16000]


def test_a_uart_of_115200_baud_carries_three_bits_per_sample() -> None:
    board = Board(burst, metadata(["a", "b"]), pcm=sound(11), status_s=3600)
    board.app.start()
    board.send(type="record", seconds=10, bits=3)
    turn(board, 11)
    assert sum(len(framing.encode(m)) + 2 for m in board.messages() if m["type"] == "audio") <= 10 * 11520
