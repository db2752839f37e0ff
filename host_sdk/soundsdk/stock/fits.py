"""Compare a board that runs stock MicroPython with what is to be installed; refuse, with numbers, what cannot fit."""

from __future__ import annotations

from collections.abc import Mapping

from soundsdk.boards import Board
from soundsdk.build.native_archs import OLDEST_MICROPYTHON, NativeArch, arch_for
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import CheckError
from soundsdk.models.shipped import smaller_form
from soundsdk.stock.board_facts import BoardFacts

# By sys.platform, "" for others: the heap that soundfw from .mpy files takes while it starts, without soundcore, the
# detector and the ring of a microphone. On the emulated Pico a detector of 68,000 bytes with an arena of 6,738
# starts, and one of 69,000 does not: 71,300 bytes. In the heap of a plain ESP32 46,512 are enough
# (tests/firmware/test_esp32_memory.py). Rounded down, so that nothing is refused that would run.
SOUNDFW_RAM_BYTES = {"rp2": 69 * 1024, "": 45 * 1024}
# By the name of an architecture: of soundcore.mpy in the heap, where its code lies elsewhere, as on an ESP32.
_MODULE_HEAP_BYTES = {"xtensawin": 8 * 1024}
# By sys.platform: of the ring that DMA fills (soundfw.mic.dma_ring), which elsewhere is not in the heap.
_RING_BYTES = {"rp2": 32 * 1024}
_FOLDER_BLOCKS = 2  # littlefs: a pair of blocks for each folder


def check_system(facts: BoardFacts) -> NativeArch:
    """Return the architecture of the board's module; CheckError if its MicroPython cannot run soundsdk."""
    oldest = ".".join(map(str, OLDEST_MICROPYTHON))
    if facts.name != "micropython":
        hint = f"Flash MicroPython {oldest} or newer."
        if facts.name == "circuitpython":
            hint += " Or let it send the sound, and this computer detect: soundsdk monitor --listen."
        raise CheckError(f"the board runs {facts.name}, not MicroPython.", hint)
    if facts.version[:2] < OLDEST_MICROPYTHON:
        version = facts.version_text or "of no version"
        raise CheckError(
            f"the board runs MicroPython {version}, and soundsdk needs {oldest} or newer.",
            f"Flash MicroPython {oldest} or newer.",
        )
    if facts.image:
        raise CheckError(
            "the board runs an image of soundsdk already.",
            "Send it another detector with soundsdk push, or another image with soundsdk flash.",
        )
    arch = arch_for(facts.mpy)
    if not facts.blocks:
        raise CheckError("the board's MicroPython has no file system.", "Build an image for it: soundsdk build BOARD")
    if not facts.hashes:
        raise CheckError(
            "the board's MicroPython has no SHA-256, by which soundsdk checks detectors.",
            "Build an image for it: soundsdk build BOARD",
        )
    return arch


def check_memory(facts: BoardFacts, module_bytes: int, detector: DetectorFile) -> None:
    """Raise CheckError if the module, the detector and soundfw cannot be in the board's memory at once."""
    module = _MODULE_HEAP_BYTES.get(arch_for(facts.mpy).name, module_bytes)
    _check(facts.heap_free, facts.heap_largest, "are free", facts.platform, module, detector)


def check_known_memory(board: Board, module_bytes: int, detector: DetectorFile) -> None:
    """Do the same by what the board's file says: of memory that nobody measured, no more than all RAM bounds it."""
    assert board.stock is not None
    stock, ram = board.stock, board.ram_bytes + board.psram_bytes
    found = f"are free ({stock.source})" if stock.free_bytes else "is all the RAM it has"
    module = _MODULE_HEAP_BYTES.get(stock.native, module_bytes)
    _check(stock.free_bytes or ram, stock.block_bytes, found, board.port, module, detector)


def _check(free: int, largest: int, found: str, port: str, module_bytes: int, detector: DetectorFile) -> None:
    """Raise CheckError if what is needed is more than `free`, or a piece of it more than `largest`; 0: not known.

    module_bytes: of soundcore in the heap.
    """
    model, arena, soundfw = len(detector.data), detector.arena_bytes, _soundfw_bytes(port)
    need = module_bytes + model + arena + soundfw
    if free and need > free:
        raise CheckError(
            f"the board has too little memory: {free} bytes {found}, and {need} are needed: {module_bytes} "
            f"for soundcore, {model} and {arena} for the detector {detector.name}, {soundfw} for soundfw.",
            _what_fits(detector),
        )
    piece = max(model, arena)
    if largest and piece > largest:
        raise CheckError(
            f"the board's memory is in pieces: the largest has {largest} bytes, and the detector "
            f"{detector.name} needs {piece} in one.",
            _what_fits(detector),
        )


def needed_bytes(board: Board, module_bytes: int, detector: DetectorFile) -> int:
    """Return the bytes of MicroPython's heap that the module, a detector and soundfw take while they start."""
    assert board.stock is not None
    module = _MODULE_HEAP_BYTES.get(board.stock.native, module_bytes)
    return module + len(detector.data) + detector.arena_bytes + _soundfw_bytes(board.port)


def _soundfw_bytes(port: str) -> int:
    return SOUNDFW_RAM_BYTES.get(port, SOUNDFW_RAM_BYTES[""]) + _RING_BYTES.get(port, 0)


def _what_fits(detector: DetectorFile) -> str:
    """Return what to do about a detector that does not fit."""
    tiny = smaller_form(detector.name)
    smaller = f"Take {tiny} (-m {tiny})" if tiny else "Take a smaller detector"
    return f"{smaller}, or build an image, where the detector stays in flash: soundsdk build BOARD"


def blocks(files: Mapping[str, int], block: int, folders: int) -> int:
    """Return how many blocks of a file system files (sizes by path) and new folders take."""
    return sum(-(-size // block) for size in files.values()) + _FOLDER_BLOCKS * folders


def check_file_system(facts: BoardFacts, files: Mapping[str, int], folders: int) -> None:
    """Raise CheckError if the board's file system has no room for the files, beside those that they replace."""
    need = blocks(files, facts.block, folders)
    if need > facts.free_blocks:
        raise CheckError(
            f"the board's file system is too full: {facts.free_blocks * facts.block} bytes are free, and the "
            f"{len(files)} files take {need * facts.block} ({need} blocks of {facts.block}).",
            "Remove files from the board: mpremote fs ls, mpremote fs rm :FILE",
        )
