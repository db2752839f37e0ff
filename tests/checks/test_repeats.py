"""The search for repeated blocks: it finds one, in each language, and reads the whole product."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import repeats

PYTHON = "".join(f"    total_{n} = add(total_{n - 1}, step[{n}], scale)\n" for n in range(1, 15))
C = "".join(f"    total_{n} = add(total_{n - 1}, step[{n}], scale);\n" for n in range(1, 15))


@pytest.fixture(autouse=True)
def _jscpd() -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is missing: apt-get install npm")


@pytest.mark.parametrize(("ending", "head", "body", "tail"), [
    ("py", "def {}():\n", PYTHON, ""),
    ("c", "void {}(void) {{\n", C, "}\n"),
    ("h", "static void {}(void) {{\n", C, "}\n"),
    ("cpp", "void {}() {{\n", C, "}\n"),
    ("mjs", "function {}() {{\n", C, "}\n"),
])  # fmt: skip
def test_a_block_that_stands_twice_is_found(tmp_path: Path, ending: str, head: str, body: str, tail: str) -> None:
    for name in ("first", "second"):
        (tmp_path / f"{name}.{ending}").write_text(head.format(name) + body + tail)
    files, lines = repeats.find([tmp_path])
    assert files == 2
    assert len(lines) == 1


def test_nine_lines_may_stand_twice(tmp_path: Path) -> None:
    lines = PYTHON.splitlines(keepends=True)[:9]
    for name in ("first", "second"):
        (tmp_path / f"{name}.py").write_text(f"def {name}():\n" + "".join(lines))
    assert repeats.find([tmp_path]) == (2, [])
