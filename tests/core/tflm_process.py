"""Python with another build of soundcore than the installed one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_LOAD = """
import importlib.util, sys
_spec = importlib.util.spec_from_file_location("soundcore", sys.argv.pop(1))
sys.modules["soundcore"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["soundcore"])
"""


def with_engine(extension: Path, code: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process where `import soundcore` gives that extension module; sys.argv[1:] are the words."""
    return subprocess.run(
        [sys.executable, "-c", _LOAD + code, str(extension), *words],
        capture_output=True, text=True, timeout=900, check=False, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
