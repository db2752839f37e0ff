"""The emulated RP2040 itself: instructions, cycles, faults, resets, marks and function calls, without MicroPython."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from rp2040_program import program, uf2
from target_needs import need_rp2040

from soundsdk.errors import DeviceError, ToolError, UsageError
from soundsdk_sim.rp2040 import CycleMark, I2sMicrophone, Rp2040, prerequisites


@pytest.fixture(scope="module", autouse=True)
def _emulator() -> None:
    need_rp2040()


def marks_of(body: str, folder: Path, ms: float = 1) -> list[CycleMark]:
    with Rp2040(program(body + "\nstop: b stop\n.pool", folder)) as board:
        board.run(ms)
        return board.marks()


@pytest.mark.parametrize("seed", [1, 20240607])
def test_random_instructions_agree_with_the_architecture(seed: int) -> None:
    script = Path(__file__).with_name("rp2040_core_check.mjs")
    done = subprocess.run(
        [prerequisites.node(), str(script), str(prerequisites.HERE), str(seed), "200000"],
        env={"SOUNDSDK_NODE_MODULES": str(prerequisites.node_modules())},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# Cortex-M0+ Technical Reference Manual, table 3.1; the RP2040 has the single-cycle multiplier and I/O port.
CYCLES = {
    "movs r0, #1": 1,
    "muls r0, r0": 1,
    "ldr r0, [r5]": 2,
    "str r0, [r5]": 2,
    "ldrb r0, [r5, #1]": 2,
    "ldr r0, =0x12345678": 2,
    "ldr r0, [r4]": 1,  # SIO
    "push {r0, r1}; pop {r0, r1}": 6,
    "stmia r5!, {r0-r3}": 5,
    "b 1f; 1:": 2,
    "cmp r0, r0; bne 1f; 1:": 2,
    "cmp r0, r0; beq 1f; 1:": 3,
    "bl callee": 3 + 2,
    "bl framed": 3 + 2 + 4,
    "mrs r0, primask": 3,
    "nop": 1,
}


@pytest.fixture(scope="module")
def cycles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Measure every text in CYCLES between two marks, less the cycles of a mark, in one program."""
    body = ["ldr r5, =0x20000000", "ldr r4, =0xd0000000"]
    for text in CYCLES:
        body += ["mark 1", "mark 2", text, "mark 3"]
    body += ["b stop", "callee: bx lr", "framed: push {lr}", "pop {pc}"]
    marks = marks_of("\n".join(body), tmp_path_factory.mktemp("cycles"))
    assert [mark.value for mark in marks] == [1, 2, 3] * len(CYCLES)
    at = [mark.cycle for mark in marks]
    return {text: at[i + 2] - 2 * at[i + 1] + at[i] for text, i in zip(CYCLES, range(0, len(at), 3), strict=True)}


@pytest.mark.parametrize("text", CYCLES)
def test_cycles_are_those_of_arms_table(text: str, cycles: dict[str, int]) -> None:
    assert cycles[text] == CYCLES[text]


@pytest.mark.parametrize(("code", "size"), [("MS", 11), ("S4", 8)])
def test_the_boot_roms_memset_takes_the_low_byte_of_an_int(code: str, size: int, tmp_path: Path) -> None:
    body = f"""
    movs r0, #0x14          @ the function table and its lookup, from the datasheet's well-known addresses
    ldrh r0, [r0]
    movs r1, #0x18
    ldrh r2, [r1]
    ldr r1, ={ord(code[0]) | ord(code[1]) << 8}
    blx r2
    mov r3, r0
    ldr r0, =0x20000100
    ldr r1, =-128
    movs r2, #{size}
    blx r3
    ldmia r0!, {{r1-r3}}
    str r1, [r7]
    str r2, [r7]
    str r3, [r7]
    """
    filled = b"".join(struct.pack("<I", mark.value) for mark in marks_of(body, tmp_path))
    assert filled == (b"\x80" * size).ljust(12, b"\0")


def test_an_unaligned_load_stops_the_chip(tmp_path: Path) -> None:
    image = program("ldr r0, =0x20000001\nldr r0, [r0]\n.pool", tmp_path)
    with Rp2040(image) as board, pytest.raises(DeviceError, match="unaligned access to 0x20000001"):
        board.run(1)


def test_a_breakpoint_stops_the_chip(tmp_path: Path) -> None:
    with Rp2040(program("bkpt #7", tmp_path)) as board, pytest.raises(DeviceError, match="breakpoint 7"):
        board.run(1)


def test_the_watchdog_restarts_the_chip_and_cycles_go_on(tmp_path: Path) -> None:
    body = """
    ldr r1, =0x4005800c     @ SCRATCH0: kept over the restart
    ldr r2, [r1]
    adds r2, #1
    str r2, [r1]
    str r2, [r7]
    cmp r2, #3
    beq stop
    ldr r1, =0x40058000
    ldr r2, =0x80000000     @ trigger
    str r2, [r1]
    """
    with Rp2040(program(body + "\nstop: b stop\n.pool", tmp_path)) as board:
        board.run(1)
        marks = board.marks()
        assert [m.value for m in marks] == [1, 2, 3]
        assert marks[0].cycle < marks[1].cycle < marks[2].cycle
        assert board.power_ons == 3


CALLS = """
    movs r3, #3
loop:
    bl outer
    subs r3, #1
    bne loop
stop: b stop
    .pool
    .balign 256
outer:
    push {lr}
    bl inner
    bl inner
    pop {pc}
    .balign 256
inner:
    nop
    bx lr
"""


def test_watched_functions_are_counted_with_what_they_call(tmp_path: Path) -> None:
    with Rp2040(program(CALLS, tmp_path)) as board:
        board.watch({"outer": 0x10000201, "inner": 0x10000301})
        board.run(1)
        calls = board.calls()
    inner, outer = calls.totals["inner"], calls.totals["outer"]
    assert (inner.calls, inner.least, inner.most, inner.cycles) == (6, 3, 3, 18)
    assert (outer.calls, outer.cycles) == (3, 3 * (2 + 2 * (3 + 3) + 4))
    assert [(c.name, c.depth) for c in calls.log] == 3 * [("inner", 1), ("inner", 1), ("outer", 0)]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no multiple of 512"),
        (b"x" * 512, "block 0 is not UF2"),
        (uf2(b"\0" * 256, family=0xE48BFF59), "no block of it is for an RP2040"),
        (uf2(b"\0" * 256)[:12] + struct.pack("<I", 0x20000000) + uf2(b"\0" * 256)[16:], "does not lie in the flash"),
    ],
)
def test_a_file_that_is_no_image_is_refused(data: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.uf2"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=why):
        Rp2040(path)
    with pytest.raises(UsageError, match="no firmware image"):
        Rp2040(tmp_path / "none.uf2")


def test_booting_an_image_without_usb_ends_with_an_error(tmp_path: Path) -> None:
    with Rp2040(program("stop: b stop", tmp_path)) as board, pytest.raises(DeviceError, match="not up after 20 ms"):
        board.boot(20)


def test_sound_needs_a_microphone_of_its_form(tmp_path: Path) -> None:
    image = program("stop: b stop", tmp_path)
    with Rp2040(image) as board, pytest.raises(UsageError, match="no microphone"):
        board.feed(np.zeros(4, np.int16))
    with Rp2040(image, I2sMicrophone(10, 11, 12)) as board, pytest.raises(UsageError, match="int16"):
        board.feed(np.zeros((4, 2), np.int16))
    with pytest.raises(UsageError, match="different pins"):
        I2sMicrophone(1, 1, 2)


@pytest.mark.parametrize(
    ("tool", "package"), [("node", "nodejs"), ("npm", "package npm"), ("arm-none-eabi-gcc", "gcc-arm-none-eabi")]
)
def test_what_is_missing_is_named_with_its_package(
    tool: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, cache = tmp_path / "bin", tmp_path / "cache"
    programs.mkdir()
    for name in ("node", "npm", "arm-none-eabi-gcc", "arm-none-eabi-objcopy"):
        if name != tool:
            found = shutil.which(name)
            assert found is not None
            (programs / name).symlink_to(found)
    monkeypatch.setenv("SOUNDSDK_CACHE", str(cache))
    monkeypatch.setenv("PATH", str(programs))
    make = {"node": prerequisites.node, "npm": prerequisites.node_modules, "arm-none-eabi-gcc": prerequisites.bootrom}
    with pytest.raises(ToolError) as caught:
        make[tool]()
    assert package in caught.value.hint
    assert caught.value.exit_code == 7
    assert not cache.exists()


def test_a_failed_build_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path))
    with pytest.raises(ToolError, match="boot ROM could not be built"):
        prerequisites.bootrom(flags=["--no-such-option"])
    assert not list(tmp_path.iterdir())
