"""What tests of the emulated RP2040 need, and the image they run: skipped aloud where a tool is missing."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from images import image_of
from soundsdk.cache import cache_dir
from soundsdk.errors import DeviceError
from soundsdk_sim.rp2040 import tools


def need_emulator() -> None:
    """Skips unless Node, rp2040js and the boot ROM are there or can be made."""
    try:
        tools.node()
        tools.node_modules()
        tools.bootrom()
    except DeviceError as error:
        pytest.skip(f"{error.message} {error.hint}")


@cache
def micropython_uf2(model: str = "home") -> Path:
    """The image of rpi_pico with that detector: SOUNDSDK_PICO_UF2, or what soundsdk build makes in its cache."""
    if named := os.environ.get("SOUNDSDK_PICO_UF2"):
        return Path(named)
    return image_of("rpi_pico", cache_dir() / "tests", model)
