"""The board file that install takes for what a board says of itself."""

from __future__ import annotations

import dataclasses

import pytest

from soundsdk.errors import UsageError
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
