"""Guesses of the board from what it says, by the strings of MicroPython's mpconfigboard.h files."""

from __future__ import annotations

import re

import pytest

from soundsdk.boards import all_boards, guess_board
from soundsdk.boards.chips import CHIPS, chip_named
from soundsdk.resources import firmware_dir

BOARDS = all_boards()
GENERIC_S3 = "Generic ESP32S3 module with ESP32S3"
OCTAL_S3 = "Generic ESP32S3 module with Octal-SPIRAM with ESP32S3"


def ids(*args: object, **more: object) -> list[str]:
    return [board.id for board in guess_board(BOARDS, *args, **more).boards]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("machine", "board"),
    [
        ("Raspberry Pi Pico with RP2040", "rpi_pico"),
        ("Raspberry Pi Pico W with RP2040", "rpi_pico_w"),
        ("Raspberry Pi Pico2 with RP2350", "rpi_pico2"),
        ("Raspberry Pi Pico2 with RP2350-RISCV", "rpi_pico2"),
        ("Raspberry Pi Pico 2 W with RP2350", "rpi_pico2_w"),
        ("Adafruit Feather RP2040 with RP2040", "adafruit_feather_rp2040"),
        ("Adafruit QT Py RP2040 with RP2040", "adafruit_qtpy_rp2040"),
        ("Seeed XIAO RP2040 with RP2040", "seeed_xiao_rp2040"),
        ("Seeed XIAO RP2350 with RP2350", "seeed_xiao_rp2350"),
        ("Seeed XIAO ESP32C3 with ESP32-C3FN4", "seeed_xiao_esp32c3"),
        ("Seeed XIAO ESP32S3 with ESP32-S3-FN8", "seeed_xiao_esp32s3_sense"),
        ("Arduino Nano RP2040 Connect with RP2040", "arduino_nano_rp2040_connect"),
        ("Arduino Nano ESP32 with ESP32S3", "arduino_nano_esp32"),
        ("M5Stack ATOM with ESP32-PICO-D4", "m5stack_atom_echo"),
        ("M5Stack AtomS3 Lite with ESP32S3", "m5stack_atoms3_lite"),
        ("LOLIN_S2_MINI with ESP32-S2FN4R2", "lolin_s2_mini"),
        ("Adafruit PyGamer with samd51j19", "adafruit_pygamer"),
        ("Adafruit Circuit Playground Bluefruit with nRF52840", "adafruit_circuit_playground_bluefruit"),
    ],
)
def test_an_image_for_one_board_names_it(machine: str, board: str) -> None:
    guess = guess_board(BOARDS, machine)
    assert guess.board is not None
    assert guess.board.id == board
    assert guess.chip in (guess.board.chip, "ESP32-PICO-D4")


def test_an_image_of_soundsdk_names_its_board() -> None:
    for board in BOARDS:
        if board.has_image:
            text = (firmware_dir() / "ports" / board.id / "mpconfigboard.h").read_text(encoding="utf-8")
            found = re.search(r'MICROPY_HW_BOARD_NAME\s+"([^"]+)"', text)
            assert found is not None
            guess = guess_board(BOARDS, f"{found[1]} with {board.chip.replace('-', '')}", usb="2e8a:0005")
            assert guess.board == board
            assert guess.chip == board.chip


def test_a_generic_image_leaves_the_boards_that_it_is_for() -> None:
    assert ids("Generic ESP32 module with ESP32") == ["esp32_devkit", "m5stickc_plus", "m5stack_atom_echo"]
    assert ids("ESP32C3 module with ESP32C3") == ["esp32c3_devkit", "seeed_xiao_esp32c3"]
    assert guess_board(BOARDS, GENERIC_S3).board is None
    assert guess_board(BOARDS, GENERIC_S3).chip == "ESP32-S3"
    assert ids(GENERIC_S3)[:2] == ["esp32s3_devkit", "lolin_s3_mini"], "those whose first image this is come first"
    assert set(ids(OCTAL_S3)) == {
        "esp32s3_devkit", "esp32s3_eye", "lilygo_t_camera_s3", "lilygo_t_display_s3", "seeed_xiao_esp32s3_sense",
    }  # fmt: skip


def test_what_else_is_known_leaves_fewer() -> None:
    assert ids(GENERIC_S3, psram_bytes=0) == ["esp32s3_devkit"]
    assert ids(GENERIC_S3, flash_bytes=4 << 20) == ["lolin_s3_mini"]
    assert ids(GENERIC_S3, usb="303A:8168") == ["lolin_s3_mini"]
    assert ids(OCTAL_S3, psram_bytes=8 << 20, flash_bytes=16 << 20) == ["lilygo_t_camera_s3", "lilygo_t_display_s3"]


def test_what_no_board_agrees_with_changes_nothing() -> None:
    assert ids(GENERIC_S3, usb="1234:5678") == ids(GENERIC_S3)
    assert ids(GENERIC_S3, flash_bytes=123) == ids(GENERIC_S3)
    assert ids("Raspberry Pi Pico with RP2040", usb="239a:80f2", psram_bytes=8 << 20) == ["rpi_pico"]


def test_an_unknown_machine_gives_the_chip_alone() -> None:
    for machine, chip in (
        ("TinyPICO with ESP32-PICO-D4", "ESP32-PICO-D4"),
        ("Pimoroni Tiny 2040 with RP2040", "RP2040"),
        ("SparkFun Pro Micro RP2350 with RP2350", "RP2350"),
        ("FeatherS2 with ESP32-S2", "ESP32-S2"),
        ("ProS3 with ESP32-S3", "ESP32-S3"),
        ("M5Stack NanoC6 with ESP32C6", ""),
        ("linux [GCC 12.2.0] version", ""),
    ):
        guess = guess_board(BOARDS, machine, usb="2e8a:0005")
        assert guess.boards == ()
        assert guess.chip == chip


def test_usb_ids_alone_name_the_boards_that_have_them() -> None:
    assert ids(usb="239a:80f2") == ["adafruit_feather_rp2040"]
    assert ids(usb="2341:056b") == ["arduino_nano_esp32"]
    pico = guess_board(BOARDS, usb="2e8a:0005")
    assert pico.board is None
    assert {"rpi_pico", "rpi_pico_w", "rpi_pico2", "seeed_xiao_rp2040"} <= {board.id for board in pico.boards}
    assert pico.chip == "", "an RP2040 and an RP2350 have the same"
    assert guess_board(BOARDS, usb="2e8a:000f").chip == "RP2350"


def test_nothing_said_is_no_board() -> None:
    guess = guess_board(BOARDS)
    assert guess.boards == ()
    assert guess.board is None
    assert guess.chip == ""


def test_every_name_in_the_files_leads_back_to_its_board() -> None:
    for board in BOARDS:
        for machine in board.stock.machine if board.stock else ():
            found = guess_board(BOARDS, machine)
            assert board in found.boards, machine
            assert board.chip.startswith(found.chip)
            assert CHIPS[found.chip].native == CHIPS[board.chip].native


@pytest.mark.parametrize(
    ("text", "chip"),
    [
        ("ESP32", "ESP32"), ("ESP32-D2WD", "ESP32"), ("ESP32-UNICORE", "ESP32"), ("ESP32-PICO-D4", "ESP32-PICO-D4"),
        ("ESP32S3", "ESP32-S3"), ("ESP32-S3-PICO-1-N8R2", "ESP32-S3"), ("ESP32-S2FN4R2", "ESP32-S2"),
        ("ESP32-C3FH4", "ESP32-C3"), ("ESP32C6", ""), ("ESP32-P4", ""), ("RP2350-RISCV", "RP2350"), ("STM32F405RG", ""),
        ("samd51j19", "SAMD51"), ("nRF52840", "nRF52840"), ("", ""),
    ],
)  # fmt: skip
def test_chips_as_images_name_them(text: str, chip: str) -> None:
    assert chip_named(text) == chip
