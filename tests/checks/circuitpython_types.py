"""Check what runs on CircuitPython alone with mypy --strict, against CircuitPython's stubs.

    python tests/checks/circuitpython_types.py

A run of its own, because these stubs take the place of CPython's. The exit code is mypy's.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from circuitpython import stubs  # noqa: E402

CONFIG = ROOT / "tests" / "circuitpython" / "mypy.ini"
EXTRA = ROOT / "tests" / "circuitpython" / "more_stubs"  # of modules that the package leaves out


def files() -> list[Path]:
    """Return the files that import modules of CircuitPython."""
    soundfw = ROOT / "firmware" / "soundfw"
    return sorted([*soundfw.glob("*/circuit*.py"), *(ROOT / "firmware" / "ports" / "circuitpython").glob("*.py")])


def check(paths: list[Path]) -> subprocess.CompletedProcess[str]:
    """Run mypy over files and return what it says."""
    folders = [stubs.installed(), EXTRA, ROOT / "firmware", ROOT / "firmware" / "cmodules" / "soundcore"]
    cache = ROOT / ".mypy_cache" / "circuit"
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(CONFIG), "--cache-dir", str(cache), *map(str, paths)],
        env={"PATH": "", "MYPYPATH": ":".join(map(str, folders))},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


if __name__ == "__main__":
    done = check(files())
    print(done.stdout + done.stderr, end="")
    sys.exit(done.returncode)
