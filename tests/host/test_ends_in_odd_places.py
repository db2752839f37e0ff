"""Ends that come where nobody waits for one: among imports, in a __del__, twice, with closed outputs, with --debug."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from json_verbs import command

from soundsdk import __main__, cli
from soundsdk.commands import end_signals
from soundsdk.commands.end_signals import EndSignals
from soundsdk.errors import EXIT_CODES, OutputError

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows ends a process at once")

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch
LONG_S = 120.0  # reached only by a failure


@pytest.fixture
def _heard() -> Iterator[None]:
    """Signals as on a terminal: a job in the background inherits some of them ignored."""
    numbers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in numbers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def shell(line: str) -> subprocess.CompletedProcess[str]:
    text = f"{sys.executable} -m soundsdk {line}"
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=LONG_S)


def python(script: str, *words: str, after: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script whose signals are those of a terminal; after: what the shell is to do with its descriptors."""
    begin = "import os, signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    begin += "for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_DFL)\n"
    line = ["sh", "-c", f'exec "$@" {after}', "sh", sys.executable, "-c", begin + script, *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=LONG_S)


def as_verb(act: Callable[[], None], patch: Patch) -> None:
    """Let the verb `boards` do something else."""
    patch.setattr(command("boards"), "callback", lambda **_: act())


def errors_in(out: str) -> list[dict[str, object]]:
    return [one["error"] for one in map(json.loads, out.splitlines()) if "error" in one]


# What a verb finds of the streams that it was started without.
_STREAMS = """
import soundsdk_sim.commands.boards, soundsdk.cli
from soundsdk_train.tf_runtime import StderrSilenced
def act(**_):
    import click
    with StderrSilenced():
        os.write(2, b"unseen")
    nothing = os.stat(os.devnull)
    for number in range(3):
        there = os.fstat(number)
        print(number, (there.st_dev, there.st_ino) == (nothing.st_dev, nothing.st_ino))
    click.echo("lost", err=True)
    print(sys.stderr.isatty(), open(os.devnull).fileno() > 2)
soundsdk_sim.commands.boards.boards.callback = act
sys.exit(soundsdk.cli.run(["boards"]))
"""


def test_closed_inputs_and_errors_are_nothing_and_no_later_file_takes_their_place() -> None:
    done = python(_STREAMS, after="0<&- 2>&-")
    assert (done.returncode, done.stdout) == (0, "0 True\n1 False\n2 True\nFalse True\n")


@pytest.mark.parametrize("there", ["2>&-", "<&- 2>&-"])
def test_a_recording_without_standard_error_is_made(there: str, tmp_path: Path) -> None:
    done = shell(f"record -p sim:sim --label a --seconds 1 -o {tmp_path} --json {there}")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["label"] == "a"


def test_the_words_of_a_usage_error_are_never_among_the_json() -> None:
    done = shell("boards --json --no-such-option 2>&-")
    (error,) = errors_in(done.stdout)
    assert (done.returncode, error["exit_code"]) == (2, 2)


def test_standard_error_that_is_closed_is_silenced_without_an_error() -> None:
    script = "from soundsdk_train.tf_runtime import StderrSilenced\nwith StderrSilenced():\n    print('inside')"
    done = python(script, after="2>&-")
    assert (done.returncode, done.stdout) == (0, "inside\n")


class _OfTensorFlow(Exception):
    """Stands for what TensorFlow makes of a KeyboardInterrupt."""


@pytest.mark.usefixtures("_heard")
@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (RuntimeError("in a callback"), ""),
        (SystemError("returned a result with an exception set"), ""),
        (_OfTensorFlow("in user code"), ""),
        (OutputError("the disk is full.", "It is in /tmp instead."), "the disk is full. It is in /tmp instead."),
        (None, ""),
    ],
)
def test_whatever_a_verb_makes_of_a_signal_is_its_end(
    error: Exception | None, hint: str, monkeypatch: Patch, capfd: Capture
) -> None:
    def act() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            if error is not None:
                raise error from None

    as_verb(act, monkeypatch)
    assert cli.run(["boards", "--json"]) == 143
    captured = capfd.readouterr()
    (said,) = errors_in(captured.out)
    assert (said["exit_code"], said["hint"]) == (143, hint)
    assert captured.err.splitlines()[0] == "soundsdk: terminated."


@pytest.mark.usefixtures("_heard")
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_output_that_is_lost_beside_a_signal_is_no_success(monkeypatch: Patch) -> None:
    def act() -> None:
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        except KeyboardInterrupt:
            click.echo("data")

    as_verb(act, monkeypatch)
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert cli.run(["boards"]) == 129


class _Collected:
    """An object within whose __del__ a signal comes: Python drops the KeyboardInterrupt."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.usefixtures("_heard")
def test_a_signal_within_a_del_ends_what_runs_after_it(monkeypatch: Patch, capfd: Capture) -> None:
    dropped = []

    def act() -> None:
        one = _Collected()
        del one
        dropped.append(True)
        end = time.monotonic() + LONG_S
        while time.monotonic() < end:
            time.sleep(LONG_S)
        raise AssertionError("it went on")

    as_verb(act, monkeypatch)
    assert cli.run(["boards"]) == 130
    assert dropped
    assert capfd.readouterr().err == "soundsdk: interrupted.\n"


@pytest.mark.usefixtures("_heard")
def test_a_signal_within_a_del_waits_where_signals_are_held_back() -> None:
    written = []

    def write(signals: EndSignals) -> None:
        one = _Collected()
        del one
        with signals.held_back():
            end = time.monotonic() + LONG_S
            # Nothing else shows that it has come.
            while not signals._waiting and time.monotonic() < end:
                time.sleep(0.01)
            written.append(time.monotonic() < end)

    with EndSignals() as signals, pytest.raises(KeyboardInterrupt):
        write(signals)
    assert written == [True]


@pytest.mark.usefixtures("_heard")
def test_what_is_dropped_in_a_del_and_is_no_interruption_is_said_as_ever(monkeypatch: Patch) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: said.append(lost.exc_type))
    before = sys.unraisablehook

    class Failing:
        def __del__(self) -> None:
            raise ValueError

    with EndSignals():
        one = Failing()
        del one
    assert said == [ValueError]
    assert sys.unraisablehook is before


@pytest.mark.usefixtures("_heard")
def test_the_first_signal_decides_and_a_later_one_disturbs_no_tidying_up(monkeypatch: Patch, capfd: Capture) -> None:
    tidied = []

    def act() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            tidied.append(True)

    as_verb(act, monkeypatch)
    assert cli.run(["boards", "--json"]) == 130
    assert tidied
    assert [error["exit_code"] for error in errors_in(capfd.readouterr().out)] == [130]


# The verb does not end; the signals come one after the other.
_HUNG = """
import time
from soundsdk.commands.end_signals import EndSignals
with EndSignals() as signals:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except KeyboardInterrupt:
        pass
    with signals.held_back():
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)
        print("held back", flush=True)
    os.kill(os.getpid(), signal.SIGHUP)
    print("hung", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
    print("not ended")
"""


def test_the_third_ctrl_c_ends_what_hangs_with_the_code_of_the_first_signal() -> None:
    done = python(_HUNG)
    assert (done.returncode, done.stdout, done.stderr) == (143, "held back\nhung\n", "")


# A signal ends the verb; others come until the process has ended.
_AFTER = """
import soundsdk_sim.commands.boards
def act(**_):
    os.kill(os.getpid(), signal.SIGHUP)
soundsdk_sim.commands.boards.boards.callback = act
import atexit
atexit.register(lambda: [os.kill(os.getpid(), number) for number in (signal.SIGTERM, signal.SIGINT)])
from soundsdk.__main__ import main
main()
"""


def test_no_signal_changes_the_exit_code_after_it_was_said() -> None:
    done = python(_AFTER, "boards", "--json")
    (error,) = errors_in(done.stdout)
    assert (done.returncode, error["exit_code"], done.stderr.count("\n")) == (129, 129, 1), done.stderr


@pytest.mark.usefixtures("_heard")
def test_a_signal_that_comes_while_an_error_is_said_changes_nothing(monkeypatch: Patch, capfd: Capture) -> None:
    def act() -> None:
        raise OutputError("it cannot be written.", "Free space.")

    echo = click.echo

    def interrupted(text: str, err: bool = False) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        echo(text, err=err)

    as_verb(act, monkeypatch)
    monkeypatch.setattr(click, "echo", interrupted)
    assert cli.run(["boards", "--json"]) == 1
    captured = capfd.readouterr()
    assert [error["exit_code"] for error in errors_in(captured.out)] == [1]
    assert captured.err == "soundsdk: it cannot be written.\n  Free space.\n"


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["boards", "--json", "--no-such"], True),
        (["boards", "--no-such", "--json"], True),
        (["record", "--label", "--json", "--seconds", "x"], False),
        (["record", "--label", "--json", "--seconds", "x", "--json"], True),
        (["info", "no-such", "--", "--json"], False),
        (["info", "no-such", "--json", "-p"], True),
        (["no-such-verb", "--json"], True),
    ],
)
def test_json_is_asked_for_by_the_option_and_not_by_its_word(words: list[str], asked: bool, capfd: Capture) -> None:
    assert cli.run(words) == 2
    assert len(errors_in(capfd.readouterr().out)) == asked


# As the script of the wheel starts it; the signal comes while a module is imported.
_IMPORTING = """
class Signal:
    def find_spec(self, name, *_):
        if name == "soundsdk.cli":
            os.kill(os.getpid(), getattr(signal, "NAME"))
sys.meta_path.insert(0, Signal())
from soundsdk.__main__ import main
main()
"""


@pytest.mark.parametrize("name", list(__main__.ENDS))
def test_every_signal_during_the_imports_is_quiet_and_an_error_for_programs(name: str) -> None:
    code, cause, message = __main__.ENDS[name]
    script = _IMPORTING.replace("NAME", name)
    done = python(script, "boards")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
    done = python(script, "boards", "--json")
    assert (done.returncode, done.stderr) == (code, "")
    assert errors_in(done.stdout) == [{"exit_code": code, "cause": cause, "message": message, "hint": ""}]


def test_the_ends_during_the_imports_are_those_of_a_verb() -> None:
    assert {name: (code, sentence) for name, (code, _, sentence) in __main__.ENDS.items()} == end_signals.ENDS
    assert [EXIT_CODES[code][0] for code, _, _ in __main__.ENDS.values()] == [
        cause for _, cause, _ in __main__.ENDS.values()
    ]


@pytest.mark.parametrize("how", ["option", "environment"])
@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (OutputError("it cannot be written."), 1, "it cannot be written."),
        (OSError(12, "Cannot allocate memory"), 1, "the system refuses"),
        (ValueError("odd"), 1, "internal error: ValueError: odd"),
    ],
)
def test_a_traceback_stands_beside_the_error_and_its_code(
    how: str, error: Exception, code: int, says: str, monkeypatch: Patch, capfd: Capture
) -> None:
    def act() -> None:
        raise error

    as_verb(act, monkeypatch)
    if how == "environment":
        monkeypatch.setenv("SOUNDSDK_DEBUG", "1")
    assert cli.run([*(["--debug"] if how == "option" else []), "boards", "--json"]) == code
    captured = capfd.readouterr()
    (said,) = errors_in(captured.out)
    assert said["exit_code"] == code
    assert str(said["message"]).startswith(says)
    assert "Traceback (most recent call last):" in captured.err
    assert f"soundsdk: {said['message']}\n" in captured.err
