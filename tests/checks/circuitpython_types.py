"""Check what runs on CircuitPython alone with mypy --strict, against CircuitPython's stubs.

    python tests/checks/circuitpython_types.py

The stubs' package, pinned, is installed into a folder of its own: its stubs of hashlib or traceback must not be found
beside CPython's. The exit code is mypy's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

VERSION = "10.3.1"
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cache" / f"circuitpython-stubs-{VERSION}"
CONFIG = ROOT / "tests" / "circuitpython" / "mypy.ini"
MORE = ROOT / "tests" / "circuitpython" / "more_stubs"  # of modules that the package leaves out


def installed() -> Path:
    """Return the folder of the stubs, one package for each module; install them first if they are not there."""
    if FOLDER.is_dir():
        return FOLDER
    FOLDER.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER.parent) as work:
        made = Path(work) / "stubs"
        words = ["pip", "install", "--quiet", "--no-deps", "--target", str(made), f"circuitpython-stubs=={VERSION}"]
        done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"CircuitPython's stubs cannot be installed: {done.stderr}")
        # mypy looks for NAME-stubs behind CPython's own modules; for NAME, in mypy_path, before them.
        for path in made.glob("*-stubs"):
            path.rename(made / path.name.removesuffix("-stubs"))
        try:
            made.rename(FOLDER)
        except OSError:
            if not FOLDER.is_dir():  # else another process was faster
                raise
    return FOLDER


def files() -> list[Path]:
    """Return the files that import modules of CircuitPython."""
    soundfw = ROOT / "firmware" / "soundfw"
    return sorted([*soundfw.glob("*/circuit*.py"), *(ROOT / "firmware" / "ports" / "circuitpython").glob("*.py")])


def check(paths: list[Path]) -> subprocess.CompletedProcess[str]:
    """Run mypy over files and return what it says."""
    folders = [installed(), MORE, ROOT / "firmware", ROOT / "firmware" / "cmodules" / "soundcore"]
    cache = ROOT / ".mypy_cache" / "circuitpython"
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(CONFIG), "--cache-dir", str(cache), *map(str, paths)],
        env={**os.environ, "MYPYPATH": os.pathsep.join(map(str, folders))},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def main() -> int:
    """Check the project's files; return mypy's exit code."""
    done = check(files())
    print(done.stdout + done.stderr, end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
