"""Stock MicroPython for tests: images of MicroPython's own ports, without anything of soundsdk, kept in its cache."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import sys
from pathlib import Path

import pytest

from soundsdk.boards import Board, find_board
from soundsdk.build import make, sources, toolchain
from soundsdk.build.native_archs import find_arch
from soundsdk.cache import cache_dir, files_sha256, locked
from soundsdk.errors import ToolError
from soundsdk.resources import firmware_dir

# Without the parts of the unix port that Debian's sources or a computer may lack; with room on the emulated chip for
# soundfw, which no stock image holds.
_UNIX = ("VARIANT=standard", "MICROPY_PY_BTREE=0", "MICROPY_PY_SSL=0", "MICROPY_PY_FFI=0", "FROZEN_MANIFEST=")
_XTENSA = Path(__file__).resolve().parent / "conformance" / "xtensa"
# With the tables of the garbage collector, which take a 42nd.
_AREAS = (55552, 55552, 4288)  # bytes of heap: pieces of 53 KB, and 110 KB in all
_M3 = ("BOARD=MPS2_AN385", "MICROPY_HEAP_SIZE=524288", "FROZEN_MANIFEST=")


def cortex_m3() -> Board:
    """Return MicroPython's board MPS2_AN385, a Cortex-M3 in QEMU, as a board of soundsdk."""
    board = find_board("qemu_arm")
    assert board.qemu is not None
    # The 16 MB of PSRAM at this address are the machine's ("Arm MPS2 boards" in QEMU's documentation).
    qemu = dataclasses.replace(
        board.qemu, args=("-machine", "mps2-an385", "-semihosting"), data_at=0x21000000, data_bytes=1 << 24
    )
    return dataclasses.replace(board, id="mps2_an385", name="Cortex-M3 in QEMU", arch="armv7m", qemu=qemu)


def xtensa() -> Board:
    """Return QEMU's machine `sim`, with a processor of the ESP32's family, as a board of soundsdk."""
    board = find_board("qemu_arm")
    assert board.qemu is not None
    # The port reads QEMU's own input. With a serial port in between, one of two runs hung on a busy computer: QEMU 7.2
    # seems to lose a byte where one of its threads fills the port's buffer and another empties it.
    args = ("-machine", "sim", "-cpu", "dc233c", "-semihosting", "-serial", "none")
    qemu = dataclasses.replace(
        board.qemu, program="qemu-system-xtensa", args=args, data_at=0x02000000, data_bytes=96 << 20
    )
    return dataclasses.replace(board, id="xtensa_sim", name="Xtensa in QEMU", arch="xtensawin", qemu=qemu)


def stock_unix() -> Path:
    """Return MicroPython's unix program, variant `standard`; skip the test where a compiler is missing."""
    return _built(find_board("unix"), "unix", _UNIX, "micropython")


def stock_cortex_m3() -> Path:
    """Return the image of MPS2_AN385; skip the test where a compiler is missing."""
    return _built(cortex_m3(), "qemu", _M3, "firmware.elf")


def stock_xtensa() -> Path:
    """Return MicroPython for `xtensa`, by the port in tests/conformance/xtensa: its own ports need an ESP-IDF.

    Skip the test where the compiler is missing.
    """
    arch, natmod = find_arch("xtensawin"), firmware_dir() / "natmod"
    try:
        toolchain.check_native([arch])
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")
    source = sources.fetch(None, print)
    made_from = f"{source.key} {files_sha256([natmod, _XTENSA])} {toolchain.native_version(arch)}"
    folder = cache_dir() / "tests" / f"stock-xtensa-{hashlib.sha256(made_from.encode()).hexdigest()[:16]}"
    made = folder / "firmware.elf"
    with locked(folder, print):
        if not made.is_file():
            settings = (
                f"MPY_DIR={source.micropython}",
                f"NATMOD={natmod}",
                f"BUILD={folder}",
                f"PYTHON={sys.executable}",
            )
            _make("stock-xtensa", source, _XTENSA, settings)
    return made


def esp32_like_cortex_m3() -> Path:
    """Return an image of MPS2_AN385 with the heap of a plain ESP32 (esp32_memory); skip where a compiler is missing."""
    own = Path(__file__).with_name("esp32_memory")
    settings = (
        "BOARD=MPS2_AN385", f"MICROPY_HEAP_SIZE={_AREAS[0]}",
        f"FROZEN_MANIFEST={own / 'manifest.py'}",
        f"CFLAGS_EXTRA=-DMICROPY_GC_SPLIT_HEAP=1 -DSECOND_AREA_BYTES={_AREAS[1]} "
        f"-DTHIRD_AREA_BYTES={_AREAS[2]} -include {own / 'areas.h'}",
    )  # fmt: skip
    return _built(cortex_m3(), "qemu", settings, "firmware.elf", f"esp32-{sum(_AREAS)}-{files_sha256([own])[:8]}")


def mpy_cross() -> Path:
    """Return MicroPython's compiler of .mpy files, which builds of images make as well."""
    source = sources.fetch(None, print)
    folder = source.micropython / "mpy-cross"
    with locked(source.micropython.parent, print):  # as those builds do: the folder is shared
        _make("mpy-cross", source, folder, ())
    return folder / "build" / "mpy-cross"


def _built(board: Board, port: str, settings: tuple[str, ...], name: str, variant: str = "stock") -> Path:
    try:
        toolchain.check(board)
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")
    mpy_cross()
    source = sources.fetch(None, print)
    folder = cache_dir() / "tests" / f"{variant}-{board.id}-{source.key}"
    made = folder / name
    with locked(folder, print):
        if not made.is_file():
            _make(f"{variant}-{board.id}", source, source.micropython / "ports" / port, (f"BUILD={folder}", *settings))
    return made


def _make(name: str, source: sources.Sources, place: Path, settings: tuple[str, ...]) -> None:
    log = cache_dir() / "tests" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    runner = make.LoggedRunner(name, log, make.environment(source, log.parent))
    runner.run(["make", f"-j{os.cpu_count() or 1}", "-C", str(place), *settings], "compiling")
