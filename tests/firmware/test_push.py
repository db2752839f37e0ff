"""A model over the wire: staged, verified, tried, confirmed, with a power cut at every single operation."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import types
from array import array
from typing import Any

import pytest
from fake_flash import FakeFlash, PowerCut
from fake_stream import FakeStream, Source, metadata

from soundfw import FirmwareError
from soundfw.main import App
from soundfw.settings import Settings
from soundfw.wire import framing
from soundsdk.build import region
from soundsdk.device import protocol

OLD = b"old model" * 50
NEW = bytes(range(256)) * 24  # 6 KB: more than what is written between two flushes
PIECE = 600


class Board:
    """A board that is powered on again and again with one flash. running: the model its stream was opened with.

    image: the detector in its image; None if that is soundmodel's to say.
    """

    def __init__(
        self, flash: FakeFlash, refused: dict[bytes, Exception] | None = None, image: bytes | None = OLD
    ) -> None:
        self.image = image
        self.flash = flash
        self.refused = refused or {}
        self.running = b""
        self.app: App | None = None

    def open_stream(self, data: bytes) -> FakeStream:
        if bytes(data) in self.refused:
            raise self.refused[bytes(data)]
        self.running = bytes(data)
        return FakeStream(lambda n: [0, 0], metadata(["a", "b"]))

    def power_on(self) -> dict[str, Any]:
        """Restore the power, start, and return the hello."""
        self.flash.power_on()
        return self.restart()

    def restart(self) -> dict[str, Any]:
        """Restart the application and return its hello; a planned power cut stays planned."""
        self.out = bytearray()
        self.incoming = bytearray()
        self.running = b""
        source = Source(array("h", bytes(2 * 16000 * 60)))
        self.app = App(
            Settings({"board": "bench", "folder": "flash"}), lambda rate_hz: source, self._write, self._read,
            self.image, open_stream=self.open_stream,
        )  # fmt: skip
        self.app.start()
        self.app.step()
        return self.messages()[0]

    def _write(self, data: bytes) -> int:
        self.out += data
        return len(data)

    def _read(self) -> bytes:
        data = bytes(self.incoming)
        self.incoming.clear()
        return data

    def messages(self) -> list[dict[str, Any]]:
        return protocol.Reader().feed(bytes(self.out))

    def request(self, kind: str, **members: Any) -> dict[str, Any]:
        assert self.app is not None
        seen = len(self.messages())
        self.incoming += framing.encode({"type": kind, **members}) + b"\n"
        self.app.step()
        answer = self.messages()[seen]
        assert answer["re"] == kind
        return answer

    def push(self, model: bytes = NEW) -> dict[str, Any]:
        """Push a model; return the answer to push.commit, or the first refusal."""
        answer = self.request("push.begin", size=len(model), sha256=digest(model))
        while answer["ok"] and answer["at"] < len(model):
            at = answer["at"]
            answer = self.request("push.data", at=at, data=base64.b64encode(model[at : at + PIECE]).decode())
        return self.request("push.commit") if answer["ok"] else answer

    def run_for(self, seconds: float = 1.5) -> None:
        assert self.app is not None
        while self.app.pipeline.now < seconds * 16000:
            self.app.step()

    def whole_push(self) -> None:
        """Push as the host does, from power-on to confirmation."""
        hello = self.power_on()
        if hello["sha256"] != digest(NEW):
            if not self.push()["ok"]:
                # The staged bytes were torn: the commit finds that, and the model is sent again.
                self.power_on()
                assert self.push()["ok"]
            hello = self.power_on()
        assert hello["sha256"] == digest(NEW)
        if "trial" in hello:
            self.run_for()
            assert self.request("push.confirm")["ok"]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(params=[True, False], ids=["lazy", "eager"])
def flash(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FakeFlash:
    made = FakeFlash(lazy=request.param)
    made.install(lambda module, name, value: monkeypatch.setattr(module, name, value, raising=False))
    return made


def test_a_pushed_model_runs_after_the_restart_and_stays_once_confirmed(flash: FakeFlash) -> None:
    board = Board(flash)
    assert "trial" not in board.power_on()
    assert board.running == OLD
    assert board.push() == {"type": "ack", "seq": board.messages()[-1]["seq"], "re": "push.commit", "ok": True}
    assert board.app is not None
    assert board.app.request == "restart"
    hello = board.power_on()
    assert (hello["trial"], hello["sha256"], board.running) == (True, digest(NEW), NEW)
    board.run_for()
    assert board.request("push.confirm")["ok"]
    for _ in range(2):
        hello = board.power_on()
        assert (hello["sha256"], "trial" in hello, "rolled_back" in hello) == (digest(NEW), False, False)
    assert board.running == NEW


def test_without_a_confirmation_the_old_model_is_back_and_hello_reports_it(flash: FakeFlash) -> None:
    board = Board(flash)
    board.power_on()
    board.push()
    assert board.power_on()["trial"] is True
    for _ in range(2):
        hello = board.power_on()
        assert (hello["sha256"], hello["rolled_back"], board.running) == (digest(OLD), "push.unconfirmed", OLD)
    board.whole_push()
    assert "rolled_back" not in board.power_on()


def test_a_third_model_goes_into_the_other_slot(flash: FakeFlash) -> None:
    board = Board(flash)
    board.whole_push()
    third = b"third" * 700
    board.power_on()
    assert board.push(third)["ok"]
    assert board.power_on()["sha256"] == digest(third)
    assert board.power_on()["sha256"] == digest(NEW)
    board.push(third)
    board.power_on()
    board.run_for()
    assert board.request("push.confirm")["ok"]
    assert board.power_on()["sha256"] == digest(third)


def test_a_power_cut_at_any_operation_leaves_the_old_or_the_new_model_whole(flash: FakeFlash) -> None:
    Board(flash).whole_push()
    operations = flash.operations
    assert operations > 20
    ran = set()
    for cut in range(operations):
        flash.files.clear()
        flash.operations = 0
        board = Board(flash)
        flash.power_on()
        with pytest.raises(PowerCut):
            _push_until(board, cut)
        # Whatever was cut: one of the two runs, whole, and says which; and again after one more start.
        for _ in range(2):
            hello = board.power_on()
            assert board.running in (OLD, NEW), cut
            assert hello["sha256"] == digest(board.running), cut
            assert board.app is not None
            assert board.app.error is None, cut
            ran.add(board.running)
        # And the retry succeeds.
        board.whole_push()
        assert board.power_on()["sha256"] == digest(NEW), cut
    assert ran == {OLD, NEW}


def _push_until(board: Board, cut: int) -> None:
    board.power_on()
    board.flash.cut_at = cut
    board.push()
    board.restart()
    board.run_for()
    board.request("push.confirm")


def test_an_interrupted_push_resumes_where_it_stopped(flash: FakeFlash) -> None:
    board = Board(flash)
    board.power_on()
    at = board.request("push.begin", size=len(NEW), sha256=digest(NEW))["at"]
    while at < 5000:
        at = board.request("push.data", at=at, data=base64.b64encode(NEW[at : at + PIECE]).decode())["at"]
    board.power_on()
    assert board.request("push.begin", size=len(NEW), sha256=digest(NEW))["at"] >= 4096
    # Another model does not go on there.
    assert board.request("push.begin", size=len(NEW), sha256=digest(OLD))["at"] == 0


def test_what_does_not_arrive_whole_is_not_run(flash: FakeFlash) -> None:
    board = Board(flash)
    board.power_on()
    assert board.request("push.data", at=0, data="")["error"] == "push.begin"
    assert board.request("push.commit")["error"] == "push.begin"
    board.request("push.begin", size=len(NEW), sha256=digest(NEW))
    piece = base64.b64encode(NEW[:PIECE]).decode()
    assert board.request("push.data", at=0, data=piece)["at"] == PIECE
    # A line that came twice is taken once.
    assert board.request("push.data", at=0, data=piece)["at"] == PIECE
    assert board.request("push.data", at=PIECE + 1, data=piece)["error"] == "push.gap"
    assert board.request("push.data", at=PIECE, data="A")["error"] == "push.base64"
    assert board.request("push.data", at=PIECE, data=5)["error"] == "push.base64"
    assert board.request("push.commit")["error"] == "push.short"
    assert board.app is not None
    assert board.app.request == ""  # the detector goes on
    at = PIECE
    while at < len(NEW):
        wrong = bytes(PIECE) if at == PIECE else NEW[at : at + PIECE]
        at = board.request("push.data", at=at, data=base64.b64encode(wrong[: len(NEW) - at]).decode())["at"]
    assert board.request("push.data", at=at, data="AAAA")["error"] == "push.size"
    assert board.request("push.commit")["error"] == "push.sha256"
    assert board.power_on()["sha256"] == digest(OLD)
    assert board.request("push.begin", size=len(NEW), sha256=digest(NEW))["at"] == 0


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "push.size"),
        ({"size": 0, "sha256": "0" * 64}, "push.size"),
        ({"size": True, "sha256": "0" * 64}, "push.size"),
        ({"size": 1 << 30, "sha256": "0" * 64}, "push.size"),
        ({"size": 5}, "push.sha256"),
        ({"size": 5, "sha256": "0" * 63}, "push.sha256"),
        ({"size": 2 << 20, "sha256": "0" * 64}, "push.space"),
    ],
)
def test_an_impossible_push_is_refused_at_its_beginning(
    flash: FakeFlash, members: dict[str, Any], code: str
) -> None:
    board = Board(flash)
    board.power_on()
    answer = board.request("push.begin", **members)
    assert answer["error"] == code
    if code == "push.space":
        assert f"and {(2 << 20) + 4096} are needed beside the models it keeps" in answer["detail"]


def test_a_file_system_that_counts_its_free_blocks_below_0_is_full(flash: FakeFlash) -> None:
    board = Board(flash)
    board.power_on()
    flash.statvfs = lambda path: (4096, 4096, 100, 2**32 - 1)  # type: ignore[method-assign]
    answer = board.request("push.begin", size=5000, sha256="0" * 64)
    assert answer["error"] == "push.space"
    assert answer["detail"].startswith("0 bytes are free")


def test_a_model_beyond_the_memory_is_refused_before_it_is_sent(
    flash: FakeFlash, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soundfw.main.heap_free", lambda: 20000)
    board = Board(flash)
    board.power_on()
    # 5000 bytes of arena are freed; the old model is in the image and frees nothing.
    members = {"size": len(NEW), "sha256": digest(NEW)}
    assert board.request("push.begin", arena=25001 - len(NEW), **members)["error"] == "push.memory"
    assert board.request("push.begin", arena=25000 - len(NEW), **members)["ok"]
    assert board.request("push.begin", arena="1", **members)["error"] == "push.arena"
    board.whole_push()
    board.power_on()
    # A model that was pushed is in memory as a whole.
    members = {"size": len(OLD), "sha256": digest(OLD)}
    assert board.request("push.begin", arena=25001 + len(NEW) - len(OLD), **members)["error"] == "push.memory"
    assert board.request("push.begin", arena=25000 + len(NEW) - len(OLD), **members)["ok"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FirmwareError("model.op", "operator 3 (LSTM): unsupported operator"), "model.op"),
        (MemoryError(), "start.memory"),
    ],
)
def test_a_model_the_board_cannot_run_is_rolled_back_in_the_same_start(
    flash: FakeFlash, error: Exception, code: str
) -> None:
    board = Board(flash, {NEW: error})
    board.power_on()
    assert board.push()["ok"]
    hello = board.power_on()
    assert (hello["sha256"], hello["rolled_back"], board.running) == (digest(OLD), code, OLD)
    assert board.app is not None
    # After a lack of memory the old model gets a heap in one piece.
    assert board.app.request == ("restart" if code == "start.memory" else "")
    hello = board.power_on()
    assert (hello["sha256"], hello["rolled_back"], board.app.request) == (digest(OLD), code, "")
    board.refused.clear()
    board.whole_push()
    assert "rolled_back" not in board.power_on()


def test_a_damaged_slot_falls_back_to_the_image_and_hello_reports_it(flash: FakeFlash) -> None:
    board = Board(flash)
    board.whole_push()
    name = next(path for path in flash.files if path.endswith(".tflite"))
    flash.files[name] = flash.files[name][:-1] + b"\x00"
    hello = board.power_on()
    assert (hello["sha256"], hello["rolled_back"]) == (digest(OLD), "store.damaged")
    del flash.files[name]
    assert board.power_on()["rolled_back"] == "store.missing"
    board.whole_push()
    assert board.power_on()["sha256"] == digest(NEW)


@pytest.mark.parametrize(
    ("held", "code"), [(b"", "store.empty"), (b"torn", "store.damaged"), (OLD, "")], ids=["empty", "torn", "whole"]
)
def test_a_board_whose_region_is_empty_or_torn_says_so_and_takes_a_model(
    held: bytes, code: str, flash: FakeFlash, monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_held = region.fill(region.empty("bench", "0.1.0", 8192), "old", OLD if held == b"torn" else held)
    if held == b"torn":
        bytes_held = bytes_held[:-1]
    module = types.ModuleType("soundmodel")
    module.region = lambda: bytes_held.ljust(8192, b"\xff")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "soundmodel", module)
    board = Board(flash, image=None)
    assert board.power_on()["sha256"] == (digest(OLD) if held == OLD else "")
    assert board.app is not None
    assert (board.app.error[0] if board.app.error else "") == code
    board.whole_push()
    assert board.power_on()["sha256"] == digest(NEW)


def test_a_full_flash_is_reported_and_the_old_model_goes_on(flash: FakeFlash) -> None:
    board = Board(flash)
    board.power_on()
    flash.statvfs = lambda path: (1, 1, 1 << 20, 1 << 20)  # type: ignore[method-assign]
    flash.free_bytes = 3000
    assert board.push()["error"] == "push.flash"
    assert board.power_on()["sha256"] == digest(OLD)


def test_confirming_needs_a_trial_and_a_second_of_sound(flash: FakeFlash) -> None:
    board = Board(flash)
    board.power_on()
    assert board.request("push.confirm")["error"] == "push.confirm"
    board.push()
    board.power_on()
    assert board.request("push.begin", size=5, sha256="0" * 64)["error"] == "push.trial"
    assert board.request("push.confirm")["error"] == "push.early"
    board.run_for()
    assert board.request("push.confirm")["ok"]
    # Asked again because the answer was lost.
    assert board.request("push.confirm", sha256=digest(NEW))["ok"]
    assert board.request("push.confirm", sha256=digest(OLD))["error"] == "push.confirm"


def test_abort_ends_a_trial_or_deletes_the_staged_model(flash: FakeFlash) -> None:
    board = Board(flash)
    board.power_on()
    board.request("push.begin", size=len(NEW), sha256=digest(NEW))
    board.request("push.data", at=0, data="AAAA")
    assert board.request("push.abort")["ok"]
    assert board.request("push.begin", size=len(NEW), sha256=digest(NEW))["at"] == 0
    board.push()
    board.power_on()
    assert board.request("push.abort")["ok"]
    assert board.app is not None
    assert board.app.request == "restart"
    hello = board.power_on()
    assert (hello["sha256"], hello["rolled_back"]) == (digest(OLD), "push.aborted")


def test_an_invalid_state_file_means_the_image(flash: FakeFlash) -> None:
    for content in (b"", b"[]", b"{", b'{"active": 5, "trial": "c", "staged": [], "staged_size": "x", "tried": 1}'):
        flash.files["flash/slots.json"] = content
        board = Board(flash)
        assert board.power_on()["sha256"] == digest(OLD)
        board.whole_push()


def test_thresholds_are_saved_for_the_model_they_were_set_for(flash: FakeFlash) -> None:
    board = Board(flash)
    board.power_on()
    assert board.request("set", label="b", on=900, off=200, keep=True)["ok"]
    board.request("set", label="a", on=990)
    board.power_on()
    assert board.app is not None
    assert [(t.on, t.off) for t in board.app.pipeline.detector.thresholds] == [(600, 400), (900, 200)]
    assert len(board.messages()) == 1
    board.whole_push()
    board.power_on()
    hello, told = board.messages()
    assert (hello["sha256"], told["re"], told["error"]) == (digest(NEW), "keep", "set.model")
    assert [t.on for t in board.app.pipeline.detector.thresholds] == [600, 600]
    assert board.request("set", keep=True)["ok"]
    board.power_on()
    assert len(board.messages()) == 1
    for classes in ([[1]], [[5, 9, 0, 0], [5, 2, 0, 0]], "x", [[5, 2, 0, 0]]):
        flash.files["flash/set.json"] = json.dumps({"sha256": digest(NEW), "classes": classes}).encode()
        board.power_on()
        assert board.messages()[1]["error"] == "set.kept"


def test_saving_to_a_full_flash_changes_nothing(flash: FakeFlash) -> None:
    board = Board(flash)
    board.power_on()
    flash.free_bytes = 10
    assert board.request("set", on=900, keep=True)["error"] == "set.flash"
    assert board.app is not None
    assert [t.on for t in board.app.pipeline.detector.thresholds] == [600, 600]
