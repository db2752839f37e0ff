"""The board file that install takes for what a board says of itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from soundsdk.errors import ProtocolError, UsageError
from soundsdk.stock import board_facts, mpremote_run
from soundsdk.stock.board_facts import BoardFacts
from soundsdk.stock.guess import guess_board

PICO = BoardFacts(
    "micropython", (1, 25, 0), 4870, "Raspberry Pi Pico with RP2040", "rp2", 240000, 220000, 0, 4096, 352, 350, True
)


def test_an_image_made_for_a_board_names_it() -> None:
    assert guess_board(PICO, "2e8a:0005").id == "rpi_pico"
    assert guess_board(dataclasses.replace(PICO, machine="Raspberry Pi Pico W with RP2040"), "").id == "rpi_pico_w"


def test_a_generic_image_leaves_several_which_are_listed() -> None:
    machine = "Generic ESP32S3 module with ESP32S3"
    generic = dataclasses.replace(PICO, machine=machine, platform="esp32", psram=8 << 20)
    with pytest.raises(UsageError, match="Generic ESP32S3 module with ESP32S3") as error:
        guess_board(generic, "")
    assert "esp32s3_eye, lilygo_t_camera_s3" in error.value.hint


def test_a_board_that_nobody_knows() -> None:
    odd = dataclasses.replace(PICO, machine="A toaster with STM32F4", platform="pyboard")
    with pytest.raises(UsageError, match="A toaster with STM32F4"):
        guess_board(odd, "f055:9800")


@pytest.mark.parametrize(
    "odd", [{"free": float("inf")}, {"free": "x"}, {"version": 7}, {"version": ["x"]}, {"there": 5}]
)
def test_an_answer_that_is_not_micropythons_is_an_error_of_the_protocol(
    odd: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {
        "name": "micropython", "version": [1, 25, 0], "mpy": 4870, "machine": "M", "platform": "rp2", "free": 1,
        "largest": 1, "psram": 0, "block": 4096, "blocks": 352, "free_blocks": 350, "hashes": True, "image": False,
    }  # fmt: skip
    assert board_facts.from_told([told]).version_text == "1.25.0"
    monkeypatch.setattr(mpremote_run, "run", lambda *words: [told, odd])
    with pytest.raises(ProtocolError, match="not as MicroPython does"):
        board_facts.ask("/dev/ttyACM0", [], 1.0)
