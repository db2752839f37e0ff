"""Find blocks of ten lines and more that stand twice in the product; jscpd, of a pinned version, does the search.

    python tests/checks/repeats.py [FOLDER ...]

Needs npm, once: it installs jscpd into `.cache`. Prints each pair, and exits with 1 if there are any.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("host_sdk", "sim", "training", "firmware")
VERSION = "4.3.0"
MIN_LINES = 10
FORMATS = "python,c,c-header,cpp,javascript,css,bash"


def program() -> Path:
    """Install jscpd if it is not there, and return its path; SystemExit says what is missing."""
    folder = ROOT / ".cache" / f"jscpd-{VERSION}"
    path = folder / "node_modules" / ".bin" / "jscpd"
    if path.exists():
        return path
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("repeats.py: npm is missing, and jscpd with it. On Debian: apt-get install npm")
    folder.parent.mkdir(exist_ok=True)
    # Installed beside its place and moved there as a whole: lint and tests may get here at the same time.
    with tempfile.TemporaryDirectory(prefix="jscpd-", dir=folder.parent) as work:
        made = str(Path(work) / "made")
        words = [npm, "install", "--prefix", made, "--no-audit", "--no-fund", "--loglevel=error", f"jscpd@{VERSION}"]
        done = subprocess.run(words, stdout=subprocess.DEVNULL, check=False, timeout=600)
        if done.returncode:
            sys.exit(f"repeats.py: npm could not install jscpd {VERSION}; it says why above")
        with contextlib.suppress(OSError):  # another process was faster
            Path(made).rename(folder)
    return path


def find(folders: list[Path]) -> tuple[int, list[str]]:
    """Return how many files were read, and one line for each repeated block."""
    with tempfile.TemporaryDirectory() as out:
        words = [str(program()), *map(str, folders), "--format", FORMATS, "--min-lines", str(MIN_LINES)]
        words += ["--max-lines", "100000", "--max-size", "10mb", "--reporters", "json", "--output", out, "--silent"]
        subprocess.run(words, cwd=ROOT, stdout=subprocess.DEVNULL, check=True, timeout=300)
        report: dict[str, Any] = json.loads((Path(out) / "jscpd-report.json").read_text())
    files = sum(len(kind["sources"]) for kind in report["statistics"]["formats"].values())
    return files, [_pair(clone) for clone in report["duplicates"]]


def _pair(clone: dict[str, Any]) -> str:
    first, second = clone["firstFile"], clone["secondFile"]
    return f"{first['name']}:{first['start']}: {clone['lines']} lines, again at {second['name']}:{second['start']}"


def main() -> int:
    """Search the folders named on the command line, else the product; return the exit code."""
    files, lines = find([Path(word).resolve() for word in sys.argv[1:]] or [ROOT / name for name in FOLDERS])
    print("\n".join(lines) or f"{files} files, no block of {MIN_LINES} lines twice")
    return 1 if lines or not files else 0


if __name__ == "__main__":
    sys.exit(main())
