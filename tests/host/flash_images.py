"""Images that virtual boards start, made without a compiler: a region with a real detector, and no code."""

from __future__ import annotations

from pathlib import Path

from soundsdk.boards import find_board
from soundsdk.build import region, uf2
from soundsdk.resources import models_dir
from virtual_boards.esp32 import image as esp_image
from virtual_boards.esp32.chips import CHIPS as ESP_CHIPS
from virtual_boards.pico import boot_rom

REGION_BYTES = 192 * 1024
HOME = (models_dir() / "home.tflite").read_bytes()


def contents(board: str, build: str, detector: bytes = HOME, model: str = "home") -> bytes:
    """Return a region with a detector, whose unused rest is left out."""
    return region.fill(bytes(32) + region.empty(board, f"0.1.0+{build}", REGION_BYTES), model, detector)


def pico(folder: Path, build: str = "a1", board: str = "rpi_pico", detector: bytes = HOME, model: str = "home") -> Path:
    """Write a UF2 file for a Pico or Pico 2."""
    facts = find_board(board).uf2
    assert facts is not None
    chip = boot_rom.CHIPS[facts.family]
    data = boot_rom.make_image(chip, contents(board, build, detector, model))
    path = folder / f"{board}-{build}.uf2"
    path.write_bytes(uf2.pack(data, facts.address, facts.family))
    return path


def esp32(folder: Path, build: str = "a1", board: str = "esp32c3_devkit", detector: bytes = HOME) -> Path:
    """Write a merged .bin for an ESP32."""
    facts = find_board(board).esptool
    assert facts is not None
    path = folder / f"{board}-{build}.bin"
    held = contents(board, build, detector).ljust(REGION_BYTES + 32, b"\xff")
    path.write_bytes(esp_image.make_flash_image(ESP_CHIPS[facts.chip], held))
    return path
