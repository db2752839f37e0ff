"""Cycles on the RP2040: the image as it is, listening to an I2S microphone in the emulator."""

from __future__ import annotations

from pathlib import Path

from soundsdk.boards import Board
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import DeviceError
from soundsdk_sim.elf import Elf
from soundsdk_sim.profile import operators as model_operators
from soundsdk_sim.profile.measured import HOPS, Measured, varied_sound
from soundsdk_sim.profile.trace import FUNCTIONS, MODEL, WARM_UP, Call, hops
from soundsdk_sim.rp2040 import FunctionCall, Rp2040, microphone_of

CONVERT = "sc_i2s_unpack_convert"
_RAM = 0x20000000
_HELLO_MS = 20_000
NOT_MODELLED = [
    "misses of the flash cache: code that runs from flash takes longer on a chip",
    "contention on the bus, and cycles that DMA takes",
    "the second core, which the firmware does not use",
]
# The firmware's own main, stopped at its first step.
_HEAP = """
import gc
gc.collect()
start = gc.mem_free()
import soundfw.main
def step(app):
    gc.collect()
    print('heap', gc.mem_free() + gc.mem_alloc(), start, gc.mem_free())
    return False
soundfw.main.App.step = step
soundfw.main.main()
"""


def measure(board: Board, detector: DetectorFile, image: Path, elf: Path) -> Measured:
    """Run the image until HOPS hops have been measured, then read the state of its heap."""
    program = Elf(elf)
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    hop_ms = 1000 * detector.step_samples / rate_hz
    count = WARM_UP + 1 + HOPS
    pcm = varied_sound((count + 4) * detector.step_samples, rate_hz)
    with Rp2040(image, microphone_of(board)) as chip:
        chip.feed(pcm)
        chip.boot()
        chip.watch(program.functions([*FUNCTIONS, CONVERT]))
        chip.read_until(b'"type":"hello"', _HELLO_MS)
        # The first hop needs a window more, and how long the firmware takes to start is not known.
        for _ in range(4 * count):
            chip.run(hop_ms)
            log = chip.calls().log
            if sum(call.name == MODEL for call in log) >= count:
                break
        else:
            raise DeviceError("the detector is slower than the sound.", "Train a smaller one.")
        clock_hz = chip.clock_hz
        printed = chip.repl().exec(_HEAP)
    heap, free_start, free = map(int, printed.split("heap ", 1)[1].split()[:3])
    found = hops([_awake(call) for call in log], model_operators.read(detector.data), CONVERT)[:HOPS]
    return Measured("cycles", found, heap, free_start, free, program.static_bytes(_RAM), clock_hz, NOT_MODELLED)


def _awake(call: FunctionCall) -> Call:
    """Return the call on the clock that stops in interrupts and in sleep."""
    begin = call.begin - call.exceptions_before - call.slept_before
    interrupts = call.exceptions_before
    return Call(call.name, begin, begin + call.cycles, interrupts, interrupts + call.exceptions)
