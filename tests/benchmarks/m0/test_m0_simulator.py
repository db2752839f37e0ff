"""The simulated Cortex-M0+: results, flags and cycles of instructions, and soundcore's own results."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundcore

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "core"))
from model_generator import GENERATORS

from benchmarks.m0 import simulated, workloads

MODELS_EACH = 3

# A case is a function that runs after `before`; then r0 and the flags are written. Its cycles are those of Arm's table
# for its instructions, and the 2 of its return.
_START = """
.syntax unified
.thumb
.word 0x20010000
.word start + 1
.macro report
    mrs r4, apsr
    ldr r5, =0x40000000
    str r0, [r5]
    str r4, [r5]
.endm
.global start
.thumb_func
.type start, %function
start:
"""
_END = """
    movs r0, #0
    ldr r5, =0x40000000
    str r0, [r5, #4]
.ltorg
.size start, . - start
"""
_FUNCTION = """
.global {0}
.thumb_func
.type {0}, %function
{0}:
    {1}
    bx lr
.size {0}, . - {0}
.align 2
"""
_CARRY, _NO_CARRY = "movs r7, #0\n cmp r7, r7", "movs r7, #0\n cmn r7, r7"


@dataclass(frozen=True)
class Case:
    """An instruction, or a few. flags: those that are set afterwards, "" for none, None for not asked."""

    body: str
    cycles: int
    r0: int | None = None
    flags: str | None = None
    r1: int = 0
    r2: int = 0
    before: str = _NO_CARRY


RAM, HIGH = 0x20000100, 0x80000000
CASES = [
    # Shifts: by 0, the carry stays; by 32 and more, it is the last bit out, or 0.
    Case("lsls r0, r1, #1", 1, 2, "C", HIGH + 1),
    Case("movs r0, r1", 1, HIGH, "NC", HIGH, before=_CARRY),
    Case("lsrs r0, r1, #1", 1, 1, "C", 3),
    Case("lsrs r0, r1, #32", 1, 0, "ZC", HIGH),
    Case("asrs r0, r1, #4", 1, 0xF8000000, "N", HIGH),
    Case("asrs r0, r1, #32", 1, 0xFFFFFFFF, "NC", HIGH),
    Case("lsls r0, r2", 1, 1, "C", 0, 0, before=f"{_CARRY}\n movs r0, #1"),
    Case("movs r0, r1\n lsls r0, r2", 2, 0, "ZC", 1, 32),
    Case("movs r0, r1\n lsls r0, r2", 2, 0, "Z", 1, 33),
    Case("movs r0, r1\n lsrs r0, r2", 2, 0, "ZC", HIGH, 32),
    Case("movs r0, r1\n lsrs r0, r2", 2, 0, "Z", HIGH, 0x40),
    Case("movs r0, r1\n asrs r0, r2", 2, 0xFFFFFFFF, "NC", HIGH, 0xFF),
    Case("movs r0, r1\n lsrs r0, r2", 2, HIGH, "N", HIGH, 0x100),
    Case("movs r0, r1\n rors r0, r2", 2, 0x80000000, "NC", 0x10, 5 + 64),
    Case("movs r0, r1\n rors r0, r2", 2, HIGH + 1, "NC", HIGH + 1, 32),
    # Sums and differences; no borrow is a carry.
    Case("adds r0, r1, r2", 1, HIGH, "NV", 0x7FFFFFFF, 1),
    Case("adds r0, r1, r2", 1, 0, "ZC", 0xFFFFFFFF, 1),
    Case("adds r0, r1, #7", 1, 12, "", 5),
    Case("subs r0, r1, r2", 1, 0x7FFFFFFF, "CV", HIGH, 1),
    Case("subs r0, r1, #7", 1, 0xFFFFFFFE, "N", 5),
    Case("movs r0, #200\n adds r0, #255\n subs r0, #55", 3, 400, "C"),
    Case("movs r0, r1\n adcs r0, r2", 2, 6, "", 2, 3, before=_CARRY),
    Case("movs r0, r1\n adcs r0, r2", 2, 5, "", 2, 3),
    Case("movs r0, r1\n sbcs r0, r2", 2, 3, "C", 5, 2, before=_CARRY),
    Case("movs r0, r1\n sbcs r0, r2", 2, 2, "C", 5, 2),
    Case("rsbs r0, r1, #0", 1, 0xFFFFFFFB, "N", 5),
    Case("cmp r1, r2", 1, None, "ZC", 5, 5),
    Case("cmp r1, #6", 1, None, "N", 5),
    Case("cmn r1, r2", 1, None, "ZC", 0xFFFFFFFF, 1),
    # Bits, and the product, which leave carry and overflow.
    Case("movs r0, r1\n ands r0, r2", 2, 0x8, "C", 0xC, 0xA, before=_CARRY),
    Case("movs r0, r1\n eors r0, r2", 2, 0x6, "", 0xC, 0xA),
    Case("movs r0, r1\n orrs r0, r2", 2, 0xE, "", 0xC, 0xA),
    Case("movs r0, r1\n bics r0, r2", 2, 0x4, "", 0xC, 0xA),
    Case("mvns r0, r1", 1, 0xFFFFFFFE, "N", 1),
    Case("tst r1, r2", 1, None, "Z", 5, 2),
    Case("movs r0, r1\n muls r0, r2", 2, 0xFFFFFFFA, "NC", 2, 0xFFFFFFFD, before=_CARRY),
    # High registers: no flags but for CMP.
    Case("mov r8, r1\n add r8, r2\n mov r0, r8", 3, 3, "Z", 1, 2, before="movs r7, #0\n cmn r7, r7"),
    Case("mov r9, r1\n cmp r9, r2", 2, None, "C", 2, 1),
    # Memory, by all sizes.
    Case("str r2, [r1, #4]\n ldr r0, [r1, #4]", 4, 0x80FF7F01, None, RAM, 0x80FF7F01),
    Case("strh r2, [r1, #2]\n ldrh r0, [r1, #2]", 4, 0x9234, None, RAM, 0x56789234),
    Case("strb r2, [r1, #3]\n ldrb r0, [r1, #3]", 4, 0x84, None, RAM, 0x1284),
    Case("movs r3, #4\n str r2, [r1, r3]\n ldr r0, [r1, r3]", 5, 0x80FF7F01, None, RAM, 0x80FF7F01),
    Case("movs r3, #2\n strh r2, [r1, r3]\n ldrh r0, [r1, r3]", 5, 0x9234, None, RAM, 0x9234),
    Case("movs r3, #1\n strb r2, [r1, r3]\n ldrb r0, [r1, r3]", 5, 0x84, None, RAM, 0x84),
    Case("movs r3, #2\n strh r2, [r1, r3]\n ldrsh r0, [r1, r3]", 5, 0xFFFF9234, None, RAM, 0x9234),
    Case("movs r3, #1\n strb r2, [r1, r3]\n ldrsb r0, [r1, r3]", 5, 0xFFFFFF84, None, RAM, 0x84),
    Case("stmia r1!, {r1, r2}\n movs r0, r1\n subs r1, #8\n ldmia r1!, {r2, r3}", 8, RAM + 8, None, RAM, 5),
    Case("str r2, [r1]\n ldmia r1, {r1}\n movs r0, r1", 5, 77, None, RAM, 77),
    Case("push {r1, r2}\n pop {r0, r3}", 6, 9, None, 9, 8),
    Case("sub sp, #8\n str r1, [sp, #4]\n ldr r0, [sp, #4]\n add sp, #8", 6, 9, None, 9),
    Case("add r0, sp, #8\n mov r3, sp\n subs r0, r0, r3", 3, 8),
    Case("ldr r0, 7f\n b 8f\n .align 2\n7: .word 0x12345678\n8:", 4, 0x12345678),
    Case("adr r0, 7f\n ldr r0, [r0]\n b 8f\n .align 2\n7: .word 99\n8:", 5, 99),
    # Extensions and orders of bytes.
    Case("sxtb r0, r1", 1, 0xFFFFFF84, None, 0x1284),
    Case("sxth r0, r1", 1, 0xFFFF9234, None, 0x9234),
    Case("uxtb r0, r1", 1, 0x84, None, 0x1284),
    Case("uxth r0, r1", 1, 0x9234, None, 0x56789234),
    Case("rev r0, r1", 1, 0x44332211, None, 0x11223344),
    Case("rev16 r0, r1", 1, 0x22114433, None, 0x11223344),
    Case("revsh r0, r1", 1, 0xFFFF8180, None, 0x11228081),
    Case("nop", 1),
    # Branches.
    Case("b 8f\n nop\n8:", 2),
    Case("mov r3, lr\n bl 8f\n8: mov lr, r3", 5),
    Case("mov r3, lr\n adr r0, 8f\n adds r0, #1\n blx r0\n .align 2\n8: mov lr, r3", 6),
    Case("mov r3, lr\n adr r0, 8f\n mov pc, r0\n .align 2\n8: mov lr, r3", 5),
    Case("movs r0, #2\n add pc, r0\n nop\n nop", 3),  # to behind the second one
    Case("push {r1, lr}\n adr r0, 8f\n adds r0, #1\n str r0, [sp, #4]\n pop {r0, pc}\n .align 2\n8: nop", 13, 5, r1=5),
]
# Each condition after a comparison of r1 with r2: taken it costs 2 cycles, not taken 1.
CONDITIONS: list[tuple[str, Callable[[int, int], bool]]] = [
    ("eq", lambda a, b: a == b), ("ne", lambda a, b: a != b),
    ("hs", lambda a, b: a >= b), ("lo", lambda a, b: a < b), ("hi", lambda a, b: a > b), ("ls", lambda a, b: a <= b),
    ("ge", lambda a, b: _signed(a) >= _signed(b)), ("lt", lambda a, b: _signed(a) < _signed(b)),
    ("gt", lambda a, b: _signed(a) > _signed(b)), ("le", lambda a, b: _signed(a) <= _signed(b)),
    ("mi", lambda a, b: _signed(a - b) < 0), ("pl", lambda a, b: _signed(a - b) >= 0),
    ("vs", lambda a, b: _signed(a) - _signed(b) != _signed(a - b)),
    ("vc", lambda a, b: _signed(a) - _signed(b) == _signed(a - b)),
]  # fmt: skip
PAIRS = [(1, 2), (2, 1), (3, 3), (HIGH, 1), (1, HIGH), (0x7FFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0)]


def _signed(x: int) -> int:
    return (x + HIGH) % (1 << 32) - HIGH


def _branch_cases() -> list[Case]:
    cases = []
    for condition, holds in CONDITIONS:
        for a, b in PAIRS:
            body = f"cmp r1, r2\n b{condition} 8f\n movs r0, #0\n8:"
            taken = holds(a, b)
            cases.append(Case(body, 3, int(taken), None, a, b, "movs r0, #1"))
    return cases


def assembled(folder: Path, text: str) -> Path:
    source, program = folder / "program.s", folder / "program.elf"
    source.write_text(text, encoding="utf-8")
    words = [
        "arm-none-eabi-gcc",
        "-mcpu=cortex-m0plus",
        "-mthumb",
        "-nostdlib",
        "-Wl,-Ttext=0x10000000",
        "-Wl,--entry=start",
    ]
    subprocess.run([*words, source, "-o", program], check=True, timeout=60)
    return program


def test_instructions_give_arms_results_flags_and_cycles(built: Path, tmp_path: Path) -> None:
    cases = [*CASES, *_branch_cases()]
    text = _START
    for i, case in enumerate(cases):
        text += f" ldr r1, ={case.r1}\n ldr r2, ={case.r2}\n movs r0, #0\n {case.before}\n bl case_{i}\n report\n"
        text += f" b after_{i}\n .ltorg\nafter_{i}:\n"
    text += _END + "".join(_FUNCTION.format(f"case_{i}", case.body) for i, case in enumerate(cases))
    ran = simulated.run_file(built, assembled(tmp_path, text), [], ["--calls=case_*"])
    left = list(struct.iter_unpack("<II", ran.output))
    assert len(left) == len(cases) == len(ran.calls)
    for case, (r0, apsr), call in zip(cases, left, ran.calls, strict=True):
        flags = "".join(name for name, bit in zip("NZCV", (31, 30, 29, 28), strict=True) if apsr >> bit & 1)
        assert call.cycles == case.cycles + 2, case
        assert case.r0 in (None, r0), (case, hex(r0))
        assert case.flags in (None, flags), (case, flags)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("ldr r0, =0x20000002\n ldr r0, [r0]", "unaligned address 20000002"),
        ("ldr r0, =0x20000001\n ldrh r0, [r0]", "unaligned address 20000001"),
        ("ldr r0, =0x10000000\n str r0, [r0]", "write to 10000000"),
        ("ldr r0, =0x30000000\n ldr r0, [r0]", "read from 30000000"),
        ("ldr r0, =0x20000000\n bx r0", "jump to an even address 20000000"),
        ("ldr r0, =0x50000001\n bx r0", "execution from 50000000"),
        ("udf #1", "unknown instruction"),
        ("svc #1", "unknown instruction"),
    ],
)
def test_what_a_chip_would_not_do_ends_the_run(body: str, said: str, built: Path, tmp_path: Path) -> None:
    program = assembled(tmp_path, _START + body + _END)
    with pytest.raises(RuntimeError, match=f"ended with 3: fault at [0-9a-f]{{8}}: {said}"):
        simulated.run_file(built, program, [], [])


def test_a_program_that_does_not_end_is_stopped(built: Path, tmp_path: Path) -> None:
    program = assembled(tmp_path, _START + "b start" + _END)
    with pytest.raises(RuntimeError, match=r"ended with 4: not ended after 100\d cycles"):
        simulated.run_file(built, program, [], ["--most=1000"])


def test_a_name_that_no_function_has_is_refused(built: Path) -> None:
    with pytest.raises(RuntimeError, match="the program has no function sc_nothing"):
        simulated.run(built, "frontend", workloads.frontend_parts(), ["sc_fft_real", "sc_nothing"])


def test_calls_that_return_to_one_place_are_told_apart(built: Path, tmp_path: Path) -> None:
    recursion = _FUNCTION.format("again", "push {lr}\n subs r0, #1\n beq 8f\n bl again\n8: pop {pc}\n")
    jump = _FUNCTION.format("first", "movs r0, #1\n b last") + _FUNCTION.format("last", "nop")
    text = _START + "movs r0, #3\n bl again\n bl first\n" + _END + recursion + jump
    ran = simulated.run_file(built, assembled(tmp_path, text), [], ["--calls=again,first,last"])
    assert [(call.name, call.depth, call.cycles) for call in ran.calls] == [
        ("again", 2, 2 + 1 + 2 + 4),
        ("again", 1, 2 + 1 + 1 + 3 + 9 + 4),
        ("again", 0, 2 + 1 + 1 + 3 + 20 + 4),
        ("last", 1, 1 + 2),
        ("first", 0, 1 + 2 + 3),
    ]


def test_calls_and_profile_count_the_same_cycles(built: Path) -> None:
    parts = workloads.frontend_parts()
    ran = simulated.run(built, "frontend", parts, ["sc_frontend_push", "sc_fft_real"], profile=True)
    pushes = [call for call in ran.calls if call.name == "sc_frontend_push"]
    ffts = [call for call in ran.calls if call.name == "sc_fft_real"]
    assert len(pushes) == len(ffts) == workloads.FRAMES
    assert {call.depth for call in pushes} == {0}
    assert {call.depth for call in ffts} == {1}
    for unit in ("cycles", "instructions"):
        whole = sum(getattr(call, unit) for call in pushes)
        assert sum(getattr(cost, unit) for cost in ran.profile) == whole
        assert 0 < sum(getattr(call, unit) for call in ffts) < whole


@pytest.mark.parametrize("name", GENERATORS)
def test_random_models_give_this_computers_bytes(name: str, built: Path) -> None:
    done, seed = 0, 0
    while done < MODELS_EACH:
        seed += 1
        rng = np.random.default_rng([zlib.crc32(name.encode()), 7, seed])
        data = GENERATORS[name](rng)
        try:
            model = soundcore.Model(data)
        except soundcore.Error:
            continue  # beyond what soundcore takes
        inputs = b""
        for i in range(model.inputs):
            values = rng.integers(-128, 128, size=model.input_shape(i), dtype=np.int8).tobytes()
            model.input(i)[:] = np.frombuffer(values, np.int8)
            inputs += values
        model.invoke()
        expected = b"".join(bytes(model.output(i)) for i in range(model.outputs))
        ran = simulated.run(built, "model", [data, inputs], ["sc_model_invoke"])
        assert ran.output[4:] == expected, f"{name} seed {seed}"
        done += 1
