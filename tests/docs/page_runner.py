"""Run the blocks of one page in a folder of its own, in the order of the page, as a reader would."""

from __future__ import annotations

import configparser
import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import click
import soundfile
import yaml
from fences import Command, Fence, commands
from shown_output import difference

from soundfw.wire.framing import decode
from soundsdk.cli import cli, run
from soundsdk.device.system import System
from soundsdk.flash.timeouts import FlashTimeouts
from virtual_boards.pico.virtual_pico import VirtualPico

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PROGRAMS = {
    "apt-get", "arecord", "cat", "cd", "docker", "export", "ffmpeg", "git", "jq", "make", "mpremote", "pip", "python",
    "soundsdk",
}  # fmt: skip
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_UNIT_OPTIONS = {
    "Unit": {"Description", "After", "Wants"},
    "Service": {
        "Environment", "ExecStart", "Restart", "RestartSec", "DynamicUser", "User", "SupplementaryGroups",
        "StateDirectory",
    },
    "Install": {"WantedBy"},
}  # fmt: skip
_SHELL = re.compile(r"[|&;<*]|\$\(")  # what a shell has to read
_ROOT = Path(__file__).resolve().parents[2]
_LIMIT_S = 300  # only ends a hang
_TIMEOUTS = FlashTimeouts(hello_s=60.0, cut_hello_s=10.0, drive_appears_s=30.0, drive_vanishes_s=30.0)


class PageRunner:
    """The reader of one page: a working folder, variables, and perhaps a virtual Pico plugged in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables: dict[str, str] = {}
        self.printed: dict[str, str] = {}  # by command line
        self._names = types.ModuleType("__main__")
        self._exit_stack = contextlib.ExitStack()
        self._board: VirtualPico | None = None
        self._printed = "", 0  # what the last Python block printed, until it is shown, and its line

    def __enter__(self) -> PageRunner:
        before = Path.cwd()
        self._exit_stack.callback(os.chdir, before)
        os.chdir(self.folder)
        sys.path.insert(0, str(self.folder))
        self._exit_stack.callback(sys.path.remove, str(self.folder))
        self._exit_stack.callback(self._forget_modules)
        return self

    def __exit__(self, *_: object) -> None:
        self._exit_stack.close()

    def _forget_modules(self) -> None:
        """Forget what was imported from the page's folder: another page may have a file of that name."""
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "")).startswith(f"{self.folder}{os.sep}"):
                del sys.modules[name]

    def follow(self, page: Sequence[Fence]) -> None:
        """Do with the blocks of a page what their marks say; AssertionError says what did not hold."""
        for fence in page:
            if fence.mark == "prints":
                self._compare(fence.text.splitlines(), self._printed[0], fence, "the block above")
                self._printed = "", 0
            self._check_all_is_shown()
            self._follow(fence)
        self._check_all_is_shown()

    def _check_all_is_shown(self) -> None:
        printed, line = self._printed
        assert not printed, f"line {line}: no `prints` below it shows what it prints:\n{printed}"

    def _compare(self, shown: Sequence[str], output: str, fence: Fence, what: str) -> None:
        wrong = difference(shown, output, numbers_vary="numbers vary" in fence.about)
        assert not wrong, f"line {fence.line}: {what}: {wrong}\nAll that it prints:\n{output}"

    def _follow(self, fence: Fence) -> None:
        if fence.mark == "prints":
            return
        if fence.mark == "file":
            _read_as(fence)
            path = self.folder / fence.about
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fence.text, encoding="utf-8")
        elif fence.mark == "copy":
            assert fence.text == (_ROOT / fence.about).read_text(encoding="utf-8"), f"line {fence.line}: not as it is"
        elif fence.mark in ("parsed", "shown"):
            _read_as(fence)
        elif fence.mark == "tree":
            self._check_tree(fence)
        elif fence.mark == "decoded":
            assert fence.about in _tests_here(), f"line {fence.line}: tests/docs has no {fence.about}"
        elif fence.mark == "run" and fence.language == "python":
            out = io.StringIO()
            with mock.patch.dict(os.environ, self.variables), contextlib.redirect_stdout(out):
                exec(compile(fence.text, f"block of line {fence.line}", "exec"), vars(self._names))
            self._printed = out.getvalue(), fence.line
        elif fence.mark == "run":
            assert fence.language == "console", f"line {fence.line}: only console and python run"
            self._run(fence)
        else:
            raise AssertionError(f"line {fence.line}: `{fence.mark}` stands in a written page")

    def _check_tree(self, fence: Fence) -> None:
        """Assert that each folder of a tree, below the one that stands further left, is in the page's folder."""
        above: list[tuple[int, Path]] = [(-1, self.folder)]
        for line in fence.text.splitlines():
            depth, name = len(line) - len(line.lstrip()), line.split()[0]
            while above[-1][0] >= depth:
                above.pop()
            path = above[-1][1] / name
            assert name.endswith("/"), f"line {fence.line}: {name} is no folder"
            assert path.is_dir(), f"line {fence.line}: {path.relative_to(self.folder)} is not what the page has made"
            above.append((depth, path))

    def shell(self, script: str) -> None:
        """Run the lines of a script; AssertionError with its output if one of them fails."""
        for line in filter(None, re.sub(r"\\\n *", "", script).splitlines()):
            code, output = self._one(Command(line, ()))
            assert code == 0, f"`{line}` ended with {code}:\n{output}"

    def _run(self, fence: Fence) -> None:
        exit_code, sound = 0, ""
        for part in filter(None, fence.about.split(", ")):
            if part.startswith("exit "):
                exit_code = int(part.removeprefix("exit "))
            elif part.startswith("board"):
                sound = part.removeprefix("board").removeprefix(" plays ").strip()
                self._plug_in(sound)
            elif part != "numbers vary":
                raise AssertionError(f"line {fence.line}: `run` knows no {part!r}")
        asked = commands(fence.text)
        for i, command in enumerate(asked):
            code, output = self._one(command)
            self.printed[command.line] = output
            wanted = exit_code if i == len(asked) - 1 else 0
            assert code == wanted, f"line {fence.line}: `{command.line}` ended with {code}:\n{output}"
            self._compare(command.shows, output, fence, f"`{command.line}`")

    def _plug_in(self, sound: str) -> None:
        """Plug in a Pico in its boot loader; it stays for the rest of the page, and hears the newest sound named."""
        if self._board is not None:
            return
        pcm = soundfile.read(self.folder / sound, dtype="int16")[0] if sound else None
        place = self.folder / "dev"
        place.mkdir()
        self._board = self._exit_stack.enter_context(VirtualPico(place, sound=pcm))

    def _one(self, command: Command) -> tuple[int, str]:
        """Run one command; return its exit code, and what it wrote to standard output and standard error."""
        words = shlex.split(command.line, comments=True)
        if words and words[0] == "export":
            self.variables.update(word.split("=", 1) for word in words[1:])
            return 0, ""
        if words and words[0] == "cd":
            os.chdir(words[1])
            return 0, ""
        if words and words[0] == "soundsdk" and not _SHELL.search(shlex.join(words).replace("'", "")):
            return self._soundsdk(words[1:])
        bin_folder = Path(sys.executable).parent
        environment = {**os.environ, **self.variables, "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            ["bash", "-c", command.line], env=environment, capture_output=True, text=True, timeout=_LIMIT_S
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def _soundsdk(self, words: list[str]) -> tuple[int, str]:
        """Run a soundsdk command in this process, which costs no start of Python and reaches the virtual board."""
        target = None
        if ">" in words:
            at = words.index(">")
            target, words = words[at + 1], words[:at]
        out = _Captured()
        err = _Captured() if target else out  # on a terminal both come together, in their order
        system: System | None = self._board
        place = mock.patch.dict(os.environ, self.variables)
        with place, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(words, system, _TIMEOUTS)
        if target:
            Path(target).write_text(out.text(), encoding="utf-8")
        return code, err.text()


class _Captured(io.TextIOWrapper):
    """A text stream that keeps what is written to it, also to the binary one below."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        """Return all that was written."""
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode("utf-8")


def _read_as(fence: Fence) -> None:
    """Parse a block that is not run, by its language; a text is what no program reads."""
    if fence.language == "console":
        for command in commands(fence.text):
            assert not command.shows, f"line {fence.line}: output of a command that is not run: {command.shows}"
            parse_command(command.line)
    elif fence.language == "python":
        compile(fence.text, f"block of line {fence.line}", "exec")
    elif fence.language == "json":
        for line in filter(None, fence.text.splitlines()):
            message = json.loads(line)
            if "crc" in message:
                assert decode(line.encode()) is not None, f"line {fence.line}: the crc is wrong: {line}"
    elif fence.language == "toml":
        tomllib.loads(fence.text)
    elif fence.language == "yaml":
        yaml.safe_load(fence.text)
    elif fence.language == "ini":
        parse_unit(fence.text)


def _tests_here() -> set[str]:
    """Return the names of the tests in this folder."""
    modules = Path(__file__).parent.glob("test_*.py")
    return {name for path in modules for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.M)}


def parse_unit(text: str) -> None:
    """Parse a unit of systemd, and the soundsdk command that it starts by its verb's own parser."""
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    assert set(unit.sections()) == {"Unit", "Service", "Install"}, f"sections of a unit: {unit.sections()}"
    for name, options in _UNIT_OPTIONS.items():
        unknown = set(unit[name]) - options
        assert not unknown, f"[{name}] has unknown lines: {', '.join(sorted(unknown))}"
    program, _, rest = unit["Service"]["ExecStart"].partition(" ")
    assert re.fullmatch(r"/(\S+/)?soundsdk", program), f"ExecStart is no soundsdk: {program}"
    parse_command(f"soundsdk {rest}")


def parse_command(line: str) -> None:
    """Parse the words after each `soundsdk` of a line by the verb's own parser, which raises for what it lacks.

    Other programs have to be ones that a page may name; what is set before a program, and sudo, count for nothing.
    """
    for part in re.split(r" (?:\||&&|\|\||;) ", line):
        words = shlex.split(part, comments=True)
        words = words[: words.index(">")] if ">" in words else words
        while words and (_ASSIGNMENT.match(words[0]) or words[0] == "sudo"):
            words = words[1:]
        if not words:
            continue
        if words[:2] == ["docker", "run"] and "soundsdk" in words:  # the image, whose program it is
            words = words[words.index("soundsdk") :]
        assert words[0] in _PROGRAMS, f"no program {words[0]} is known to the pages: {line}"
        if words[0] != "soundsdk" or len(words) < 2 or words[1].startswith("-"):
            continue
        command = cli.get_command(click.Context(cli), words[1])
        assert command is not None, f"there is no verb {words[1]}: {line}"
        command.make_context(words[1], words[2:])
