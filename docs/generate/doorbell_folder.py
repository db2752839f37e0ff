"""The folder that a reader of the page `doorbell.md` has after its second step, and commands that run in it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

from soundsdk.cli import run

DOCS = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def doorbell_folder() -> Iterator[None]:
    """Work in a folder in which the program of the page has made my_sounds and evening.wav."""
    page = (DOCS / "doorbell.md").read_text(encoding="utf-8")
    program = re.search(r"<!-- file: make_sounds.py -->\n *```python\n(.*?)\n *```", page, re.DOTALL)
    assert program is not None
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            exec(compile(textwrap.dedent(program[1]), "make_sounds.py", "exec"), {"__name__": "__main__"})
            yield
        finally:
            os.chdir(before)


def output_of(words: tuple[str, ...], *, errors: bool = False) -> list[str]:
    """Run a soundsdk command and return the lines of its standard output; AssertionError if it fails.

    errors: with those of standard error among them, as a terminal shows them.
    """
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out if errors else io.StringIO()):
        code = run(list(words))
    assert code == 0, f"soundsdk {' '.join(words)} ended with {code}"
    assert isinstance(out.buffer, io.BytesIO)
    return out.buffer.getvalue().decode("utf-8").splitlines()
