"""Nothing allocates between the microphone and the pins: 10,000 hops of the real loop with a locked heap."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from images import image_of
from soundsdk.boards import find_board
from soundsdk_sim.targets.qemu_machine import QemuMachine

HOPS = 10_000
PROGRAM = Path(__file__).with_name("hops.py").read_text(encoding="utf-8")
# A step of `home` ends at 256 samples and every 2048 on.
LAST = 256 + (HOPS * 256 - 256) // 2048 * 2048


def held(printed: str) -> str:
    """Check what the program printed and return the line of the long run."""
    long, control = printed.splitlines()
    words = long.split()
    assert words[:2] == ["hops", str(HOPS)]
    assert words[4:8] == ["lost", "0", "lines", "0"]
    # The rules have acted on every other of an edge's turns, and switched their outputs.
    assert words[10:12] == ["acted", str(HOPS // 10)]
    assert int(words[12]) > HOPS // 10
    # The control: the same loop with a source that allocates does not get through.
    assert control == "caught"
    return long


def test_10000_hops_allocate_nothing_on_unix_and_on_an_emulated_chip(tmp_path: Path) -> None:
    script = tmp_path / "hops.py"
    script.write_text(f"{PROGRAM}\nloop(I2sSource(), {HOPS})\ncareless()\n", encoding="utf-8")
    done = subprocess.run(
        [image_of("unix", tmp_path), script], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stderr == ""
    unix = held(done.stdout)
    board = find_board("qemu_arm")
    assert board.qemu is not None
    if shutil.which(board.qemu.program) is None:
        pytest.skip(f"{board.qemu.program} is not installed")
    with QemuMachine(board, image_of("qemu_arm", tmp_path)) as machine:
        machine.exec(PROGRAM)
        printed = machine.exec(f"loop(I2sSource(), {HOPS})", 900) + machine.exec("careless()")
    # The same scores, too.
    assert held(printed) == unix
