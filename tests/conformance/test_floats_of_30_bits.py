"""soundcore where floats have 30 bits, as in CircuitPython: the same event lines as everywhere, on an emulated chip."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from soundsdk.boards import find_board
from soundsdk.build import contents, make, sources, toolchain
from soundsdk.cache import cache_dir, locked
from soundsdk.errors import ToolError
from soundsdk.models.shipped import load_model
from soundsdk_sim.board import run_recording
from soundsdk_sim.scenes import demo_scene
from soundsdk_sim.targets import on_qemu
from soundsdk_sim.targets.qemu_machine import QemuMachine

SECONDS = 14


@pytest.fixture(scope="module")
def image() -> Path:
    """Compile qemu_arm with MICROPY_OBJ_REPR_C, in a folder of its own that is kept."""
    board = find_board("qemu_arm")
    assert board.qemu is not None
    if shutil.which(board.qemu.program) is None:
        pytest.skip(f"{board.qemu.program} is not installed")
    folder = cache_dir() / "tests" / "qemu_arm_30_bit_floats"
    try:
        toolchain.check(board)
    except ToolError as error:
        pytest.skip(f"{error.message} {error.hint}")
    with pytest.MonkeyPatch.context() as patch, locked(folder, print):
        patch.setenv("SOUNDSDK_OBJ_REPR", "C")
        holds = folder.parent / f"{folder.name}.contents"
        contents.write(board, holds)
        return make.compile_firmware(board, sources.fetch(None, print), holds, folder)


@pytest.mark.parametrize("name", ["home", "esc10"])
def test_event_lines_are_those_of_64_bits(name: str, image: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with QemuMachine(find_board("qemu_arm"), image) as machine:
        # Of 24 bits of a fraction, 22 are left.
        assert machine.exec("print(1.0 + 2.0**-22 == 1.0, 1.0 + 2.0**-20 == 1.0)").split() == ["True", "False"]
    detector = load_model(name)
    pcm = np.asarray(demo_scene(1).pcm[: SECONDS * 16000])
    monkeypatch.setattr(on_qemu, "cached_image", lambda board: image)
    lines = on_qemu.collect_lines(find_board("qemu_arm"), detector, pcm)
    expected = run_recording(detector.data, pcm, 16000).lines

    def events(found: list[bytes]) -> list[bytes]:
        return [line for line in found if line.startswith(b'{"type":"event"')]

    assert events(lines) == events(expected)
    if name == "home":
        assert events(lines)
