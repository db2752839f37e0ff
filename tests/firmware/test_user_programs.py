"""A program of the user's own: the examples, each on a board with stand-ins for its hardware, and what goes wrong."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import soundfile
from acting_board import ActingBoard

from sim.tiny_model import BURSTS, build, metadata, tones
from soundfw import Detector, FirmwareError
from soundfw.wire import framing

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "firmware" / "examples"
EDGES = [(label, edge) for _, _, label in BURSTS for edge in ("on", "off")]


class Ran:
    """One run of a board: its lines, and the calls to its hardware."""

    def __init__(self, folder: Path, after: bytes = b"") -> None:
        """Run until the board ends. after: text of a line after which it is rebooted, by the host's command."""
        words = [sys.executable, str(HERE / "fake_board.py")]
        board = subprocess.Popen(
            words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        guard = threading.Timer(120, board.kill)
        guard.start()
        try:
            assert board.stdout is not None
            head = b""
            while after and after not in head:
                line = board.stdout.readline()
                assert line, head
                head += line
            command = b"\n" + framing.encode({"type": "reboot"}) + b"\n" if after else b""
            rest, errors = board.communicate(command)
        finally:
            guard.cancel()
        assert (board.returncode, errors.decode()) == (0, "")
        lines = [framing.decode(line) for line in (head + rest).split(b"\n") if line]
        self.messages = [line for line in lines if line is not None]
        calls = folder / "calls.jsonl"
        rows = calls.read_text().splitlines() if calls.is_file() else []
        self.calls: list[list[Any]] = [json.loads(row) for row in rows]

    def of(self, *kinds: str) -> list[list[Any]]:
        return [call for call in self.calls if call[0] in kinds]

    def edges(self) -> list[tuple[str, str]]:
        return [(m["label"], m["edge"]) for m in self.messages if m["type"] == "event"]


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    """Return the file system of a board that hears BURSTS."""
    (tmp_path / "detector.tflite").write_bytes(build(metadata()))
    soundfile.write(tmp_path / "sound.wav", tones(10, BURSTS), 16000, subtype="PCM_16")
    settings = {"mic": {"kind": "file", "path": "sound.wav"}, "queue_lines": 256}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    return tmp_path


def install(flash: Path, name: str) -> None:
    (flash / "main.py").write_text((EXAMPLES / name).read_text())


def test_every_example_is_run_by_a_test() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == [
        "deep_sleep.py", "mqtt.py", "neopixel_glow.py", "relay.py"
    ]  # fmt: skip


def test_the_relay_is_on_while_a_sound_lasts(flash: Path) -> None:
    install(flash, "relay.py")
    ran = Ran(flash)
    assert ran.of("pin") == [["pin", 15, value] for value in (0, *[1, 0] * len(BURSTS))]
    # The host hears all of it as well.
    assert ran.edges() == EDGES
    assert [m["type"] for m in ran.messages[:1]] == ["hello"]


def test_the_pixel_glows_and_fades(flash: Path) -> None:
    install(flash, "neopixel_glow.py")
    levels = [call[2][0] for call in Ran(flash).of("pixel")]
    assert levels.count(255) == len(BURSTS)
    assert levels[-1] == 0
    assert all(b in (255, max(0, a - 4)) for a, b in itertools.pairwise(levels))


def test_a_window_is_heard_and_then_the_board_sleeps(flash: Path) -> None:
    install(flash, "deep_sleep.py")
    ran = Ran(flash)
    assert ran.of("pin", "deepsleep") == [["pin", 15, 1], ["pin", 15, 0], ["deepsleep", 55000]]
    # Of the five seconds, not of the rest.
    assert ran.edges() == EDGES[:3]


def test_events_go_to_the_broker_also_after_a_lost_connection(flash: Path) -> None:
    install(flash, "mqtt.py")
    ran = Ran(flash)
    sent = [call[2] for call in ran.of("publish")]
    expected = [edge for i, edge in enumerate(EDGES) if i != 1]
    assert [(m["label"], m["edge"]) for m in sent] == expected
    assert {call[1] for call in ran.of("publish")} == {"soundsdk/kitchen/event"}
    first = next(m for m in ran.messages if m["type"] == "event")
    assert (sent[0]["time_s"], sent[0]["score"]) == (first["t"] / 16000, first["score"])
    assert len(ran.of("broker")) == 2


def test_without_a_program_the_detector_runs_and_a_rule_acts(flash: Path) -> None:
    settings = json.loads((flash / "settings.json").read_text())
    settings["actions"] = {"high": "pin:5,low+tone:6,440hz"}
    settings["led"] = {"kind": "ws2812", "pin": 38}
    (flash / "settings.json").write_text(json.dumps(settings))
    ran = Ran(flash)
    assert ran.edges() == EDGES
    high = sum(label == "high" for _, _, label in BURSTS)
    assert ran.of("freq") == [["freq", 6, 440]] * high
    levels = [call[2] for call in ran.of("pin") if call[1] == 5]
    assert [a for a, b in zip(levels, [*levels[1:], None], strict=True) if a != b] == [1, *[0, 1] * high]
    assert {tuple(call[2]) for call in ran.of("pixel")} == {(0, 0, 0), (24, 0, 0)}


@pytest.mark.parametrize(
    ("program", "code", "word"),
    [
        ("import soundfw\n\nfor event in soundfw.Detector():\n    1 / 0\n", "main.failed", "division by zero (line 4)"),
        ("def broken(:\n", "main.failed", "SyntaxError"),
        ("import no_such_module\n", "main.failed", "no_such_module"),
        ("import os\nos.remove('detector.tflite')\nimport soundfw\nsoundfw.Detector()\n", "store.missing", ""),
    ],
)
def test_a_program_that_fails_leads_to_safe_mode_with_its_reason(
    flash: Path, program: str, code: str, word: str
) -> None:
    (flash / "main.py").write_text(program)
    ran = Ran(flash, after=b'"re":"start"')
    reason = [m for m in ran.messages if m.get("re") == "start"][-1]
    assert (reason["ok"], reason["error"]) == (False, code)
    assert word in reason["detail"]
    assert ran.of("reset") == [["reset"]]


def test_read_comes_back_with_every_block_and_the_detector_can_be_used_again() -> None:
    board = ActingBoard(seconds=5, hook=False)
    detector = Detector(app=board.app)
    assert (detector.labels, detector.rate_hz, len(detector.scores)) == (["a", "b"], 16000, 2)
    seen = [detector.read() for _ in range(40)]
    assert seen == [None] * 40
    assert board.app.pipeline.mic.captured == 40 * 512
    events = list(detector)
    assert [(e.label, e.edge) for e in events] == [("a", "on"), ("a", "off")]
    assert detector.ended
    assert detector.read() is None


def test_a_detector_that_cannot_start_says_why() -> None:
    board = ActingBoard()
    board.app.error = ("mic.kind", "no microphone")
    with pytest.raises(FirmwareError, match="no microphone"):
        Detector(app=board.app)


def test_a_window_ends_after_its_seconds() -> None:
    board = ActingBoard(seconds=10, hook=False)
    assert [e.edge for e in Detector(seconds=2, app=board.app)] == ["on"]
    assert len(board.stream.heard) < 2.2 * 16000


@pytest.mark.parametrize(
    "loop",
    [
        "while not d.ended: d.read()",
        "while not d.app.request: d.app.step()",  # it returns without having seen the end
        "import sys\nwhile not d.ended: d.read()\nsys.exit(1)",
        "while not d.app.request: d.app.step()\nd.close()",
    ],
    ids=["read", "return", "exit", "close"],
)
def test_a_program_with_read_is_restarted_at_the_hosts_wish(flash: Path, loop: str) -> None:
    (flash / "main.py").write_text("from soundfw import Detector\nd = Detector()\n" + loop + "\n")
    ran = Ran(flash, after=b'"hello"')
    assert [m["ok"] for m in ran.messages if m.get("re") == "reboot"] == [True]
    assert ran.of("reset") == [["reset"]]


def test_a_program_that_ends_with_asyncios_cancelled_error_leads_to_safe_mode(flash: Path) -> None:
    (flash / "main.py").write_text("import asyncio\nraise asyncio.CancelledError('x')\n")
    ran = Ran(flash, after=b'"re":"start"')
    assert [m["error"] for m in ran.messages if m.get("re") == "start"] == ["main.failed"]
