"""Rewrites assembly of Debian's Xtensa compiler for the assembler beside it, and for MicroPython's mpy_ld.py.

The compiler (gcc-xtensa-lx106) knows the calling convention of the ESP32s, with a window of registers; its assembler is
made for the ESP8266's processor and lacks the instructions of that convention. They are written as bytes here, from the
Xtensa Instruction Set Architecture reference manual, chapter 8.

Usage: xtensa_windowed.py UNIT <compiled.s >rewritten.s. UNIT names the file: mpy_ld.py tells places apart by the names
of their sections alone, so no two files may share one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import pairwise

_INSTRUCTION = re.compile(r"\s+([a-z]\w*(?:\.n)?)(?:\s+(.*?))?\s*$")
_SECTION = re.compile(r"\s+\.(?:section\s+\S|text\b|data\b|bss\b)")
_NAMED_SECTION = re.compile(r"(\s+\.section\s+)\.(text|rodata|bss|data\.rel\.ro)\b([^,]*)(.*)$")
_MERGED = re.compile(r"\.(?:\w+\.)?(?:cst|str)\d")  # constants and texts that a linker may join: mpy_ld.py does not
_ADDRESS = re.compile(r"\s+\.word\s+[A-Za-z_.]")
# Of the code below an operating system, which no compiler writes: the ends of the two handlers, loads and stores of
# registers for them, and the processor's own registers.
_HANDLER_ENDS = {"rfwo": 0x3400, "rfwu": 0x3500}
_HANDLER_MOVES = {"l32e": 0x090000, "s32e": 0x490000}
_SPECIAL_MOVES = {"rsr": 0x030000, "wsr": 0x130000}
_SPECIAL_REGISTERS = {"windowbase": 72, "windowstart": 73}


def _bytes(word: int, size: int = 3) -> str:
    return "\t.byte\t" + ", ".join(f"{word >> 8 * i & 0xFF:#04x}" for i in range(size))


def _register(name: str) -> int:
    return 1 if name == "sp" else int(name.removeprefix("a"))


def _rewritten(name: str, operands: list[str], label: str) -> list[str] | None:
    """Return an instruction of the windowed convention as other lines; None if the assembler knows it.

    label: of a literal, used by a call to a name. Register a8 is free there: the call overwrites it.
    """
    if name == "entry":
        return [_bytes(int(operands[1]) // 8 << 12 | _register(operands[0]) << 8 | 0x36)]
    if name == "retw":
        return [_bytes(0x000090)]
    if name == "retw.n":
        return [_bytes(0xF01D, 2)]
    if name == "callx8":
        return [_bytes(_register(operands[0]) << 8 | 0xE0)]
    if name == "call8":
        return [f"\t.literal\t{label}, {operands[0]}", f"\tl32r\ta8, {label}", _bytes(0x8E0)]
    if name == "movsp":
        return [_bytes(0x1000 | _register(operands[1]) << 8 | _register(operands[0]) << 4)]
    return _rewritten_below(name, operands)


def _rewritten_below(name: str, operands: list[str]) -> list[str] | None:
    """Return what `_rewritten` does, for handlers of overflows and underflows of the window."""
    if name in _HANDLER_ENDS:
        return [_bytes(_HANDLER_ENDS[name])]
    if name in _HANDLER_MOVES:
        place = 16 + int(operands[2]) // 4  # of -64 to -4 bytes
        return [_bytes(_HANDLER_MOVES[name] | place << 12 | _register(operands[1]) << 8 | _register(operands[0]) << 4)]
    if name in _SPECIAL_MOVES and operands[1] in _SPECIAL_REGISTERS:
        return [_bytes(_SPECIAL_MOVES[name] | _SPECIAL_REGISTERS[operands[1]] << 8 | _register(operands[0]) << 4)]
    if name == "rotw":
        return [_bytes(0x408000 | (int(operands[0]) & 15) << 4)]
    return None


def _section(line: str, body: list[str], unit: str) -> str:
    """Return the line that begins a section, with the unit in its name. body: the lines that follow in it."""
    if line.strip() == ".text":
        return f'\t.section\t.text.{unit},"ax",@progbits'
    found = _NAMED_SECTION.match(line)
    if found is None:
        return line
    directive, kind, rest, flags = found.groups()
    if kind == "rodata" and _MERGED.match(rest):
        rest, flags = "", ',"a",@progbits'
    elif kind == "rodata" and any(_ADDRESS.match(other) for other in body):
        kind, flags = "data.rel.ro", ',"aw",@progbits'  # filled in when the module is loaded
    return f"{directive}.{kind}.{unit}{rest}{flags}"


def rewrite(text: str, unit: str) -> Iterator[str]:
    """Yield the lines of rewritten assembly. unit: a name for the file, of letters, digits and underscores."""
    lines = text.split("\n")
    starts = [i for i, line in enumerate(lines) if _SECTION.match(line)] + [len(lines)]
    ends = dict(pairwise(starts))
    calls = 0
    for i, line in enumerate(lines):
        if i in ends:
            yield _section(line, lines[i + 1 : ends[i]], unit)
            continue
        found = _INSTRUCTION.match(line)
        operands = [operand.strip() for operand in (found[2] or "").split(",")] if found else []
        replaced = _rewritten(found[1], operands, f".Lcall{calls}") if found else None
        calls += replaced is not None
        yield from replaced or [line]


if __name__ == "__main__":
    sys.stdout.write("\n".join(rewrite(sys.stdin.read(), re.sub(r"\W", "_", sys.argv[1]))) + "\n")
