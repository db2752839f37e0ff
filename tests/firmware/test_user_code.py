"""A user's own code on the board: what it does wrong is contained and reported, and stops neither sound nor host."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acting_board import ActingBoard

import soundfw.main
from soundfw import Detector, FirmwareError
from soundfw.act import user_hook
from soundfw.act.actions import WaitingEvents
from soundfw.settings import Settings
from soundfw.wire import framing

UNREADABLE = "class E(Exception):\n    def __str__(self): raise ValueError(1)\n"


def run(board: ActingBoard) -> list[dict[str, Any]]:
    """Run a board to the end of its sound, as main() does, and return its messages."""
    board.app.start()
    while board.app.turn():
        assert board.app.error is None, board.app.error
    return board.messages()


def errors(messages: list[dict[str, Any]]) -> list[str]:
    return [m["detail"] for m in messages if m.get("re") == "on_event"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (UNREADABLE + "def on_event(*a): raise E()", "E: its text cannot be had (line 3)"),
        ("def on_event(*a): raise BaseException('x')", "BaseException: x"),
        ("import asyncio\ndef on_event(*a): raise asyncio.CancelledError()", "CancelledError"),
        ("def on_event(*a): raise GeneratorExit", "GeneratorExit"),
        ("def on_event(*a): raise ValueError('\\ud800')", "ValueError: \ufffd"),
        ("def inner():\n    yield\ndef on_event(*a): return inner()", "plain function"),
        ("async def inner(): pass\ndef on_event(*a): return inner()", "plain function"),
        ("async def inner(): yield\ndef on_event(*a): return inner()", "plain function"),
    ],
)
def test_whatever_on_event_raises_the_detector_goes_on(tmp_path: Path, body: str, word: str) -> None:
    (tmp_path / "on_event.py").write_text(body)
    board = ActingBoard(tmp_path)
    messages = run(board)
    assert [m["edge"] for m in messages if m["type"] == "event"] == ["on", "off"]
    assert [word in detail for detail in errors(messages)] == [True, True], errors(messages)
    assert (board.app.actions.hook.calls, board.app.actions.hook.errors) == (2, 2)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (UNREADABLE + "raise E()", "E: its text cannot be had (line 3)"),
        ("raise BaseException('x')", "BaseException: x"),
        ("def on_event(*a):\n    yield", "plain function"),
        ("async def on_event(*a):\n    pass", "plain function"),
        ("async def on_event(*a):\n    yield", "plain function"),
    ],
)
def test_whatever_on_event_is_the_board_starts(tmp_path: Path, body: str, word: str) -> None:
    (tmp_path / "on_event.py").write_text(body)
    messages = run(ActingBoard(tmp_path))
    assert [m["edge"] for m in messages if m["type"] == "event"] == ["on", "off"]
    (detail,) = errors(messages)
    assert word in detail


class Alarm:
    """Stands in for the board's TimeLimit, with a signal in place of its timer."""

    def __init__(self, limit_ms: int) -> None:
        self.fired = False

    def start(self) -> None:
        self.fired = False
        signal.signal(signal.SIGALRM, self._fire)
        signal.setitimer(signal.ITIMER_REAL, 0.1)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _fire(self, *_: Any) -> None:
        self.fired = True
        raise KeyboardInterrupt


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no SIGALRM")
def test_a_file_that_does_not_end_when_loaded_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_hook, "time_limit", Alarm)
    # It ends by itself, so that without a limit this test fails.
    (tmp_path / "on_event.py").write_text("import time\nfor _ in range(600): time.sleep(0.1)\n")
    messages = run(ActingBoard(tmp_path))
    assert errors(messages) == ["on_event.py: it was ended after 20000 ms"]
    assert [m["edge"] for m in messages if m["type"] == "event"] == ["on", "off"]


def test_ctrl_c_while_on_event_is_loaded_leaves_it(tmp_path: Path) -> None:
    (tmp_path / "on_event.py").write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        ActingBoard(tmp_path).app.start()


@pytest.mark.parametrize(
    "settings",
    ['{"board":"\\ud800"}', '{"actions":{"\\ud800":"pin:15"}}', '{"actions":{"a":"\\ud800:15"}}'],
)
def test_a_lone_surrogate_in_the_settings_reaches_the_host_as_a_replacement(tmp_path: Path, settings: str) -> None:
    (tmp_path / "settings.json").write_text(settings)
    messages = run(ActingBoard(tmp_path))
    assert "\ufffd" in json.dumps(messages, ensure_ascii=False)
    assert len([m for m in messages if m["type"] == "event"]) == 2


def test_text_is_utf_8_whatever_it_holds() -> None:
    assert framing.text("a\ud800b\udfffc\U0001f600") == '"a\ufffdb\ufffdc\U0001f600"'


@pytest.mark.parametrize("outputs", [5, "15", None, ["a"], [[1]], [True], [49], [-1], [1.0], {"1": 2}])
def test_outputs_that_are_no_list_of_gpios_are_refused(outputs: Any) -> None:
    with pytest.raises(FirmwareError, match="outputs") as caught:
        Settings({"outputs": outputs})
    assert caught.value.args[0] == "settings.value"


def counted(board: ActingBoard, most: int = 2000) -> Callable[[], bool]:
    """Make a board fail a test in place of turning for ever."""
    step, turns = board.app.step, iter(range(most))

    def limited() -> bool:
        assert next(turns, None) is not None, "it never ends"
        return step()

    board.app.step = limited
    return limited


def test_a_closed_detector_has_ended() -> None:
    board = ActingBoard(seconds=5, hook=False)
    counted(board)
    with Detector(app=board.app) as detector:
        assert not detector.ended
    assert detector.ended
    assert list(detector) == []
    other = Detector(seconds=2, app=ActingBoard(seconds=5, hook=False).app)
    other.close()
    assert other.read() is None


def test_a_closed_detector_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[Any] = []
    # Private, because only the board's own start() reads it.
    monkeypatch.setattr(soundfw.main, "_open", held)
    for error in (None, ("mic.kind", "no microphone"), None):
        board = ActingBoard(seconds=1, hook=False)
        board.app.error = error
        held.append(board.app)  # as board_app() does
        try:
            assert list(Detector(app=board.app)) == []
        except FirmwareError:
            assert error
        assert held == []


def test_no_begin_waits_without_its_end() -> None:
    waiting = WaitingEvents()
    for i in range(100):  # classes that overlap, and a reader that never comes
        waiting.push(i, 1, i, 900)
    for i in range(100):
        waiting.push(i, 0, 100 + i, 900)
    edges = [edge[:2] for edge in iter(waiting.pop, None)]
    assert edges == [(i, 1) for i in range(8)] + [(i, 0) for i in range(8)]
    assert waiting.missed == 200 - len(edges)
    waiting.push(99, 1, 0, 900)
    waiting.push(99, 0, 1, 900)
    assert [edge[:2] for edge in iter(waiting.pop, None)] == [(99, 1), (99, 0)]


def test_a_program_learns_what_it_has_missed() -> None:
    board = ActingBoard(seconds=30, hook=False, script=lambda step: [100, -100] if step // 10 % 2 else [-100, -100])
    detector = Detector(app=board.app)
    while board.app.step():
        pass
    edges = [m for m in board.messages() if m["type"] == "event"]
    seen = list(detector)
    assert [event.edge for event in seen] == ["on", "off"] * 8
    assert detector.missed == len(edges) - 16 > 0
