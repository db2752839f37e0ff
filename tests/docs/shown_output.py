"""Comparison of the output that a page shows with what a command prints.

Every line printed is shown, in its order and to the letter, but for what the page leaves out by `...`: alone in a line
any lines, none too; within a line any text. A command that shows nothing prints nothing, and `...` alone shows nothing.

With numbers_vary the figures are those of an example, since they depend on the machine, a clock or a short training: a
number stands for any number, and columns may be wider. Words, names, units and their order count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_ANY = "..."
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?![\d\w])|(?<=\d[x:])\d+")
_FILL = re.compile(r"([ ━─═┄-])\1+")  # what makes columns as wide as their figures


def difference(expected: Sequence[str], output: str, *, numbers_vary: bool = False) -> str:
    """Return what keeps output from being what a page shows, as a sentence; "" if it is."""
    form = _form if numbers_vary else str.rstrip
    found = [form(line) for line in output.splitlines() if line.strip()]
    shown = [form(line) for line in expected if line.strip()]
    if not shown:
        return f"it prints, and nothing is shown: {found[0]}" if found else ""
    if not any(line.strip(". ") for line in shown):
        return f"`{_ANY}` alone shows nothing"
    return _first_missing(shown, found)


def _first_missing(shown: list[str], found: list[str]) -> str:
    """Return a sentence about the first line of shown that is not where it should be; "" if all are."""
    at, gap = 0, False
    for line in shown:
        if line.strip() == _ANY:
            gap = True
            continue
        pattern = re.compile(".*?".join(re.escape(part) for part in line.split(_ANY)))
        while gap and at < len(found) and not pattern.fullmatch(found[at]):
            at += 1
        if at == len(found):
            return f"it does not print this, or not here: {line}"
        if not pattern.fullmatch(found[at]):
            return f"it prints\n  {found[at]}\nwhere this is shown\n  {line}"
        at, gap = at + 1, False
    return "" if gap or at == len(found) else f"it prints more than is shown: {found[at]}"


def _form(line: str) -> str:
    """Return a line with its numbers and its widths replaced by their form."""
    return _FILL.sub(r"\1", _NUMBER.sub("0", line)).strip()
