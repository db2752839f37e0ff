"""Stock MicroPython for the Raspberry Pi Pico: the port's own board and modules, without anything of soundsdk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from soundsdk.boards import find_board
from soundsdk.build import make, sources, toolchain, uf2
from soundsdk.cache import cache_dir, locked
from soundsdk.errors import ToolError
from stock_micropython import mpy_cross

# Debian's sources lack mbedtls, so the image is without TLS; the modules of micropython-lib are not there either.
_CONFIG = """\
#include "boards/RPI_PICO/mpconfigboard.h"
#define MICROPY_SSL_MBEDTLS (0)
#define MICROPY_PY_SSL (0)
#define MICROPY_PY_CRYPTOLIB (0)
#define MICROPY_PY_HASHLIB_SHA1 (0)
"""
_CMAKE = 'include("${MICROPY_PORT_DIR}/boards/RPI_PICO/mpconfigboard.cmake")\nset(MICROPY_SSL_MBEDTLS OFF)\n'
_MANIFEST = 'freeze("$(PORT_DIR)/modules")\ninclude("$(MPY_DIR)/extmod/asyncio")\n'


def stock_pico() -> Path:
    """Return the image of MicroPython's board RPI_PICO as a UF2 file; skip the test where a compiler is missing."""
    board = find_board("rpi_pico")
    assert board.uf2 is not None
    try:
        toolchain.check(board)
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")
    mpy_cross()
    source = sources.fetch(None, print)
    folder = cache_dir() / "tests" / f"stock-rpi_pico-{source.key}"
    image = folder / "stock.uf2"
    with locked(folder, print):
        if not image.is_file():
            _compile(source, folder)
            image.write_bytes(uf2.pack((folder / "firmware.bin").read_bytes(), board.uf2.address, board.uf2.family))
    return image


def _compile(source: sources.Sources, folder: Path) -> None:
    place = folder / "board"
    place.mkdir(parents=True, exist_ok=True)
    port = source.micropython / "ports" / "rp2"
    for name, text in (("mpconfigboard.h", _CONFIG), ("mpconfigboard.cmake", _CMAKE), ("manifest.py", _MANIFEST)):
        (place / name).write_text(text)
    (place / "pins.csv").write_bytes((port / "boards" / "RPI_PICO" / "pins.csv").read_bytes())
    runner = make.LoggedRunner("stock rpi_pico", folder.with_suffix(".log"), make.environment(source, folder))
    runner.run(
        ["cmake", "-S", str(port), "-B", str(folder), "-Wno-dev", "-DPICO_BUILD_DOCS=0", "-DPICO_NO_PICOTOOL=1",
         f"-DPICO_SDK_PATH_OVERRIDE={source.pico_sdk}", "-DMICROPY_BOARD=RPI_PICO", f"-DMICROPY_BOARD_DIR={place}",
         f"-DMICROPY_FROZEN_MANIFEST={place / 'manifest.py'}"],
        "configuring",
    )  # fmt: skip
    runner.run(["make", f"-j{os.cpu_count() or 1}", "-C", str(folder)], "compiling")
