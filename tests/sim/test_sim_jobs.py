"""`soundsdk sim --jobs`: the same output as without, and an end that leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundsdk.cli import run as cli
from waiting import PATIENCE_S, wait_until


@pytest.fixture
def folder(tmp_path: Path, sound: np.ndarray) -> Path:
    """Return a folder of three recordings that are heard and one that is none."""
    path = tmp_path / "recordings"
    path.mkdir()
    for i in range(3):
        soundfile.write(path / f"{i}.wav", np.tile(sound, 3 - i), 16000, subtype="PCM_16")
    (path / "1b.wav").write_text("no sound")
    return path


@pytest.mark.parametrize("words", [[], ["--format", "tsv"], ["--set", "action.high=pin:15,high,1s"],
                                   ["--json", "--set", "action.low=pin:4,low,200ms"]])  # fmt: skip
def test_several_at_once_print_the_same_in_the_same_order(
    words: list[str], folder: Path, model_file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    results = []
    for jobs in ("1", "2", "9"):
        code = cli(["sim", str(folder), "-m", str(model_file), "--jobs", jobs, *words])
        out, err = capfd.readouterr()
        assert code == 1
        assert "1b.wav is not sound" in err
        assert "1 of 4 recordings" in err
        results.append((out, err))
    assert len(results[0][0].splitlines()) > 10
    # Without processes of their own, what is switched stands between the lines on two streams; each stream is the same.
    assert results == [results[0]] * 3


def _started(folder: Path, model_file: Path) -> tuple[subprocess.Popen[bytes], list[int]]:
    """Start two recordings of half a minute each in real time, and return the processes that play them."""
    words = ["sim", str(folder / "0.wav"), str(folder / "1.wav"), "--jobs", "2", "--realtime", "-m", str(model_file)]
    process = subprocess.Popen(
        [sys.executable, "-m", "soundsdk", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # Ignored where tests run in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip

    def players() -> list[int]:
        found = []
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = entry.read_text().rsplit(")", 1)[1].split()
                command = (entry.parent / "cmdline").read_text()
            except OSError:
                continue
            if int(fields[1]) == process.pid and "spawn_main" in command:
                found.append(int(entry.parent.name))
        return found if len(found) == 2 else []

    return process, wait_until(players, "two processes that play")


def _ended(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_all_processes(number: int, code: int, folder: Path, model_file: Path) -> None:
    process, players = _started(folder, model_file)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert b"Traceback" not in err
    wait_until(lambda: _ended(players))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are looked up in /proc")
def test_a_process_that_is_killed_is_one_sentence(folder: Path, model_file: Path) -> None:
    process, players = _started(folder, model_file)
    os.kill(players[0], signal.SIGKILL)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert b"was ended" in err
    assert b"--jobs" in err
    assert b"Traceback" not in err
    wait_until(lambda: _ended(players))
