"""The application on an ESP32's microphone: it reports what the same sound gives elsewhere, also after a loss."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from fake_i2s import Driver, plugged_in

from sim.tiny_model import build, metadata, tones
from soundfw.main import App
from soundfw.mic import microphone
from soundfw.settings import Settings
from soundsdk.boards import find_board
from soundsdk.device import protocol
from soundsdk_sim.board import run_recording

RATE = 16000
MODEL = build(metadata())
QUIET_S = 2.0  # then two tones
SOUND = np.round(32768 * tones(6, [(QUIET_S + 0.5, QUIET_S + 1.2, "high"), (QUIET_S + 1.6, QUIET_S + 2.4, "low")]))
PCM = SOUND.astype(np.int16)
MIC = {"kind": "i2s", "id": 0, "sck": 14, "ws": 15, "sd": 32}


class Esp32:
    """The application of a board whose microphone is a fake I2S driver."""

    def __init__(self, mic: dict[str, Any]) -> None:
        self.out = bytearray()
        settings = Settings({"board": "esp32_devkit", "status_s": 1})
        self.app = App(settings, lambda rate_hz: microphone.open_source(mic, rate_hz), self._write, None, MODEL)
        self.app.start()

    def _write(self, data: bytes) -> int:
        self.out += data
        return len(data)

    def hear(self, seconds: float) -> None:
        """Run the loop for so many seconds of the driver's time."""
        until = Driver.made[0].us + 1e6 * seconds
        while Driver.made and Driver.made[0].us < until:
            self.app.turn()

    def messages(self, kind: str) -> list[dict[str, Any]]:
        return [m for m in protocol.Reader().feed(bytes(self.out)) if m["type"] == kind]


def events(found: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [(m["label"], m["edge"], m["t"]) for m in found]


@contextmanager
def esp32(monkeypatch: pytest.MonkeyPatch, **mic: Any) -> Iterator[Esp32]:
    with plugged_in(monkeypatch, PCM.tolist()):
        yield Esp32(MIC | mic)


@pytest.fixture(scope="module")
def direct() -> list[tuple[str, str, int]]:
    """Return the events of the same sound played directly."""
    silence = np.zeros(RATE, np.int16)
    found = protocol.Reader().feed(b"".join(b"\n" + line + b"\n" for line in run_recording(
        MODEL, np.concatenate([PCM, silence]), RATE).lines))  # fmt: skip
    heard = events([m for m in found if m["type"] == "event"])
    assert [label for label, _, _ in heard] == ["high", "high", "low", "low"]
    return heard


@pytest.mark.parametrize("mic", [{}, {"bits": 16}, {"channel": "right"}, find_board("esp32s3_devkit").mic])
def test_it_hears_what_the_same_sound_gives_played_directly(
    mic: Any, direct: list[tuple[str, str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with esp32(monkeypatch, **(mic if isinstance(mic, dict) else mic.settings())) as board:
        board.hear(7)
        assert events(board.messages("event")) == direct
        assert board.messages("status")[-1]["lost"] == 0
        board.app.close()
        assert Driver.made == []


@pytest.mark.parametrize("stall_s", [0.2, 0.4, 1.5])
def test_after_a_stall_the_loss_is_counted_and_times_are_true(
    stall_s: float, direct: list[tuple[str, str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with esp32(monkeypatch) as board:
        driver = Driver.made[0]
        board.hear(0.3)
        driver.passes(1e6 * stall_s)  # in the quiet before the tones; the driver says nothing
        board.hear(7 - stall_s)
        lost = max(0, round(RATE * stall_s) - driver.room)
        assert board.messages("status")[-1]["lost"] == pytest.approx(lost, abs=2 * driver.unit)
        heard = events(board.messages("event"))
        assert [e[:2] for e in heard] == [e[:2] for e in direct]
        # A step may begin elsewhere after a loss.
        assert [t for _, _, t in heard] == pytest.approx([t for _, _, t in direct], abs=2048 + 2 * driver.unit)


def test_an_error_of_the_driver_is_said_and_the_board_still_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with esp32(monkeypatch) as board:
        Driver.made[0].fails_at = 40
        board.hear(3)
        assert Driver.made == []  # its hardware is free
        board.app.turn()
        (said,) = board.messages("ack")
        assert (said["ok"], said["error"]) == (False, "run.failed")
        assert "ESP_ERR_INVALID_STATE" in said["detail"]
        board.app.send_hello()
        board.app.link.pump()
        assert board.messages("hello")[-1]["model"] == "tones"
