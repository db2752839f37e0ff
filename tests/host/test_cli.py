"""The command line: lazy, and plain about failures."""

import subprocess
import sys

import pytest

from soundsdk import cli


def modules_after(code):
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return set(out.split("MODULES", 1)[1].split())


def test_help_loads_no_heavy_module():
    loaded = modules_after(
        "import sys\nfrom soundsdk import cli\ncode = cli.run(['--help'])\nassert code == 0\n"
        "print('MODULES', *sys.modules)"
    )
    heavy = {
        "numpy", "tensorflow", "tflite_micro", "soundfile", "soxr", "rich", "serial", "esptool", "PIL",
        "matplotlib", "sklearn", "soundcore", "soundfw", "soundsdk_sim", "soundsdk_train",
    }  # fmt: skip
    assert not heavy & loaded
    # What --help costs is what it loads; click and the standard library under it come to fewer than this.
    assert len(loaded) < 250


def test_every_verb_has_help_without_tensorflow(capfd):
    for verb in cli.VERBS:
        assert cli.run([verb, "--help"]) == 0, verb
    assert "tensorflow" not in sys.modules or "tensorflow" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["no-such-verb"], 2, "No such command"),
        (["info", "home.tflite", "-p", "auto"], 2, "not of both"),
        (["info", "no-such.tflite"], 1, "cannot be read"),
        (["sim"], 2, "Missing argument"),
    ],
)
def test_wrong_calls_are_one_sentence_and_an_exit_code(words, code, says, capfd):
    assert cli.run(words) == code
    out, err = capfd.readouterr()
    assert says in err
    assert out == ""
    assert "Traceback" not in err


def test_interrupt_is_130(monkeypatch, capfd):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.cli, "invoke", interrupted)
    assert cli.run(["boards"]) == 130
    assert "interrupted" in capfd.readouterr().err


def test_closed_pipe_ends_quietly():
    code = "from soundsdk.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "boards"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(30) == 0
    assert err == b""
