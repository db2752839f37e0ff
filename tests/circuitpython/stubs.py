"""The names and parameters in CircuitPython's stubs, for the shim."""

from __future__ import annotations

import ast
import re

from checks.circuitpython_types import installed

BOARD = "raspberry_pi_pico"
_TYPE_PARAMETERS = re.compile(r"^(\s*def \w+)\[\w+\]", re.MULTILINE)  # of Python 3.12


def parsed(module: str) -> ast.Module:
    """Return the stub of a module; FileNotFoundError if CircuitPython has no such module."""
    text = (installed() / module / "__init__.pyi").read_text(encoding="utf-8")
    return ast.parse(_TYPE_PARAMETERS.sub(r"\1", text))


def modules_of_board() -> frozenset[str]:
    """Return the modules that the board's image has, those without a stub of their own included."""
    text = (installed() / "board_definitions" / BOARD / "__init__.pyi").read_text(encoding="utf-8")
    listed = re.search(r"^ - Included modules: (.*)$", text, re.MULTILINE)
    assert listed is not None
    return frozenset(listed[1].split(", "))
