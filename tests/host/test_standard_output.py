"""Standard output that cannot be written is one sentence and exit code 1, whichever verb prints; a closed pipe is 0."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from json_verbs import JSON, ON_BOARDS, PRINTING_ONLY, command, fill, words_of
from tone_boards import beeps, board

from fake_portaudio import FakeMicrophone, fake_sounddevice
from soundsdk import cli
from soundsdk.device.system import System
from virtual_boards.virtual_port import VirtualPorts

FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


# Verbs that print an object for each of several things; the others print one.
STREAMS = ("boards", "devices", "doctor", "record", "monitor", "listen", "sim", "explain", "bench")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a detector, recordings of its labels, and long sound without them."""
    fill(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", fake_sounddevice(FakeMicrophone(beeps(5))))


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[VirtualPorts]:
    (tmp_path / "ports").mkdir()
    with VirtualPorts(tmp_path / "ports") as ports:
        yield ports


def into_full(words: list[str], monkeypatch: pytest.MonkeyPatch, system: System | None = None) -> int:
    with open(FULL, "w", encoding="utf-8") as full, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", full)
        return cli.run(words, system)


def check(code: int, capfd: pytest.CaptureFixture[str]) -> None:
    said = capfd.readouterr().err
    assert code == 1, said
    assert said.count("soundsdk: standard output cannot be written: No space left on device.") == 1
    assert "internal error" not in said


@pytest.mark.parametrize("verb", [verb for verb in JSON if verb not in PRINTING_ONLY])
def test_json_that_cannot_be_written_is_exit_code_1(
    verb: str, folder: Path, ports: VirtualPorts, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    if verb in ON_BOARDS:
        ports.add(lambda: board(beeps(60)))
    words = [verb, *words_of(verb, folder), "--json"]
    check(into_full(words, monkeypatch, ports if verb in ON_BOARDS else None), capfd)


@pytest.mark.parametrize("verb", [verb for verb in JSON if verb not in PRINTING_ONLY])
def test_json_is_one_object_a_line_and_a_closed_pipe_is_exit_code_0(
    verb: str, folder: Path, ports: VirtualPorts, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same holds for a check that fails afterwards: then the last object is the error."""
    if verb in ON_BOARDS:
        ports.add(lambda: board(beeps(60)))
    system = ports if verb in ON_BOARDS else None
    words = [verb, *words_of(verb, folder), "--json"]
    code = cli.run(words, system)
    objects = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert objects
    assert all(isinstance(one, dict) for one in objects)
    failed = [one for one in objects if "error" in one]
    assert code in (0, 6)
    assert all(one["error"]["exit_code"] == code for one in failed)
    if verb not in STREAMS:
        assert len(objects) - len(failed) == 1
    read, write = os.pipe()
    os.close(read)
    if verb == "record":
        words[-2:-1] = [str(folder / "recorded again")]
    with os.fdopen(write, "w") as pipe, monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", pipe)
        assert cli.run(words, system) == 0
    said = capfd.readouterr().err
    assert "internal error" not in said
    assert "Broken pipe" not in said


@pytest.mark.parametrize("verb", PRINTING_ONLY)
def test_what_long_work_prints_follows_the_same_rule(
    verb: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    found = command(verb)
    monkeypatch.setattr(found, "callback", lambda **options: click.echo(json.dumps(sorted(options))))
    monkeypatch.setattr(found, "params", [])
    check(into_full([verb], monkeypatch), capfd)


@pytest.mark.parametrize("verb", list(cli.VERBS))
def test_help_that_cannot_be_written_is_exit_code_1(
    verb: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    check(into_full([verb, "--help"], monkeypatch), capfd)


def shell(line: str) -> subprocess.CompletedProcess[str]:
    text = f"{sys.executable} -m soundsdk {line}"
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=60)


def test_a_process_says_it_once_and_has_that_exit_code() -> None:
    done = shell("boards --json > /dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "soundsdk: standard output cannot be written: No space left on device."
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("form", ["jsonl", "tsv", "audacity"])
def test_the_lines_of_a_simulation_follow_the_same_rule(
    form: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """They are written as bytes, which is another way out of Python."""
    words = ["sim", str(folder / "data" / "high" / "a.wav"), "-m", str(folder / "tone.tflite"), "--format", form]
    check(into_full(words, monkeypatch), capfd)


def test_a_closed_standard_output_is_refused_before_any_work(tmp_path: Path) -> None:
    done = shell(f"record --label a --seconds 1 -o {tmp_path}/there >&-")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "soundsdk: standard output is closed."


@pytest.mark.parametrize("there", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(
    ("line", "code"),
    [("boards", 0), ("info no-such", 2), ("monitor -p sim:sim --seconds 1 --web --json", 0), ("info -p /dev/null", 3)],
)
def test_a_standard_error_that_cannot_be_written_changes_nothing(line: str, code: int, there: str) -> None:
    done = shell(f"{line} {there}")
    assert (done.returncode, done.stderr) == (code, "")
    assert bool(done.stdout) == (code == 0)


def test_a_file_that_cannot_be_read_is_not_blamed_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise PermissionError(13, "Permission denied", "a.wav")

    found = command("boards")
    monkeypatch.setattr(found, "callback", fail)
    assert cli.run(["boards"]) == 1
    said = capfd.readouterr().err
    assert "'a.wav' cannot be used: Permission denied" in said
    assert "standard output" not in said
