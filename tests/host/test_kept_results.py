"""Keep what was recorded: on Ctrl-C and other signals, on a full disk; and tear no file."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from soundsdk import cli
from soundsdk.errors import OutputError
from soundsdk.whole_file import write_results

RATE = 16000
# The verb, with a line once a second of sound is there.
_RECORD = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has it ignored by what it runs in the background
from soundsdk import cli
from soundsdk.device.audio_lines import Joiner
add = Joiner.add
def told(self, at, pcm):
    before = self.end
    add(self, at, pcm)
    if before < self.begin + 16000 <= self.end:
        print("sound", file=sys.stderr, flush=True)
Joiner.add = told
sys.exit(cli.run())
"""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a minute of noise."""
    path = tmp_path_factory.mktemp("sound") / "noise.wav"
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.05, 60 * RATE), RATE)
    return path


def words(sound: Path, out: Path, *more: str) -> list[str]:
    return ["record", "-p", f"sim:sim,file={sound}", "--label", "bark", "--bits", "16", "-o", str(out), *more]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_take_that_a_signal_ends_is_kept_whole(name: str, code: int, sound: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _RECORD, *words(sound, tmp_path, "--seconds", "50")]
    shown = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert shown.stderr is not None
        first = shown.stderr.readline()
        assert first == "sound\n"
        shown.send_signal(getattr(signal, name))
        out, err = shown.communicate(timeout=60)
    finally:
        shown.kill()
    assert shown.returncode == code, first + err
    (path,) = map(Path, out.split())
    pcm, rate = soundfile.read(path, dtype="int16")
    about = json.loads(path.with_suffix(".json").read_text())
    assert rate == RATE
    assert (about["interrupted"], about["whole"], about["captured"]) == (True, False, len(pcm))
    assert RATE < len(pcm) < 40 * RATE
    assert "interrupted: what had arrived is kept" in err
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".json", ".wav"]


def during_write(monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None]) -> None:
    """Call act with the target of each file just before it takes its place."""
    replace = os.replace

    def first_act(source: Any, target: Any) -> None:
        act(Path(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", first_act)


def test_ctrl_c_while_a_take_is_written_waits_until_it_is(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    during_write(monkeypatch, lambda target: os.kill(os.getpid(), signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    try:
        assert cli.run(words(sound, tmp_path, "--seconds", "1", "--count", "3")) == 130
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    (path,) = map(Path, capfd.readouterr().out.split())
    assert len(soundfile.read(path)[0]) == RATE
    assert json.loads(path.with_suffix(".json").read_text())["whole"]


def test_a_full_disk_is_named_and_the_take_is_kept_elsewhere(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    full, here = tmp_path / "full", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def no_room(target: Path) -> None:
        if full in target.parents and target.suffix == ".json":
            raise OSError(errno.ENOSPC, "No space left on device")

    during_write(monkeypatch, no_room)
    assert cli.run(words(sound, full, "--seconds", "1")) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "cannot be written: No space left on device; both files were written into" in err
    assert "Move them from there." in err
    (kept,) = here.iterdir()
    assert str(kept) in err
    assert sorted(path.suffix for path in kept.iterdir()) == [".json", ".wav"]
    assert len(soundfile.read(next(kept.glob("*.wav")))[0]) == RATE
    assert not [path for path in full.rglob("*") if path.is_file()], "no half of a take"


def test_results_that_fit_nowhere_are_one_sentence_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def no_room(target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    during_write(monkeypatch, no_room)
    with pytest.raises(OutputError, match="No space left on device, nor anywhere else"):
        write_results({tmp_path / "a" / "x.txt": b"1", tmp_path / "b" / "y.txt": b"2"})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.skipif(os.name == "nt", reason="Windows removes no folder that is in use")
def test_a_result_survives_its_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone, home = tmp_path / "gone", tmp_path / "home"
    gone.mkdir()
    home.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setenv("HOME", str(home))
    gone.rmdir()
    with pytest.raises(OutputError, match=r"a/x\.txt cannot be written: .*; both files were written into"):
        write_results({Path("a/x.txt"): b"1", Path("a/b/y.txt"): b"2"})
    (kept,) = home.glob("soundsdk-kept-*")
    assert (kept / "x.txt").read_bytes() == b"1"
    assert (kept / "b" / "y.txt").read_bytes() == b"2"


def test_a_folder_that_has_become_a_file_sends_the_result_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(
        OutputError, match=r"out/x\.txt cannot be written: .*; it was written into .*soundsdk-kept-"
    ) as refused:
        write_results({tmp_path / "out" / "x.txt": b"1"})
    assert refused.value.hint == "Move it from there."
    (kept,) = tmp_path.glob("soundsdk-kept-*")
    assert (kept / "x.txt").read_bytes() == b"1"
    write_results({tmp_path / "gone" / "again" / "x.txt": b"2"})
    assert (tmp_path / "gone" / "again" / "x.txt").read_bytes() == b"2"
