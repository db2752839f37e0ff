"""The application with a scripted stream: hello, events, status, commands, restart, safe mode."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_stream import FIRST, STEP, FakeStream, Source, metadata

from soundfw import FirmwareError
from soundfw.main import App
from soundfw.settings import Settings
from soundfw.storage.boot_counter import BootCounter
from soundfw.wire import commands, framing
from soundfw.wire.link import Link
from soundsdk.device import protocol

Script = Callable[[int], Sequence[int]]


class Board:
    """An App whose port is two buffers."""

    def __init__(
        self, script: Script, meta: dict[str, Any], seconds: float = 10, pcm: array[int] | None = None, **settings: Any
    ) -> None:
        self.out = bytearray()
        self.open = True  # else the host reads nothing
        self.incoming = bytearray()
        self.stream = FakeStream(script, meta)
        self.source = Source(pcm or array("h", [1000, -1000] * int(8000 * seconds)))
        self.app = App(
            Settings({"board": "bench", **settings}),
            lambda rate_hz: self.source,
            self.write,
            self.read,
            b"model",
            open_stream=lambda data: self.stream,
        )

    def write(self, data: bytes) -> int | None:
        if not self.open:
            return None
        self.out += data
        return len(data)

    def read(self) -> bytes:
        data = bytes(self.incoming)
        self.incoming.clear()
        return data

    def send(self, **message: Any) -> None:
        self.incoming += b"\n" + framing.encode(message) + b"\n"

    def request(self, **message: Any) -> dict[str, Any]:
        """Send a command, run one turn of the loop and return the answer."""
        seen = len(self.messages())
        self.send(**message)
        self.app.step()
        return self.messages()[seen]

    def run(self) -> list[dict[str, Any]]:
        self.app.start()
        while self.app.step():
            pass
        return self.messages()

    def run_turns(self, turns: int) -> list[dict[str, Any]]:
        self.app.start()
        for _ in range(turns):
            self.app.turn()
        return self.messages()

    def messages(self) -> list[dict[str, Any]]:
        reader = protocol.Reader()
        messages = reader.feed(bytes(self.out))
        assert (reader.counts.damaged, reader.counts.text, reader.counts.missing) == (0, 0, 0)
        return messages


def burst(step: int) -> list[int]:
    return [100, -100] if 10 <= step < 20 else [-100, -100]


def test_hello_comes_first_and_names_firmware_board_and_model() -> None:
    hello = Board(burst, metadata(["a", "b"])).run()[0]
    assert hello == {
        "type": "hello",
        "proto": 1,
        "fw": "0.1.0",
        "board": "bench",
        "model": "fake",
        "sha256": hashlib.sha256(b"model").hexdigest(),
        "rate_hz": 16000,
        "seq": 0,
    }
    assert list(hello) == ["type", "proto", "fw", "board", "model", "sha256", "rate_hz", "seq"]


def test_events_are_sent_as_the_design_shows() -> None:
    events = [m for m in Board(burst, metadata(["a", "b"])).run() if m["type"] == "event"]
    assert [list(e) for e in events] == [
        ["type", "seq", "id", "label", "edge", "t", "score"],
        ["type", "seq", "id", "label", "edge", "t", "peak"],
    ]
    on, off = events
    assert (on["label"], on["edge"], on["id"], on["t"]) == ("a", "on", 1, FIRST + 9 * STEP)
    assert (off["edge"], off["id"], off["t"]) == ("off", 1, FIRST + 19 * STEP)
    assert on["score"] == off["peak"] == 0.998


@pytest.mark.parametrize("block", [64, 100, 256, 2048])
def test_what_is_sent_does_not_depend_on_the_size_of_the_blocks(block: int) -> None:
    rng = iter(range(10**9))
    pcm = array("h", [(next(rng) * 7919) % 20000 - 10000 for _ in range(80000)])
    expected = Board(burst, metadata(["a", "b"]), pcm=pcm, block_samples=512)
    board = Board(burst, metadata(["a", "b"]), pcm=pcm, block_samples=block)
    expected.run()
    board.run()
    assert board.out.count(b'"event"') == 2
    assert [e for e in board.out.split(b"\n") if b"event" in e] == [
        e for e in expected.out.split(b"\n") if b"event" in e
    ]
    assert board.stream.heard == pcm


def test_the_same_sound_gives_the_same_bytes() -> None:
    first, second = Board(burst, metadata(["a", "b"])), Board(burst, metadata(["a", "b"]))
    first.run()
    second.run()
    assert first.out == second.out


def test_a_step_that_ends_in_the_last_partial_block_counts() -> None:
    board = Board(burst, metadata(["a", "b"]), pcm=array("h", bytes(2 * (FIRST + 11 * STEP))), block_samples=2048)
    assert [m["edge"] for m in board.run() if m["type"] == "event"] == ["on", "off"]


def test_status_comes_every_so_many_seconds_of_sound() -> None:
    status = [m for m in Board(burst, metadata(["a", "b"]), seconds=21, status_s=5).run() if m["type"] == "status"]
    assert [m["captured"] // 16000 for m in status] == [5, 10, 15, 20]
    # A square wave of amplitude 1000 is 3 dB above a sine of that amplitude.
    assert all(m["level_dbfs"] == pytest.approx(-27.3, abs=0.2) for m in status)
    assert list(status[0]) == [
        "type",
        "seq",
        "captured",
        "lost",
        "step_us",
        "heap_free",
        "level_dbfs",
        "dropped",
        "damaged",
    ]


def test_samples_lost_by_the_source_are_on_the_wire_and_in_the_times() -> None:
    board = Board(burst, metadata(["a", "b"]))
    board.source.lost = 5000
    board.run()
    board2 = Board(burst, metadata(["a", "b"]))
    board2.run()
    assert next(m["t"] for m in board.messages() if m["type"] == "event") == 5000 + next(
        m["t"] for m in board2.messages() if m["type"] == "event"
    )
    board.send(type="status")
    board.app.step()
    assert board.messages()[-1]["lost"] == 5000


def test_commands_are_answered() -> None:
    board = Board(burst, metadata(["a", "b"]), seconds=60)
    board.app.start()
    board.app.step()
    assert board.request(type="hello")["model"] == "fake"
    assert board.request(type="status")["type"] == "status"
    assert board.request(type="set", label="b", on=700, off=300)["ok"] is True
    thresholds = board.app.pipeline.detector.thresholds
    assert [(t.on, t.off) for t in thresholds] == [(600, 400), (700, 300)]
    assert board.request(type="set", hold_ms=900)["ok"] is True
    assert [t.hold_ms for t in board.app.pipeline.detector.thresholds] == [900, 900]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "push.begin", "size": 5}, "unsupported"),
        ({"type": "push.confirm"}, "unsupported"),
        ({"type": "record"}, "record.seconds"),
        ({"type": "record", "seconds": 0}, "record.seconds"),
        ({"type": "record", "seconds": True}, "record.seconds"),
        ({"type": "record", "seconds": 1, "bits": 6}, "record.bits"),
        ({"type": "record", "seconds": 1, "bits": [4]}, "record.bits"),
        ({"type": "set", "on": 700, "keep": True}, "unsupported"),
        ({"type": "bootloader"}, "unsupported"),
        ({"type": "x" * 300}, "unsupported"),
        ({"type": 'a"b\\\n'}, "unsupported"),
        ({"type": "\x01" * 40}, "unsupported"),
        ({"type": "set"}, "set.empty"),
        ({"type": "set", "label": "c", "on": 500}, "set.label"),
        ({"type": "set", "label": ["a"], "on": 500}, "set.label"),
        ({"type": "set", "on": 300}, "detector.threshold"),
        ({"type": "set", "on": "x"}, "detector.value"),
        ({"type": "set", "hold_ms": -5}, "detector.time"),
    ],
)
def test_what_cannot_be_done_is_answered_with_a_code_and_changes_nothing(message: dict[str, Any], code: str) -> None:
    board = Board(burst, metadata(["a", "b"]))
    board.app.start()
    board.app.step()
    answer = board.request(**message)
    assert (answer["type"], answer["ok"], answer["error"]) == ("ack", False, code)
    assert answer["re"] == message["type"][:32]
    assert [(t.on, t.off, t.hold_ms) for t in board.app.pipeline.detector.thresholds] == [(600, 400, 0)] * 2


def test_a_new_threshold_decides_the_events_that_follow() -> None:
    board = Board(lambda n: [10, 0], metadata(["a", "b"]))
    board.app.start()
    board.send(type="set", label="a", on=900, off=800)
    while board.app.step():
        pass
    assert not [m for m in board.messages() if m["type"] == "event"]


def test_each_answer_leaves_before_the_next_command_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host repeats a command that takes longer than it waits; the first answer must not wait for the repetitions."""
    board = Board(burst, metadata(["a", "b"]))
    board.app.start()
    board.app.step()
    answered: list[int] = []  # answers that had left when each command began
    handle = commands.handle

    def observed(app: App, message: dict[str, Any]) -> None:
        answered.append(len([m for m in board.messages() if m["type"] == "status"]))
        handle(app, message)

    monkeypatch.setattr("soundfw.wire.commands.handle", observed)
    for _ in range(3):
        board.send(type="status")
    for _ in range(3):
        board.app.step()
    assert answered == [0, 1, 2]


def test_reboot_is_acknowledged_before_the_application_ends() -> None:
    board = Board(burst, metadata(["a", "b"]))
    board.app.start()
    board.send(type="reboot")
    assert board.app.step() is False
    assert board.app.request == "reboot"
    assert board.messages()[-1]["re"] == "reboot"


def test_a_model_that_is_refused_leads_to_safe_mode_that_still_answers() -> None:
    board = Board(burst, metadata(["a", "b"]))

    def refuse(data: bytes) -> Any:
        raise FirmwareError("model.op", "operator 3 (LSTM): unsupported operator")

    board.app = App(Settings(), lambda rate_hz: board.source, board.write, board.read, b"model", open_stream=refuse)
    board.app.start()
    assert board.app.step() is True
    hello, ack = board.messages()
    assert (hello["type"], hello["model"], hello["sha256"]) == ("hello", "", "")
    assert (ack["re"], ack["ok"], ack["error"]) == ("start", False, "model.op")
    assert board.request(type="status")["error"] == "model.op"
    assert board.request(type="set", on=900)["error"] == "model.op"
    assert board.request(type="hello")["type"] == "hello"
    board.send(type="reboot")
    assert board.app.step() is False


def test_no_memory_and_no_file_lead_to_safe_mode(tmp_path: Any) -> None:
    def exhaust(data: bytes) -> Any:
        raise MemoryError

    board = Board(burst, metadata(["a"]))
    board.app = App(Settings(), lambda r: board.source, board.write, board.read, b"m", open_stream=exhaust)
    board.app.start()
    assert board.app.error[0] == "start.memory"
    board.app = App(Settings({"model": str(tmp_path / "no")}), lambda r: board.source, board.write)
    board.app.start()
    assert board.app.error[0] == "store.missing"


def test_an_endless_flood_of_commands_does_not_stop_the_sound() -> None:
    board = Board(burst, metadata(["a", "b"]), seconds=2)
    board.app.start()
    turns = 0
    board.send(type="nonsense")
    while board.app.step():
        turns += 1
        board.send(type="nonsense")
        assert turns < 1000
    assert board.stream.steps == 15


def test_commands_that_never_pause_do_not_stop_the_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port has a next command whenever it is asked."""
    board = Board(burst, metadata(["a", "b"]), seconds=2)
    handled = 0
    handle = commands.handle

    def counted(app: App, message: dict[str, Any]) -> None:
        nonlocal handled
        handled += 1
        assert handled < 5000, "the sound waits"
        handle(app, message)

    monkeypatch.setattr("soundfw.wire.commands.handle", counted)
    board.app.start()
    one = b"\n" + framing.encode({"type": "status"}) + b"\n"
    board.app.link = Link(board.write, lambda: one)
    board.app.pipeline.link = board.app.link
    turns = 1
    while board.app.step():
        turns += 1
    assert board.stream.steps == 15
    assert handled == turns


def test_commands_in_one_piece_are_all_answered_in_order() -> None:
    board = Board(burst, metadata(["a", "b"]))
    board.app.start()
    for i in range(10):
        board.send(type=f"x{i}")
    for _ in range(10):
        board.app.step()
    assert [m["re"] for m in board.messages() if m["type"] == "ack"] == [f"x{i}" for i in range(10)]


@pytest.mark.parametrize(("waiting", "heard"), [(0, 1), (3, 4), (1000, 9)])
def test_after_a_command_the_sound_that_waits_is_heard_before_the_next(waiting: int, heard: int) -> None:
    """Blocks that wait after each command; a board that is always behind may not shut the host out."""
    board = Board(burst, metadata(["a", "b"]))
    board.app.start()
    board.app.step()
    left = 0

    def behind() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    board.source.behind = behind  # type: ignore[attr-defined]
    mic = board.app.pipeline.mic
    for _ in range(3):
        board.send(type="status")
    for turn in range(5):
        seen, captured, left = len(board.messages()), mic.captured, waiting
        board.app.step()
        answered = len(board.messages()) > seen
        assert answered == (turn < 3)
        assert mic.captured - captured == (heard if answered else 1) * mic.block_samples


class Broken(Source):
    """A source that fails after some reads."""

    closed = 0

    def readinto(self, buf: Any) -> int | None:
        if self._reads == 40:
            raise OSError(5)
        return super().readinto(buf)

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("where", ["in the command", "in its line"])
def test_a_command_without_memory_is_refused_and_the_sound_goes_on(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(burst, metadata(["a", "b"]))
    board.app.start()
    board.app.step()

    def no_memory(*args: Any) -> Any:
        raise MemoryError

    board.send(type="status")
    with monkeypatch.context() as context:
        if where == "in the command":
            context.setattr(commands, "handle", no_memory)
        else:
            context.setattr("soundfw.wire.parsing.parsed", no_memory)
        board.app.step()
    answer = board.messages()[-1]
    assert (answer["type"], answer["re"], answer["ok"], answer["error"]) == ("ack", "status", False, "memory")
    assert board.request(type="status")["type"] == "status"
    while board.app.step():
        pass
    events = [m for m in board.messages() if m["type"] == "event"]
    assert [m["label"] for m in events] == ["a", "a"]


def test_an_error_in_the_loop_leads_to_safe_mode_and_releases_the_microphone() -> None:
    board = Board(burst, metadata(["a", "b"]))
    board.source = Broken(array("h", bytes(160000)))
    board.app.start()
    for _ in range(60):
        assert board.app.turn()
    told = [m for m in board.messages() if m["type"] == "ack"]
    assert [(m["re"], m["ok"], m["error"]) for m in told] == [("run", False, "run.failed")]
    assert "OSError" in told[0]["detail"]
    assert board.source.closed == 1
    board.send(type="status")
    assert board.app.turn()
    assert board.messages()[-1]["error"] == "run.failed"


def test_what_the_firmware_refuses_in_the_loop_keeps_its_code() -> None:
    board = Board(burst, metadata(["a", "b"]))
    board.app.start()

    def refuse(buf: Any) -> int:
        raise FirmwareError("mic.block", "no")

    board.source.readinto = refuse  # type: ignore[method-assign]
    assert board.app.turn()
    assert board.app.turn()
    assert board.messages()[-1]["error"] == "mic.block"


def test_a_given_error_is_safe_mode_from_the_start() -> None:
    board = Board(burst, metadata(["a", "b"]))
    board.app.error = ("settings.key", "unknown key colour")
    hello, ack = board.run_turns(3)
    assert (hello["type"], hello["model"]) == ("hello", "")
    assert (ack["re"], ack["error"]) == ("start", "settings.key")


def test_unfinished_starts_are_counted_and_then_forgotten(tmp_path: Path) -> None:
    boots = BootCounter(str(tmp_path / "starts.txt"))
    # Each start comes to its end: never refused.
    for _ in range(10):
        assert boots.begin()
        boots.done()
    assert [boots.begin() for _ in range(5)] == [True, True, True, False, True]
    (tmp_path / "starts.txt").write_text("?")
    assert boots.begin()
    # Without a file system nothing is counted.
    nowhere = BootCounter(str(tmp_path / "none" / "starts.txt"))
    assert [nowhere.begin() for _ in range(5)] == [True] * 5
