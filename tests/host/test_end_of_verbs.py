"""The end of every verb that does not end with 0: a sentence, an exit code, and with --json the same last line."""

from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from json_verbs import JSON, ON_BOARDS, command, fill, words_of
from tone_boards import beeps, board

from fake_portaudio import FakeMicrophone, fake_sounddevice
from soundsdk import cli
from soundsdk.commands.end_signals import EndSignals
from soundsdk.errors import EXIT_CODES
from virtual_boards.computer import VirtualComputer
from virtual_boards.virtual_port import VirtualPorts

Capture = pytest.CaptureFixture[str]
SIGNALS = [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated"), ("SIGHUP", 129, "hangup")]
SIGNALS = [one for one in SIGNALS if hasattr(signal, one[0])]
# What is wrong with a call of each verb, and its exit code. A verb that is not here fails the test of all verbs.
FAILS: dict[str, tuple[list[str], int]] = {
    "demo": (["-m", "hoem"], 2),
    "sim": (["no-such.wav"], 1),
    "explain": (["no-such.wav"], 1),
    "data": (["quiet"], 6),
    "evaluate": (["home", "--data", "no-such"], 1),
    "bench": (["home", "--table", "none.json"], 2),
    "evaluate-scenes": (["hoem"], 2),
    "mine": (["hoem", "--audio", "quiet", "-o", "mined"], 2),
    "calibrate": (["tone.tflite", "--max-fa-per-hour", "0.01", "--background", "quiet"], 6),
    "train": (["--data", "no-such", "-o", "trained.tflite"], 1),
    "crossval": (["--data", "no-such", "-o", "folds"], 1),
    "adopt": (["no-such.tflite", "--labels", "a", "-o", "adopted.tflite"], 1),
    "devices": (["--no-such-option"], 2),
    "monitor": ([], 3),
    "listen": (["--microphone", "none"], 3),
    "info": (["hoem"], 2),
    "set": (["threshold=0.8"], 3),
    "doctor": (["-p", "socket://127.0.0.1:1"], 6),
    "record": (["--label", "a", "--seconds", "1", "-o", "recorded"], 3),
    "mic-test": ([], 3),
    "push": (["tone.tflite"], 3),
    "selftest": ([], 3),
    "build": (["rpi_pica", "-o", "out.uf2"], 2),
    "profile": (["rpi_pica"], 2),
    "flash": (["rpi_pica"], 2),
    "install": ([], 3),
    "uninstall": ([], 3),
    "boards": (["no-such-argument"], 2),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def _microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", fake_sounddevice(FakeMicrophone(beeps(5))))


@pytest.fixture
def heard() -> Iterator[None]:
    """Signals as on a terminal: a job in the background inherits some of them ignored."""
    before = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name, _, _ in SIGNALS}
    for number in before:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def last_error(capfd: Capture) -> tuple[dict[str, Any], str]:
    """Return the error of the last line, which is the only one, and standard error."""
    captured = capfd.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert ["error" in line for line in lines] == [False] * (len(lines) - 1) + [True]
    return lines[-1]["error"], captured.err


def test_every_verb_with_json_has_a_call_that_fails() -> None:
    assert sorted(FAILS) == sorted(JSON)


@pytest.mark.parametrize("verb", JSON)
def test_a_verb_that_fails_says_so_in_the_last_line(verb: str, folder: Path, capfd: Capture) -> None:
    words, code = FAILS[verb]
    assert cli.run([verb, *words, "--json"], VirtualComputer()) == code
    error, said = last_error(capfd)
    assert (error["exit_code"], error["cause"]) == (code, EXIT_CODES[code][0])
    assert error["message"] in said, "people read the same"
    assert error["hint"]


@pytest.mark.parametrize("verb", JSON)
def test_a_call_that_cannot_be_read_has_a_hint(verb: str, capfd: Capture) -> None:
    assert cli.run([verb, "--json", "--no-such-option"]) == 2
    error, _ = last_error(capfd)
    assert error["hint"] == f"See soundsdk {verb} --help."


@pytest.mark.parametrize(
    ("verb", "patched"),
    [("bench", ("soundsdk_train.evaluation.bench.worsened", lambda *_: ["high: found 0 of 1, was 1"])),
     ("evaluate-scenes", ("soundsdk_sim.scenes.detection.failures", lambda _: (1, 0)))],
)  # fmt: skip
def test_a_bound_that_is_not_reached_is_the_last_line_after_the_result(
    verb: str, patched: tuple[str, Callable[..., Any]], folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    words = [verb, *words_of(verb, folder), "--json"]
    if verb == "bench":
        assert cli.run(words) == 0
        words += ["--against", str(folder / "bench.json")]
    capfd.readouterr()
    monkeypatch.setattr(*patched)
    assert cli.run(words) == 6
    error, said = last_error(capfd)
    assert error["cause"] == "check"
    assert error["message"] in said


def test_no_verb_returns_an_exit_code() -> None:
    """Each verb raises its errors, as an exit code that it returned would have no last line."""
    returned = {verb: inspect.signature(command(verb).callback or len).return_annotation for verb in cli.VERBS}
    assert {verb: kind for verb, kind in returned.items() if kind not in ("None", None)} == {}


def signal_within(verb: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process a signal once a verb has begun its own work: at the third call within it."""
    found, calls = command(verb), 0
    original = found.callback
    assert original is not None

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call"
        if calls == 3:
            calls += 1
            sys.setprofile(None)
            os.kill(os.getpid(), number)

    def counted(*args: Any, **options: Any) -> Any:
        sys.setprofile(count)
        try:
            return original(*args, **options)
        finally:
            sys.setprofile(None)

    monkeypatch.setattr(found, "callback", counted)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process at once")
@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(
    ("name", "code", "cause", "verb"), [(*SIGNALS[i % len(SIGNALS)], verb) for i, verb in enumerate(JSON)]
)
def test_a_verb_that_a_signal_ends_says_so_in_the_last_line(
    name: str, code: int, cause: str, verb: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    (folder / "ports").mkdir()
    with VirtualPorts(folder / "ports") as ports:
        if verb in ON_BOARDS:
            ports.add(lambda: board(beeps(60)))
        signal_within(verb, getattr(signal, name), monkeypatch)
        assert cli.run([verb, *words_of(verb, folder), "--json"], ports) == code
    error, said = last_error(capfd)
    assert (error["exit_code"], error["cause"]) == (code, cause)
    assert f"soundsdk: {error['message']}\n" in said
    assert "Traceback" not in said


@pytest.mark.usefixtures("heard")
def test_signals_are_given_back_and_none_that_python_does_not_know_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with EndSignals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
    # So Python answers for a handler that a library in C has set.
    monkeypatch.setattr(signal, "getsignal", lambda _: None)
    with EndSignals():
        monkeypatch.undo()
        assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.usefixtures("heard")
def test_a_signal_that_was_held_back_ends_one_context_only() -> None:
    written = []

    def write(signals: EndSignals, number: int | None) -> None:
        with signals.held_back():
            if number is not None:
                os.kill(os.getpid(), number)
            written.append(number)

    with EndSignals() as signals:
        with pytest.raises(KeyboardInterrupt):
            write(signals, signal.SIGINT)
        write(signals, None)
    assert written == [signal.SIGINT, None]


# As the script of the wheel starts it; Ctrl-C comes while the module named is imported.
_IMPORTING = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
class CtrlC:
    def find_spec(self, name, *_):
        if name == "NAME":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
sys.argv[1:] = ["boards"]
from soundsdk.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["soundsdk.cli", "click", "soundsdk.errors"])
def test_ctrl_c_during_the_imports_is_quiet(module: str) -> None:
    script = _IMPORTING.replace("NAME", module)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_the_installed_program_starts_there() -> None:
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'soundsdk = "soundsdk.__main__:main"' in text


@pytest.mark.parametrize(
    ("error", "says", "hint"),
    [
        (BrokenPipeError(32, "Broken pipe"), "the system refuses: Broken pipe.", "--debug"),
        (OSError(12, "Cannot allocate memory"), "the system refuses: Cannot allocate memory.", "--debug"),
        (OSError(40, "Too many levels of symbolic links", "a"), "'a' cannot be used: Too many", "Check the path"),
    ],
)
def test_a_failure_of_the_system_is_never_a_silent_0_and_names_a_path_only_if_there_is_one(
    error: OSError, says: str, hint: str, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(command("boards"), "callback", fail)
    assert cli.run(["boards", "--json"]) == 1
    found, _ = last_error(capfd)
    assert found["message"].startswith(says)
    assert hint in found["hint"]
