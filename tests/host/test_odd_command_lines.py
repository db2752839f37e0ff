"""No command line, however odd, ends in a traceback: one sentence, and an exit code that is documented.

SOUNDSDK_FUZZ: the number of command lines (60 here; `make fuzz` draws 500). SOUNDSDK_FUZZ_SEED: another seed.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import odd_command_lines
import pytest

from soundsdk import cli
from soundsdk.errors import EXIT_CODES
from virtual_boards.computer import VirtualComputer

COUNT = int(os.environ.get("SOUNDSDK_FUZZ", "60"))
SEED = int(os.environ.get("SOUNDSDK_FUZZ_SEED", "1"))
LONGEST_S = 4  # of one command line; then Ctrl-C


@contextlib.contextmanager
def interrupted_after(seconds: int) -> Iterator[None]:
    """Press Ctrl-C after a while, and again if that is not heard."""

    def press(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, press)
    signal.setitimer(signal.ITIMER_REAL, seconds, 2.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def run(words: list[str]) -> tuple[int, str]:
    """Run a command line; return its exit code and what it said."""
    written, err = io.BytesIO(), io.StringIO()
    out = io.TextIOWrapper(written, "utf-8", errors="surrogateescape")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            with interrupted_after(LONGEST_S):
                code = cli.run(words, system=VirtualComputer())
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except KeyboardInterrupt:
            code = 130
    out.flush()
    return code, written.getvalue().decode(errors="replace") + err.getvalue()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> odd_command_lines.OddFiles:
    return odd_command_lines.write_files(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="this system has no SIGALRM")
def test_odd_command_lines_end_in_a_sentence(
    files: odd_command_lines.OddFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))  # no compiler: nothing is built
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    rng, codes, wrong = random.Random(SEED), Counter[int](), []
    for _ in range(COUNT):
        words = odd_command_lines.command_line(rng, files)
        code, said = run(words)
        codes[code] += 1
        broken = re.search(r"Traceback|internal error|\bNone\b is not|<class ", said)
        silent = code not in (0, 130) and not said.strip()
        if broken or silent or code not in EXIT_CODES:
            wrong.append((words, code, said[-500:]))
    print(f"{COUNT} command lines, seed {SEED}: {dict(sorted(codes.items()))}")
    assert len(codes) > 2, "not all of one kind"
    assert not wrong, "\n".join(f"soundsdk {words}\n  {code}: {said}" for words, code, said in wrong)
