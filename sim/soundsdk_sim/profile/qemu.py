"""Instructions on a board in QEMU: the image as it is, stopped by a debugger where a function begins and ends.

With -icount QEMU's clock is the number of instructions, whatever the debugger does: counts repeat exactly.
"""

from __future__ import annotations

import base64
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soundsdk.boards import Board
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import DeviceError

from ..qemu import Qemu
from . import operators as model_operators
from .elf import Elf
from .gdb import Gdb
from .measured import HOPS, Measured, sound
from .trace import FRONTEND, FUNCTIONS, MODEL, STAGES, WARM_UP, Call, hops

_RETURNS = (FRONTEND, MODEL, *STAGES)  # of kernels the beginnings are enough
_PIECE = 3000  # bytes of sound in one statement
_SYSTICK = 0xE000E010  # CSR, RVR, CVR: Armv6-M architecture reference manual, B3.3
NOT_MODELLED = [
    "how many cycles an instruction takes, and waiting for memory or flash",
    "the microphone's driver, its interrupts and the serial port: sound comes from memory, lines go nowhere",
]
_ROUND = 4  # hops of sound, which come again and again: the heap has no room for more
_START = """
import gc
gc.collect()
start = gc.mem_free()
import io
from binascii import a2b_base64
from soundfw.main import App
from soundfw.settings import Settings, of_board
source = io.BytesIO()
app = App(Settings(of_board()), lambda rate_hz: source, len)
app.start()
if app.error:
    raise ValueError(app.error)
gc.collect()
print(gc.mem_free() + gc.mem_alloc(), start, gc.mem_free())
def run(turns):
    while True:
        source.seek(0)
        for _ in range(turns):
            app.step()
"""


@dataclass(frozen=True)
class _Core:
    """What is special about an instruction set. pc, link: numbers of registers, as GDB has them; ram: where it begins.

    shift: of -icount, 2^shift ns for an instruction. start: makes the counter ready and returns what reads it; it
    counts up to `period` and has `per_instruction` counts for each.
    """

    pc: int
    link: int
    ram: int
    shift: int
    start: Callable[[Gdb], Callable[[], int]]
    period: int
    per_instruction: float


def _systick(gdb: Gdb) -> Callable[[], int]:
    gdb.write(_SYSTICK + 4, 0xFFFFFF)
    gdb.write(_SYSTICK + 8, 0)
    gdb.write(_SYSTICK, 5)  # on, with the CPU's clock
    return lambda: 0xFFFFFF - gdb.read(_SYSTICK + 8)


def _minstret(gdb: Gdb) -> Callable[[], int]:
    found = re.search(r'name="minstret"[^>]*regnum="(\d+)"', gdb.description("riscv-csr.xml"))
    if found is None:
        raise DeviceError("this QEMU does not show its debugger the register minstret.", "QEMU 7.2 does.")
    number = int(found[1])
    return lambda: gdb.register(number)


_CORES = {
    "rv32imc": _Core(32, 1, 0x80400000, 0, _minstret, 1 << 32, 1.0),
    # 16 MHz: 62.5 ns a tick. With 128 ns an instruction, no two of them share a tick.
    "armv6m": _Core(15, 14, 0x20000000, 7, _systick, 1 << 24, 128 / 62.5),
}


class _Recorder:
    """Calls of functions while the machine runs."""

    def __init__(self, gdb: Gdb, core: _Core, functions: dict[str, int]) -> None:
        self._gdb = gdb
        self._core = core
        self._names = {address: name for name, address in functions.items()}
        self._returns: set[int] = set()
        self._open: list[tuple[str, int, int]] = []
        self._count = core.start(gdb)
        self._counted = 0
        self._last = self._count()
        self.calls: list[Call] = []
        self.ends = 0  # of the model
        for address in functions.values():
            gdb.watch(address)

    def next(self) -> None:
        """Runs to the next beginning or end of a function."""
        self._gdb.resume()
        pc = self._gdb.register(self._core.pc)
        count = self._count()
        self._counted += (count - self._last) % self._core.period
        self._last = count
        now = round(self._counted / self._core.per_instruction)
        if self._open and self._open[-1][1] == pc:
            name, _, begin = self._open.pop()
            self.calls.append(Call(name, begin, now))
            self.ends += name == MODEL
        if (name := self._names.get(pc, "")) in _RETURNS:
            back = self._gdb.register(self._core.link) & ~1
            if back not in self._returns:
                self._gdb.watch(back)
                self._returns.add(back)
            self._open.append((name, back, now))
        elif name:
            self.calls.append(Call(name, now, now))


def measure(board: Board, detector: DetectorFile, image: Path, elf: Path) -> Measured:
    """Runs the firmware on sound in memory until HOPS hops have been measured."""
    core = _CORES.get(board.arch)
    if core is None:
        raise DeviceError(f"instructions of {board.arch} cannot be counted here.", "Profile another board.")
    program = Elf(elf)
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    count = WARM_UP + 1 + HOPS
    pcm = sound(_ROUND * detector.step_samples, rate_hz).astype("<i2").tobytes()
    with tempfile.TemporaryDirectory(prefix="soundsdk-") as folder:
        port = Path(folder) / "gdb"
        extra = ("-icount", f"shift={core.shift}", "-chardev", f"socket,path={port},server=on,wait=off,id=gdb",
                 "-gdb", "chardev:gdb")  # fmt: skip
        with Qemu(board, image, extra) as chip:
            heap, start, free = map(int, chip.run(_START).split()[-3:])
            for at in range(0, len(pcm), _PIECE):
                text = base64.b64encode(pcm[at : at + _PIECE]).decode("ascii")
                chip.run(f"source.write(a2b_base64('{text}'))")
            chip.run("gc.collect()")
            with Gdb(port) as gdb:
                recorder = _Recorder(gdb, core, program.functions(FUNCTIONS))
                chip.send(f"run({len(pcm)} // (2 * app.pipeline.mic.block_samples))\x04".encode())
                while recorder.ends < count:
                    recorder.next()
    found = hops(recorder.calls, model_operators.read(detector.data))[:HOPS]
    static = program.static_bytes(core.ram) - program.object_bytes("gc_heap")
    return Measured("instructions", found, heap, start, free, static, 0, NOT_MODELLED)
