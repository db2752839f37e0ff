"""The cost of a step of soundcore as a native module against the one that is built into the image, in instructions.

    python tests/benchmarks/bench_native.py                  qemu_rv32 and qemu_arm, a step of home
    python tests/benchmarks/bench_native.py xtensa           as a module only: no image there has it built in
    python tests/benchmarks/bench_native.py --check          exit code 6 if a module costs more than 1.03 of it

Both run in the same image, one after the other, on the same sound. QEMU's -icount makes an instruction last 64 ns of
the machine's time, so its clocks count instructions, and two runs give the same figures.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from memory_files import machine_with_files
from soundsdk.boards import Board, find_board
from soundsdk.build.native import native_module
from soundsdk.errors import EXIT_CHECK, EXIT_OK
from soundsdk.models.shipped import load_model
from soundsdk_sim.profile.measured import HOPS, varied_sound
from soundsdk_sim.targets.images import cached_image
from stock_micropython import stock_xtensa, xtensa

BOARDS = ("qemu_rv32", "qemu_arm")
XTENSA = "xtensa"
MOST = 1.03
_ICOUNT_NS = 64
_WARM_UP = 4
_PIECE_S = 300
# board: (code that defines now() and past(begin, end), nanoseconds of a tick). The CLINT's mtime runs at 10 MHz on
# QEMU's virt machine, SysTick at 16 MHz on its microbit; both are read as memory. Xtensa's CCOUNT runs at 10 MHz there.
_CLOCKS = {
    "qemu_rv32": (
        "from machine import mem32\ndef now(): return mem32[0x0200BFF8]\n"
        "def past(begin, end): return (end - begin) & 0x3FFFFFFF", 100.0
    ),
    "xtensa_sim": ("from sim import cycles as now\ndef past(begin, end): return (end - begin) & 0x3FFFFFFF", 100.0),
    "qemu_arm": (
        "from machine import mem32\nmem32[0xE000E014] = 0xFFFFFF\nmem32[0xE000E018] = 0\nmem32[0xE000E010] = 5\n"
        "def now(): return mem32[0xE000E018]\ndef past(begin, end): return (begin - end) & 0xFFFFFF", 62.5,
    ),
}  # fmt: skip
_PROGRAM = """
import gc
from uctypes import bytearray_at
model = bytearray_at(*places["/model"])
sound = memoryview(bytearray_at(*places["/sound"]))
def steps(module, count):
    stream = module.Stream(model)
    bytes_a_step = 2 * stream.step_samples
    costs = []
    at = 0
    while len(costs) < count:
        piece = sound[at:at + bytes_a_step]
        begin = now()
        taken = stream.feed(piece)
        end = now()
        at += 2 * taken
        if stream.stepped:
            costs.append(past(begin, end))
    gc.collect()
    return costs
"""


def step_instructions(board_id: str) -> tuple[float, float]:
    """Return the instructions of a step: built into the board's image, and as a native module; medians of HOPS."""
    built_in, native = _medians(find_board(board_id), cached_image(board_id), ("built_in", "native"))
    return built_in, native


def built_in_step_instructions(board_id: str, detector: str) -> float:
    """Return the instructions of a step of a shipped detector, built into the board's image; the median of HOPS."""
    return _medians(find_board(board_id), cached_image(board_id), ("built_in",), detector)[0]


def xtensa_step_instructions() -> float:
    """Return the instructions of a step as a native module on QEMU's Xtensa; the median of HOPS."""
    return _medians(xtensa(), stock_xtensa(), ("native",))[0]


def _medians(board: Board, image: Path, modules: tuple[str, ...], name: str = "home") -> list[float]:
    detector = load_model(name)
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    count = _WARM_UP + HOPS
    sound = varied_sound((count + 2) * detector.step_samples, rate_hz).astype("<i2").tobytes()
    files = {"model": detector.data, "sound": sound}
    if "native" in modules:
        files["native/soundcore.mpy"] = native_module(board.arch, print).data
    clock, tick_ns = _CLOCKS[board.id]
    medians = []
    with machine_with_files(board, image, files, ("-icount", "shift=6")) as machine:
        if "native" in modules:
            machine.exec("from native import soundcore as native")  # first: it takes one large block
        machine.exec(_PROGRAM)
        machine.exec(clock)
        for module in modules:
            if module == "built_in":
                machine.exec("import soundcore as built_in")
            ticks = machine.exec(f"print(*steps({module}, {count}))", _PIECE_S).split()[_WARM_UP:]
            medians.append(statistics.median(int(text) * tick_ns / _ICOUNT_NS for text in ticks))
    return medians


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="The cost of a step as a native module, in instructions.")
    parser.add_argument("boards", nargs="*", metavar="BOARD", help=f"or {XTENSA}; default: {' '.join(BOARDS)}")
    parser.add_argument("--check", action="store_true", help=f"fail above {MOST}")
    given = parser.parse_args()
    exceeded = False
    for board in given.boards or BOARDS:
        if board == XTENSA:
            print(f"{board}: {xtensa_step_instructions():,.0f} as a module")
            continue
        built_in, native = step_instructions(board)
        exceeded |= native > MOST * built_in
        print(f"{board}: {built_in:,.0f} built in, {native:,.0f} as a module: {native / built_in:.3f}")
    return EXIT_CHECK if given.check and exceeded else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
