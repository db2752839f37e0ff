"""CircuitPython's type stubs, pinned: what its modules have, for mypy and for the shim that the tests run soundfw on.

The package is installed into a folder of its own: its stubs of hashlib or traceback must not be found beside CPython's.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "10.3.1"
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / f"circuitpython-stubs-{VERSION}"
BOARD = "raspberry_pi_pico"
_TYPE_PARAMETERS = re.compile(r"^(\s*def \w+)\[\w+\]", re.MULTILINE)  # of Python 3.12


def installed() -> Path:
    """Return the folder of the stubs, one package for each module; install them first if they are not there."""
    if FOLDER.is_dir():
        return FOLDER
    FOLDER.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as work:
        made = Path(work) / "stubs"
        words = ["pip", "install", "--quiet", "--no-deps", "--target", str(made), f"circuitpython-stubs=={VERSION}"]
        subprocess.run([sys.executable, "-m", *words], check=True)
        # mypy looks for NAME-stubs behind CPython's own modules; for NAME, in mypy_path, before them.
        for path in made.glob("*-stubs"):
            path.rename(made / path.name.removesuffix("-stubs"))
        try:
            made.rename(FOLDER)
        except OSError:
            if not FOLDER.is_dir():  # else another process was faster
                shutil.rmtree(made)
                raise
    return FOLDER


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
