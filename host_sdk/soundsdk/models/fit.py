"""Compare a detector with a board: with its flash, its memory and its speed, before anything is sent to it.

`build`, `flash`, `push` and `profile` refuse what does not fit; `info` and `train` name the boards that cannot run a
detector. Each bound is one that cannot be passed, so that nothing is refused that would run.
"""

from __future__ import annotations

from soundsdk.boards import Board, all_boards
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import CheckError
from soundsdk.models.shipped import smaller

# The least that MicroPython and soundfw need besides the detector. The linked image is measured as well.
FIRMWARE_FLASH_BYTES = 250 * 1024
FIRMWARE_RAM_BYTES = 48 * 1024
# Cycles for a multiplication, at the least: on a Cortex-M0+ 66 for the 16 of a convolution's inner loop
# (conv_armv6m.c). The other kernels use no SIMD.
_LEAST_CYCLES = {"armv6m": 66 / 16}


def check_fit(detector: DetectorFile, board: Board, *, pushed: bool = False) -> None:
    """Raise CheckError if a board cannot hold or run a detector.

    pushed: its weights lie in RAM, as those of a file do, instead of the image.
    """
    for reason, hint in _reasons(detector, board, pushed):
        raise CheckError(reason, hint)


def misfits(detector: DetectorFile) -> list[str]:
    """Return a sentence for each board that cannot hold or run a detector in its image."""
    boards = [board for board in all_boards() if board.clock_hz and board.build is not None]
    return [reasons[0][0] for board in boards if (reasons := _reasons(detector, board, pushed=False))]


def too_large(name: str, size_bytes: int, place: str, room: str) -> CheckError:
    """Return the error of a detector that is larger than the place for it. room: bytes of it, in words."""
    return CheckError(f"the detector {name} is too large for {place}: {size_bytes} bytes, and {room}.", smaller(name))


def _reasons(detector: DetectorFile, board: Board, pushed: bool) -> list[tuple[str, str]]:
    """Return what a board lacks for a detector, and what to do next."""
    out = []
    name, size = detector.name, len(detector.data)
    if board.build is not None and not pushed:
        room = board.build.region_bytes or board.image_bytes - FIRMWARE_FLASH_BYTES
        if size > room:
            error = too_large(name, size, board.name, f"its image has room for {room} at most")
            out.append((error.message, error.hint))
    need = detector.arena_bytes + (size if pushed else 0)
    ram_bytes = board.ram_bytes + board.psram_bytes
    if board.ram_bytes and need + FIRMWARE_RAM_BYTES > ram_bytes:
        hint = f"{smaller(name)} Or flash it: then its weights stay in flash." if pushed else smaller(name)
        message = (
            f"the detector {name} is too large for {board.name}: it needs {need} bytes of RAM of {ram_bytes}, "
            f"and {FIRMWARE_RAM_BYTES} must stay free."
        )
        out.append((message, hint))
    least_s = detector.macs * _LEAST_CYCLES.get(board.arch, 1.0) / board.clock_hz if board.clock_hz else 0.0
    if least_s > detector.step_s:
        message = (
            f"the detector {name} is too slow for {board.name}: a step of {1000 * detector.step_s:g} ms takes "
            f"{1000 * least_s:.0f} ms or more."
        )
        out.append((message, smaller(name)))
    return out
