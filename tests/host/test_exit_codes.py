"""One exit code for each cause: every error has one that is documented, and --json says which."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from soundsdk import cli
from soundsdk.cli import run
from soundsdk.errors import EXIT_CODES, EXIT_TOOL, SoundsdkError
from virtual_boards.computer import VirtualComputer

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = [ROOT / "host_sdk/soundsdk", ROOT / "sim/soundsdk_sim", ROOT / "training/soundsdk_train"]
FILES = sorted(path for folder in PRODUCT for path in folder.rglob("*.py"))
# What a function raises for its caller in the same package, who turns it into one of ours; or what Python asks for.
INTERNAL = {"ValueError", "AttributeError", "AssertionError", "BrokenPipeError", "FileNotFoundError", "PermissionError",
            "IsADirectoryError", "TypeError", "KeyError", "NotImplementedError", "RuntimeError", "OSError",
            "SystemExit", "StopIteration", "BadParameter"}  # fmt: skip
Capture = pytest.CaptureFixture[str]


def families() -> dict[str, str]:
    """Return every class that is raised as an error in the product, and the class above it."""
    above = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and node.bases and isinstance(node.bases[0], ast.Name):
                above[node.name] = node.bases[0].id
    return above


def raised(path: Path) -> list[tuple[int, str]]:
    """Return (line, name) of every error that a file makes, to raise it or to hand it on."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if re.fullmatch(r"[A-Z]\w+(Error|Rejected|Lost|Exit|BadParameter)", name):
                found.append((node.lineno, name))
    return found


def test_every_error_that_is_raised_has_a_documented_exit_code() -> None:
    above = families()
    assert above["ToolError"] == "SoundsdkError"
    ours = {"SoundsdkError"}
    while grown := {name for name, base in above.items() if base in ours} - ours:
        ours |= grown
    strangers = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in FILES
        for line, name in raised(path)
        if name not in ours | INTERNAL and name not in ("LinesLost",)
    ]
    assert strangers == []
    every = [SoundsdkError, *_below(SoundsdkError)]
    assert {one.exit_code for one in every} <= set(EXIT_CODES)


def _below(kind: type[SoundsdkError]) -> list[type[SoundsdkError]]:
    for path in FILES:  # so that the classes of every module are there, except those that need TensorFlow
        if "Error)" in path.read_text(encoding="utf-8") and "soundsdk_train" not in path.parts:
            root = next(folder.parent for folder in PRODUCT if folder in path.parents)
            __import__(".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"))
    return [one for below in kind.__subclasses__() for one in [below, *below.__subclasses__()]]


def test_no_exit_code_is_a_bare_number() -> None:
    """Verbs return or raise what errors.py names: a number of their own would be a second meaning."""
    bare = []
    for path in (p for p in FILES if p.parent.name == "commands"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                returned = [n.value for n in ast.walk(node) if isinstance(n, ast.Return)]
                bare += [f"{path.name}:{n.lineno}" for n in returned
                         if isinstance(n, ast.Constant) and isinstance(n.value, int) and n.value]  # fmt: skip
    assert bare == []


def test_codes_are_one_for_each_cause_and_the_readme_lists_them() -> None:
    assert len({word for word, _ in EXIT_CODES.values()}) == len(EXIT_CODES)
    text = (ROOT / "host_sdk/README.md").read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| (\d+) \| `([a-z ]+)` \|", text, re.MULTILINE))
    assert table == {str(code): word for code, (word, _) in EXIT_CODES.items()}
    said = " ".join(str(cli.cli.help).split())
    listed = re.findall(r"\b(\d+) (?:done|failed|usage|no dev|port|proto|a check|a tool|hung|interr|termin)", said)
    assert [int(n) for n in listed] == list(EXIT_CODES)
    assert "host_sdk/README.md#exit-codes" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\n## Exit codes\n" in text


@pytest.mark.parametrize(
    ("words", "code", "cause"),
    [
        (["info", "--json", "no-such.tflite"], 1, "failed"),
        (["info", "--json", "--no-such-option"], 2, "usage"),
        (["monitor", "--json", "--mqtt", "mqtt://u:5ecret@/x"], 2, "usage"),
        (["monitor", "--json", "--format", "tsv"], 2, "usage"),
        (["info", "--json"], 3, "no device"),
        (["monitor", "--json"], 3, "no device"),
        (["info", "--json", "-p", "socket://127.0.0.1:1"], 3, "no device"),
        (["flash", "--json"], 3, "no device"),
        (["mic-test", "--json"], 3, "no device"),
    ],
)
def test_with_json_a_failure_is_the_last_object(words: list[str], code: int, cause: str, capfd: Capture) -> None:
    assert run(words, VirtualComputer()) == code
    captured = capfd.readouterr()
    error = json.loads(captured.out.splitlines()[-1])["error"]
    assert (error["exit_code"], error["cause"]) == (code, cause)
    assert error["message"] in captured.err, "people read the same"
    assert "5ecret" not in captured.out + captured.err


def test_without_json_standard_output_is_empty_and_an_interrupt_says_so_with_it(
    monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    assert run(["info"], VirtualComputer()) == 3
    assert capfd.readouterr().out == ""

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.cli, "invoke", interrupted)
    assert run(["boards", "--json"]) == 130
    assert json.loads(capfd.readouterr().out)["error"]["cause"] == "interrupted"
    monkeypatch.setattr(cli.cli, "invoke", lambda _: 1 // 0)
    assert run(["boards", "--json"]) == 1
    assert "ZeroDivisionError" in json.loads(capfd.readouterr().out)["error"]["message"]


@pytest.mark.parametrize(
    "words",
    [
        ["sim", "CLIP", "--on", "qemu-arm"],
        ["profile", "rpi_pico"],
        ["profile", "qemu_rv32"],
        ["build", "rpi_pico", "-o", "OUT"],
        ["build", "esp32s3_devkit", "-o", "OUT"],
        ["monitor", "-p", "sim:sim", "--mqtt", "mqtt://127.0.0.1:1"],
        ["record", "--pc", "--label", "a", "--seconds", "1", "-o", "OUT"],
        ["listen"],
    ],
)
def test_a_missing_tool_is_not_no_device(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    """An emulator, a compiler, a package: nothing of them is on this PATH, and none of the packages can be imported."""
    import sys

    import numpy as np
    import soundfile

    clip = tmp_path / "clip.wav"
    soundfile.write(clip, np.zeros(16000, np.int16), 16000)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SOUNDSDK_CACHE", str(tmp_path / "cache"))
    for name in ("paho", "sounddevice"):
        monkeypatch.setitem(sys.modules, name, None)
    there = {"CLIP": str(clip), "OUT": str(tmp_path / "out")}
    assert run([there.get(word, word) for word in words]) == EXIT_TOOL
    first, hint = capfd.readouterr().err.splitlines()[-2:]
    assert first.startswith("soundsdk: ")
    assert hint.strip()
