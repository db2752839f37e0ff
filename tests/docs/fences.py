"""The fenced blocks of a page of the site, each with the mark above it that says how it is tested.

<!-- run -->: a console's commands end with 0 and print what the block shows (shown_output.py); Python runs
<!-- run: exit 6 -->: the last command ends with 6
<!-- run: board -->: on a computer with a virtual board plugged in; `board plays FILE`: what it hears
<!-- run: numbers vary -->: the block's figures are those of an example: names and columns are compared, digits by form
<!-- prints -->: a text, all that the Python block above it prints; `numbers vary` as above
<!-- tree -->: a text, folders (with a slash at the end) that are in the page's folder
<!-- decoded: TEST -->: a text, the layout of data that this test of tests/docs decodes by it
<!-- file: NAME -->: written to the page's folder, where the following blocks find it
<!-- parsed: REASON -->: not run, for this reason: arguments are parsed, Python is compiled, data is read
<!-- copy: PATH -->: a file of the project, word for word, which has tests of its own
<!-- shown -->: an example of data: JSON, where crc members are checked, TOML, YAML, INI
<!-- generated -->: made from the code while the site is built
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

MARKS = ("run", "prints", "file", "parsed", "copy", "shown", "tree", "decoded", "generated")
OF_TEXT = ("prints", "tree", "decoded")  # a text is one of these, and nothing else is
LANGUAGES = ("console", "python", "json", "toml", "yaml", "text", "ini")
_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w-]*)(?P<more>.*)$")
_MARK = re.compile(r"^ *<!-- (?P<mark>\w+)(?:: (?P<about>.+?))? -->$")


_CONTINUES = re.compile(r"^<!-- continues: (\S+) -->$", re.MULTILINE)


class FenceError(Exception):
    """A block that no test could follow: without a mark or a language, or never closed."""


@dataclass(frozen=True)
class Fence:
    """One block. line: of its opening in the page, from 1; about: what its mark says after the colon."""

    line: int
    language: str
    mark: str
    about: str
    text: str


@dataclass(frozen=True)
class Command:
    """One command of a console block, comments included, and the lines that it shows of its output."""

    line: str
    shows: tuple[str, ...]


def continued(page: Path) -> str:
    """Return the name of the page in whose folder, as that leaves it, a page goes on; "" for one that starts anew."""
    found = _CONTINUES.search(page.read_text(encoding="utf-8"))
    return found[1] if found else ""


def fences(page: Path) -> list[Fence]:
    """Return the blocks of a page in their order; FenceError names the line of one that no test could follow."""
    return fences_of(page.read_text(encoding="utf-8"), page.name)


def fences_of(text: str, name: str = "page") -> list[Fence]:
    """Return the blocks of a page's text."""
    lines = text.splitlines()
    found: list[Fence] = []
    at = 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        if not opening:
            at += 1
            continue
        start, indent = at, len(opening["indent"])
        closing = opening["indent"] + opening["ticks"]
        at += 1
        while at < len(lines) and lines[at].rstrip() != closing:
            at += 1
        if at == len(lines):
            raise FenceError(f"{name}:{start + 1}: the block is never closed")
        body = "".join(f"{line[indent:]}\n" for line in lines[start + 1 : at])
        found.append(_fence(name, start + 1, opening, lines[start - 1] if start else "", body))
        at += 1
    return found


def _fence(name: str, line: int, opening: re.Match[str], above: str, body: str) -> Fence:
    mark = _MARK.match(above)
    if mark is None or mark["mark"] not in MARKS:
        raise FenceError(f"{name}:{line}: no mark above the block says how it is tested ({', '.join(MARKS)})")
    if opening["language"] not in LANGUAGES or opening["more"].strip():
        raise FenceError(f"{name}:{line}: the block's language is {opening['language'] or 'missing'}, not one of ours")
    if mark["mark"] in ("file", "parsed", "copy", "decoded") and not mark["about"]:
        raise FenceError(f"{name}:{line}: `{mark['mark']}` needs a name or a reason after a colon")
    if (mark["mark"] in OF_TEXT) != (opening["language"] == "text") and mark["mark"] != "generated":
        raise FenceError(f"{name}:{line}: a text, and nothing else, is one of {', '.join(OF_TEXT)}")
    return Fence(line, opening["language"], mark["mark"], mark["about"] or "", body)


def commands(text: str) -> list[Command]:
    """Return the commands of a console block: lines after `$ `, which a backslash continues, then their output."""
    found: list[Command] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command = command[:-1] + next(lines).strip()
            found.append(Command(command, ()))
        elif not found:
            raise FenceError(f"output comes before the first command: {line}")
        else:
            found[-1] = Command(found[-1].line, (*found[-1].shows, line))
    return found
