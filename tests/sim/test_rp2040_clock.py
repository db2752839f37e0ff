"""The Pico at another clock than 125 MHz: the detector keeps step; a clock that cannot be is safe mode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pico_sounds import RATE, TAIL_S, alarm, direct_events, events, messages, microphone, request, send
from target_needs import micropython_uf2

from soundsdk_sim.rp2040 import Rp2040


def with_settings(folder: Path, **values: Any) -> Rp2040:
    """Switch on a board with that settings.json."""
    uf2, flash = micropython_uf2(), folder / "flash.bin"
    with Rp2040(uf2, microphone()) as writer:
        writer.boot()
        writer.repl().exec(f"with open('settings.json', 'w') as f: f.write({json.dumps(values)!r})")
        writer.save_flash(flash)
    return Rp2040(uf2, microphone(), flash=flash)


@pytest.mark.parametrize("mhz", [48, 200])
def test_the_detector_keeps_step_and_loses_nothing(mhz: int, tmp_path: Path) -> None:
    pcm = alarm()
    with with_settings(tmp_path, clock_mhz=mhz) as board:
        board.feed(pcm)
        board.boot()
        send(board, "hello")
        heard = messages(board.lines(1000 * (len(pcm) / RATE + TAIL_S) * max(1.0, mhz / 125)))
        status = request(board, "status")[-1]
        assert board.clock_hz == mhz * 1_000_000
    assert heard[0]["type"] == "hello"
    assert events(heard) == direct_events(pcm) != []
    assert (status["type"], status["lost"], status["dropped"]) == ("status", 0, 0)
    assert status["captured"] > len(pcm)


@pytest.mark.parametrize("mhz", [47, 201])
def test_a_clock_that_cannot_be_is_refused_and_the_board_answers(mhz: int, tmp_path: Path) -> None:
    with with_settings(tmp_path, clock_mhz=mhz) as board:
        board.boot()
        hello = request(board, "hello")[-1]
        assert (hello["type"], hello["model"]) == ("hello", "")
        refused = request(board, "status")[-1]
        assert (refused["ok"], refused["error"]) == (False, "settings.clock")
        assert f"cannot run at {mhz} MHz" in refused["detail"]
        assert board.clock_hz == 125_000_000
