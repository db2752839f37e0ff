"""CI's promise: with SOUNDSDK_NO_SKIPS a skipped test fails, in one process and in several."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TESTS = {
    "test_call.py": 'import pytest\ndef test_it():\n    pytest.skip("no compiler")\n',
    "test_module.py": 'import pytest\npytest.importorskip("no_such_module")\ndef test_it():\n    pass\n',
    "test_provided.py": 'import pytest\ndef test_it():\n    pytest.skip("no recordings at SOUNDSDK_DATA")\n',
    "test_xfail.py": "import pytest\n@pytest.mark.xfail\ndef test_it():\n    assert False\n",
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("strict", "names"), [("1", {"test_call.py", "test_module.py"}), ("0", set()), (None, set())])
def test_only_what_a_person_provides_may_be_missing_in_ci(
    tmp_path: Path, workers: int, strict: str | None, names: set[str]
) -> None:
    shutil.copy(HERE / "conftest.py", tmp_path)
    for name, text in TESTS.items():
        (tmp_path / name).write_text(text)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "SOUNDSDK_"))}
    if strict is not None:
        environment["SOUNDSDK_NO_SKIPS"] = strict
    words = [sys.executable, "-m", "pytest", "-rfE", "--rootdir", ".", "-c", "/dev/null", "-n", str(workers)]
    # Without this pytest ends at the first module that cannot be collected.
    words += ["--continue-on-collection-errors", "-p", "no:cacheprovider"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert set(re.findall(r"^(?:FAILED|ERROR) (\w+\.py)", done.stdout, re.MULTILINE)) == names, done.stdout
    assert done.returncode == (1 if names else 0), done.stdout
