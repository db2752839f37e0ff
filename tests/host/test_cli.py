"""The command line: it imports late, is plain about failures, and its help has examples that work."""

import json
import re
import shlex
import subprocess
import sys

import click
import pytest

from soundsdk import cli
from soundsdk.commands.verb import Verb
from soundsdk.errors import UsageError
from soundsdk.models.shipped import find_model


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


def test_every_verb_has_help_without_tensorflow():
    # In a process of its own: another test may have loaded TensorFlow into this one.
    script = (
        "import sys; from soundsdk import cli; codes = {verb: cli.run([verb, '--help']) for verb in cli.VERBS};"
        "assert set(codes.values()) == {0}, codes; assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["no-such-verb"], 2, "No such command"),
        (["tarin"], 2, "No such command 'tarin'. Did you mean train?"),
        (["info", "home.tflite", "-p", "auto"], 2, "not both"),
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
    code = "from soundsdk.__main__ import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "boards"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(30) == 0
    assert err == b""


def command(verb):
    found = cli.cli.get_command(click.Context(cli.cli), verb)
    assert isinstance(found, Verb), verb
    return found


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_help_ends_with_examples_that_parse(verb, capfd):
    assert cli.run([verb, "--help"]) == 0
    shown = capfd.readouterr().out.partition("Examples:\n")[2].splitlines()
    assert [line.strip() for line in shown] == list(command(verb).examples)
    assert shown
    for example in command(verb).examples:
        words = shlex.split(re.split(r" [|>] ", example)[0], comments=True)
        assert words[:2] == ["soundsdk", verb], example
        command(verb).make_context(verb, words[2:])  # raises if a word is not an option or an argument


def test_shared_options_have_one_spelling_and_one_help():
    seen = {}
    spelled = {"output": ["-o", "--output"], "fold": ["--fold"], "data": ["--data"]}  # with a help of the verb's own
    for verb in cli.VERBS:
        for option in command(verb).params:
            if isinstance(option, click.Option) and option.name in ("port", "as_json", "model", "sources", "seed"):
                words = (*option.opts, option.metavar, option.help)
                assert seen.setdefault(option.name, words) == words, verb
            if isinstance(option, click.Option) and option.name in spelled:
                assert option.opts == spelled[option.name], verb


REQUIRED = [
    (verb, param.name)
    for verb in cli.VERBS
    for param in cli.cli.get_command(click.Context(cli.cli), verb).params
    if isinstance(param, click.Option) and param.required
]


@pytest.mark.parametrize(("verb", "name"), REQUIRED)
def test_a_missing_required_option_is_a_usage_error_before_any_work(verb, name, capfd):
    params = command(verb).params
    words = [verb]
    for param in params:
        if isinstance(param, click.Argument) and param.required:
            words.append("home")
        elif isinstance(param, click.Option) and param.required and param.name != name:
            words += [param.opts[-1], "1"]
    missing = next(param for param in params if param.name == name)
    assert cli.run(words) == 2
    said = capfd.readouterr().err
    assert "Missing option" in said
    assert missing.opts[-1] in said


def test_help_marks_an_option_as_required_where_it_is():
    assert {name for _, name in REQUIRED} >= {"output", "data", "label"}


@pytest.mark.parametrize("verb", cli.VERBS)
def test_help_lines_begin_with_a_verb(verb):
    verbs = "Build|Change|Check|Find|List|Make|Measure|Name|Listen|Put|Record|Remove|Run|Send|Show|Train"
    for text in (cli.VERBS[verb][1], command(verb).help):
        assert re.match(f"({verbs}) ", text), text


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["info", "-p", ""], "-p"),
        (["monitor", "-p", "sim:sim", "-p", " "], "-p"),
        (["doctor", "-p", ""], "-p"),
        (["listen", "-m", ""], "-m"),
        (["info", ""], "[MODEL]"),
        (["push", ""], "MODEL"),
        (["bench", "home", ""], "[MODEL]..."),
        (["train", "--data", ".", "--name", "", "-o", "a.tflite"], "--name"),
    ],
)
def test_an_empty_word_as_of_a_variable_that_is_not_set_is_a_usage_error(
    words: list[str], name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([*words, "--json"]) == 2
    captured = capfd.readouterr()
    assert captured.err.splitlines()[0] == f"soundsdk: {name} is given, and is empty."
    assert json.loads(captured.out)["error"]["hint"].startswith("Is a variable of the shell not set?")


def test_an_empty_name_of_a_detector_is_not_the_default() -> None:
    with pytest.raises(UsageError, match="empty"):
        find_model("")
