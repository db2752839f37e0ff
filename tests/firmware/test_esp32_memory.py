"""soundfw from .mpy files, with soundcore as a native module, in the memory of a plain ESP32: on a Cortex-M3 in QEMU.

The heap is in pieces of 53 KB at most, 110 KB in all with what MicroPython's start has taken. On the ESP32 the module's
code goes through the heap to memory of its own, and its constants stay in the heap; here the code of the Cortex-M has
memory of its own at once (areas.h of esp32_memory), and blocks of the sizes that the module for Xtensa has are taken in
the heap: for its code until that is loaded, for its constants for good. The detector is one for two tones, so that a
sound gives events; its file and its arena are made as large as those of home_tiny.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest

from sim.tiny_model import build, metadata, tones
from soundsdk.build.native import native_module
from soundsdk.build.soundfw_files import soundfw_files
from soundsdk.device import protocol
from soundsdk.errors import ToolError
from soundsdk_sim.board import run_recording
from soundsdk_sim.targets.qemu_machine import QemuMachine, find_emulator
from stock_micropython import cortex_m3, esp32_like_cortex_m3

HEAP_BYTES = 110 * 1024
MODEL_BYTES = 40_432  # of home_tiny, the larger of the two for small boards; so is the arena
ARENA_BYTES = 17_688
RATE = 16000
BLOCK = 256
QUIET_S = 2
# As a small board would have it: smaller blocks, since its driver has a ring of its own.
SETTINGS = {"board": "esp32_devkit", "block_samples": BLOCK, "status_s": 3600}


def files_image(files: dict[str, bytes]) -> tuple[bytes, int, dict[str, int]]:
    """Return memory with files, the size of the list that it begins with, and where each file is."""
    room = sum(len(name) + 32 for name in files)
    memory = bytearray(room)
    rows = "\n"
    places = {}
    for name, data in files.items():
        memory += bytes(-len(memory) % 64)
        places[name] = len(memory)
        rows += f"/{name} {len(memory)} {len(data)}\n"
        memory += data
    memory[:room] = rows.encode().ljust(room, b"\n")
    return bytes(memory), room, places


def native_sizes(module: bytes) -> tuple[int, int]:
    """Return the bytes of code and of constants of a native module."""
    # One function without children, in version 6 of .mpy files (MicroPython's persistentcode.c).
    at = 4  # header

    def number() -> int:
        nonlocal at
        value = 0
        while True:
            byte = module[at]
            at += 1
            value = value << 7 | byte & 127
            if byte < 128:
                return value

    names, objects = number(), number()
    for _ in range(names):
        length = number()
        at += 0 if length & 1 else (length >> 1) + 1  # one that every MicroPython has, or a text with its end
    assert objects == 0
    text = number() >> 3
    at += text
    has_constants = number() & 0x20  # MP_SCOPE_FLAG_VIPERRODATA
    return text, number() if has_constants else 0


def detector() -> bytes:
    """Return the detector for two tones, padded to MODEL_BYTES."""
    model = build(metadata())
    return model + bytes(MODEL_BYTES - len(model))


def events(lines: bytes) -> list[tuple[str, str, int]]:
    found = protocol.Reader().feed(lines)
    return [(m["label"], m["edge"], m["t"]) for m in found if m["type"] == "event"]


@pytest.fixture(scope="module")
def ran() -> dict[str, str]:
    """Run it once; return what each part has printed."""
    board = cortex_m3()
    try:
        find_emulator(board)
        module = native_module("armv7m", print).data
        text, rodata = native_sizes(native_module("xtensawin", print).data)
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")
    model = detector()
    sound = np.round(32768 * tones(QUIET_S + 3, [(QUIET_S + 0.5, QUIET_S + 1.2, "high")])).astype("<i2")
    files = {f"lib/{path}": data for path, data in soundfw_files(print).items()}
    files |= {"lib/soundcore.mpy": module, "detector.tflite": model, "settings.json": json.dumps(SETTINGS).encode()}
    memory, listed, places = files_image({**files, "sound": sound.tobytes()})
    assert board.qemu is not None
    at = board.qemu.data_at
    out = {}
    with tempfile.NamedTemporaryFile(prefix="soundsdk-") as blob:
        Path(blob.name).write_bytes(memory)
        loader = ("-device", f"loader,file={blob.name},addr={at:#x},force-raw=on")
        with QemuMachine(board, esp32_like_cortex_m3(), loader) as machine:
            machine.exec("import small_board")
            out["heap"] = machine.exec(f"small_board.mount({at}, {listed})")
            out["start"] = machine.exec(
                f"small_board.start({text}, {rodata}, {ARENA_BYTES}, {at + places['sound']}, {len(sound)})", 120
            )
            blocks = QUIET_S * RATE // BLOCK
            out["quiet"] = machine.exec(f"small_board.turns({blocks}, True)", 120)
            out["loud"] = machine.exec(f"small_board.turns({len(sound) // BLOCK - blocks}, False)", 120)
    out["direct"] = b"".join(b"\n" + line + b"\n" for line in run_recording(model, sound, RATE).lines).decode()
    return out


def test_the_heap_is_that_of_a_plain_esp32(ran: dict[str, str]) -> None:
    _, whole = map(int, ran["heap"].split())
    assert HEAP_BYTES - 1024 < whole <= HEAP_BYTES


def test_it_starts_and_listens_without_an_allocation(ran: dict[str, str]) -> None:
    assert '"type":"hello"' in ran["start"]
    assert '"sha256":"' in ran["start"]
    assert '"ok":false' not in ran["start"]
    assert ran["quiet"].endswith("error None\n")


def test_it_hears_what_the_desktop_hears(ran: dict[str, str]) -> None:
    heard = events(ran["loud"].encode())
    assert [(label, edge) for label, edge, _ in heard] == [("high", "on"), ("high", "off")]
    assert heard == events(ran["direct"].encode())
