"""Joins the assembly of a module for Xtensa into one file, where a call takes one instruction.

MicroPython's mpy_ld.py links no calls on Xtensa; within a section the assembler knows how far each goes. Debian's lacks
`call8`, so it assembles `call0`, which differs in one bit.

Usage: xtensa_module.py COMPILED.s... >module.s
       xtensa_module.py --calls module.o         turns its calls into call8, in place
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import xtensa_windowed
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection

_ENTRY = "mpy_init"
_GLOBAL = re.compile(r"\s+\.global\s+(\S+)")
_LABEL = re.compile(r"^([.\w$]+)(?=:)")
_ALIAS = re.compile(r"\s+\.set\s+([.\w$]+)\s*,")
_STATEMENT = re.compile(r"(\s+[.\w]+\s+)(.*)")
_NAME = re.compile(r"(?<![@.\w$])[.\w$]+")
_CALL = re.compile(r"(\s+)call8(\s)")
_TEXT = re.compile(r"\s+\.(?:text\b|section\s+\.text\b)")
_RELOCATION_OF_AN_OPERAND = 20  # R_XTENSA_SLOT0_OP
_CALL0 = 0x05  # its lower six bits; the rest is how far it goes
_CALL8 = 0x20  # what call8 has more: by how many registers the window moves, in bits 4 and 5


def _renamed(line: str, names: set[str], unit: str) -> str:
    """Return a line in which these names and the compiler's own labels carry the unit's. A text is left as it is."""

    def rename(name: re.Match[str]) -> str:
        return f"{name[0]}.{unit}" if name[0] in names or name[0].startswith(".L") else name[0]

    statement = _STATEMENT.match(line)
    if statement and '"' not in line:
        return statement[1] + _NAME.sub(rename, statement[2])
    return _LABEL.sub(rename, line) if _LABEL.match(line) else line


def join(texts: dict[str, str]) -> Iterator[str]:
    """Yield the lines of one file that has the code of all. texts: compiled assembly by unit, a name for each file."""
    for unit, text in texts.items():
        lines = text.split("\n")
        shared = {found[1] for line in lines if (found := _GLOBAL.match(line))}
        defined = {found[1] for line in lines if (found := _LABEL.match(line) or _ALIAS.match(line))}
        # With its underscore the assembler keeps to one instruction, also for a call that may turn out to be far.
        for line in xtensa_windowed.rewrite(_CALL.sub(r"\1_call0\2", text), unit):
            found = _GLOBAL.match(line)
            if found and found[1] != _ENTRY:
                continue  # a global name's address would wait for the linker
            yield "\t.text" if _TEXT.match(line) else _renamed(line, defined - shared, unit)


def make_calls(path: Path) -> int:
    """Turn the call0 of an object file into call8; return their number."""
    data = bytearray(path.read_bytes())
    count = 0
    with path.open("rb") as file:
        elf = ELFFile(file)
        code, relocations = elf.get_section_by_name(".text"), elf.get_section_by_name(".rela.text")
        assert code is not None
        assert isinstance(relocations, RelocationSection)
        for relocation in relocations.iter_relocations():
            place = code["sh_offset"] + relocation["r_offset"]
            if relocation["r_info_type"] == _RELOCATION_OF_AN_OPERAND and data[place] & 0x3F == _CALL0:
                data[place] |= _CALL8
                count += 1
    path.write_bytes(data)
    return count


if __name__ == "__main__":
    if sys.argv[1] == "--calls":
        make_calls(Path(sys.argv[2]))
    else:
        units = {re.sub(r"\W", "_", str(Path(name).with_suffix(""))): Path(name).read_text() for name in sys.argv[1:]}
        sys.stdout.write("\n".join(join(units)) + "\n")
