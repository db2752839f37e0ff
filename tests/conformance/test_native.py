"""The conformance program prints CPython's lines on stock MicroPython with soundcore.mpy, and on emulated chips."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import program
import pytest

from benchmarks.bench_native import BOARDS, MOST, step_instructions
from images import image_of
from memory_files import machine_with_files
from soundsdk.boards import Board, find_board
from soundsdk.build.native import NativeModule, native_module
from soundsdk.build.native_archs import arch_for
from soundsdk.errors import ToolError
from soundsdk.models.shipped import load_model
from soundsdk_sim.targets.qemu_machine import find_emulator
from stock_micropython import cortex_m3, mpy_cross, stock_cortex_m3, stock_unix, stock_xtensa, xtensa

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"
PIECE_S = 300  # for one statement on an emulated board
HOPS = 100  # in the loop with a locked heap: that of the built-in one is longer, and the code is the same
# A heap that is collected only when it is full has what lasts, a module or soundfw, in the middle of what is free.
COLLECT_OFTEN = "import gc; gc.threshold(16384)"
SOUNDFW = "import soundfw.main, soundfw.wire.framing, soundfw.wire.link"
ELSEWHERE = Path("/memory/home.tflite")


@pytest.fixture(scope="module")
def expected() -> list[str]:
    return program.run_here(list(program.pieces(load_model("home").path, HOPS)))


def module_for(arch: str) -> NativeModule:
    try:
        return native_module(arch, print)
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")


def compiled_soundfw(folder: Path) -> dict[str, bytes]:
    """Return soundfw as .mpy files, by path: what a stock board gets."""
    files = {}
    for source in sorted((FIRMWARE / "soundfw").rglob("*.py")):
        name = source.relative_to(FIRMWARE).with_suffix(".mpy").as_posix()
        made = folder / "module.mpy"
        subprocess.run([mpy_cross(), "-s", name, "-o", made, source], check=True, timeout=60)
        files[name] = made.read_bytes()
    return files


def test_stock_unix_prints_the_same_lines(expected: list[str], tmp_path: Path) -> None:
    if platform.machine() != "x86_64":
        pytest.skip("this computer is no x64")
    (tmp_path / "soundcore.mpy").write_bytes(module_for("x64").data)
    script = tmp_path / "program.py"
    script.write_text("\n".join(program.pieces(load_model("home").path, HOPS)), encoding="utf-8")
    words = [stock_unix(), script]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=PIECE_S, check=False, cwd=tmp_path,
        env={"MICROPYPATH": f"{tmp_path}:{FIRMWARE}"},
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines() == expected


@pytest.mark.parametrize("chip", ["armv6m", "armv7m", "rv32imc", "xtensawin"])
def test_emulated_chip_prints_the_same_lines(chip: str, expected: list[str], tmp_path: Path) -> None:
    """The images of qemu_arm and qemu_rv32 hold a soundcore of their own, which the module replaces; others none."""
    board: Board = {
        "armv6m": find_board("qemu_arm"), "armv7m": cortex_m3(), "rv32imc": find_board("qemu_rv32"),
        "xtensawin": xtensa(),
    }[chip]  # fmt: skip
    try:
        find_emulator(board)
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")
    files = {"native/soundcore.mpy": module_for(chip).data, ELSEWHERE.name: load_model("home").data}
    stock = {"armv7m": stock_cortex_m3, "xtensawin": stock_xtensa}.get(chip)
    image = stock() if stock else image_of(board.id, tmp_path)
    if stock:
        files |= compiled_soundfw(tmp_path)
    printed = ""
    with machine_with_files(board, image, files) as machine:
        assert arch_for(int(machine.exec("print(sys.implementation._mpy)"))).name == chip
        machine.exec(COLLECT_OFTEN)
        machine.exec("from native import soundcore; sys.modules['soundcore'] = soundcore")
        if stock:
            machine.exec(SOUNDFW)
        for piece in program.pieces(ELSEWHERE, HOPS):
            printed += machine.exec(piece, PIECE_S)
        assert machine.exec("print(soundcore.__file__)") == "/memory/native/soundcore.mpy\n"
    assert printed.splitlines() == expected


@pytest.mark.parametrize("board", BOARDS)
def test_a_step_costs_no_more_than_three_percent_over_the_built_in_one(board: str) -> None:
    qemu = find_board(board).qemu
    assert qemu is not None
    if shutil.which(qemu.program) is None:
        pytest.skip(f"{qemu.program} is not installed")
    module_for(find_board(board).arch)
    built_in, native = step_instructions(board)
    assert 500_000 < built_in < 10_000_000
    assert native <= MOST * built_in, (built_in, native)
