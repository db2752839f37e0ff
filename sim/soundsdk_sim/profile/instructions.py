"""Instructions on RV32 in QEMU: the image as it is, stopped by a debugger where a function begins and ends.

With -icount shift=0 QEMU counts the chip's instructions in minstret, whatever the debugger does: counts repeat exactly.
Its Arm machines have no such counter: SysTick follows a clock that runs on while the debugger works.
"""

from __future__ import annotations

import base64
import re
import tempfile
from pathlib import Path

from soundsdk.boards import Board
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import DeviceError
from soundsdk_sim.elf import Elf
from soundsdk_sim.profile import operators as model_operators
from soundsdk_sim.profile.gdb import Gdb
from soundsdk_sim.profile.measured import HOPS, Measured, varied_sound
from soundsdk_sim.profile.trace import FRONTEND, FUNCTIONS, MODEL, STAGES, WARM_UP, Call, hops
from soundsdk_sim.targets.qemu_machine import QemuMachine

_RETURNS = (FRONTEND, MODEL, *STAGES)  # for kernels the beginnings are enough
_MAX_STOPS = 100_000  # a hop has some 800
_PIECE = 3000  # bytes of sound in one statement
# Numbers of registers as GDB has them, and where the machine's RAM begins (MicroPython's mcu/rv32/virt.ld).
_PC, _RA = 32, 1
_RAM = 0x80400000
NOT_MODELLED = [
    "how many cycles an instruction takes, and waiting for memory or flash",
    "the microphone's driver, its interrupts and the serial port: sound comes from memory, lines go nowhere",
]
_ROUND = 4  # hops of sound, repeated: the heap has no room for more
START = """
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


def _minstret(gdb: Gdb) -> int:
    """Return the number of the register that counts instructions."""
    found = re.search(r'name="minstret"[^>]*regnum="(\d+)"', gdb.description("riscv-csr.xml"))
    if found is None:
        raise DeviceError("this QEMU does not show its debugger the register minstret.", "Install QEMU 7.2 or newer.")
    return int(found[1])


class _CallRecorder:
    """The calls of functions while the machine runs."""

    def __init__(self, gdb: Gdb, functions: dict[str, int]) -> None:
        self._gdb = gdb
        self._minstret = _minstret(gdb)
        self._names = {address: name for name, address in functions.items()}
        self._returns: set[int] = set()
        self._open: list[tuple[str, int, int]] = []
        self._now = self._last = gdb.register(self._minstret)
        self.calls: list[Call] = []
        self.ends = 0  # of the model
        for address in functions.values():
            gdb.add_breakpoint(address)

    def run_on(self) -> None:
        """Run to the next beginning or end of a function."""
        self._gdb.resume()
        pc = self._gdb.register(_PC)
        count = self._gdb.register(self._minstret)
        self._now += (count - self._last) & 0xFFFFFFFF
        self._last = count
        if self._open and self._open[-1][1] == pc:
            name, _, begin = self._open.pop()
            self.calls.append(Call(name, begin, self._now))
            self.ends += name == MODEL
        if (name := self._names.get(pc, "")) in _RETURNS:
            back = self._gdb.register(_RA)
            if back not in self._returns:
                self._gdb.add_breakpoint(back)
                self._returns.add(back)
            self._open.append((name, back, self._now))
        elif name:
            self.calls.append(Call(name, self._now, self._now))


def measure(
    board: Board,
    detector: DetectorFile,
    image: Path,
    elf: Path,
    by_part: bool = True,
    start: str = START,
) -> Measured:
    """Run the firmware on sound in memory until HOPS hops have been measured.

    by_part: measure the frontend's stages and the model's operators too. start: the program that starts the firmware.
    """
    program = Elf(elf)
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    count = WARM_UP + 1 + HOPS
    pcm = varied_sound(_ROUND * detector.step_samples, rate_hz).astype("<i2").tobytes()
    with tempfile.TemporaryDirectory(prefix="soundsdk-") as folder:
        port = Path(folder) / "gdb"
        extra = ("-icount", "shift=0", "-chardev", f"socket,path={port},server=on,wait=off,id=gdb",
                 "-gdb", "chardev:gdb")  # fmt: skip
        with QemuMachine(board, image, extra) as chip:
            heap, free_start, free = map(int, chip.exec(start).split()[-3:])
            for at in range(0, len(pcm), _PIECE):
                text = base64.b64encode(pcm[at : at + _PIECE]).decode("ascii")
                chip.exec(f"source.write(a2b_base64('{text}'))")
            chip.exec("gc.collect()")
            with Gdb(port) as gdb:
                recorder = _CallRecorder(gdb, program.functions(FUNCTIONS if by_part else (FRONTEND, MODEL)))
                chip.send(f"run({len(pcm)} // (2 * app.pipeline.mic.block_samples))\x04".encode())
                for _ in range(_MAX_STOPS):
                    recorder.run_on()
                    if recorder.ends == count:
                        break
    operators = model_operators.read(detector.data) if by_part else []
    found = hops(recorder.calls, operators)[:HOPS]
    static = program.static_bytes(_RAM) - program.object_bytes("gc_heap")
    return Measured("instructions", found, heap, free_start, free, static, 0, NOT_MODELLED)
