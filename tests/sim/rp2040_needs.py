"""What tests of the emulated RP2040 need, and the image they run: skipped aloud where it is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from soundsdk.errors import DeviceError
from soundsdk_sim.rp2040 import tools

CHECKOUT = Path(__file__).resolve().parents[2]


def need_emulator() -> None:
    """Skips unless Node, rp2040js and the boot ROM are there or can be made."""
    try:
        tools.node()
        tools.node_modules()
        tools.bootrom()
    except DeviceError as error:
        pytest.skip(f"{error.message} {error.hint}")


def micropython_uf2() -> Path:
    """The image of rpi_pico: SOUNDSDK_PICO_UF2, or what was built in the checkout's cache."""
    if named := os.environ.get("SOUNDSDK_PICO_UF2"):
        return Path(named)
    built = [p for p in (CHECKOUT / ".cache").glob("**/rpi_pico/firmware.uf2") if p.is_file()]
    if not built:
        pytest.skip("no image for rpi_pico: build one with soundsdk build rpi_pico, or set SOUNDSDK_PICO_UF2")
    return max(built, key=lambda path: path.stat().st_mtime)
