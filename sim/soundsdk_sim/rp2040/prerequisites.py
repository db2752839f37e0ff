"""The emulator's prerequisites: Node, its package and the boot ROM, made once and kept in soundsdk's cache."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from soundsdk.cache import cache_dir, new_folder
from soundsdk.errors import ToolError

HERE = Path(__file__).resolve().parent
NODE_MAJOR = 18
INSTALL_S = 300
COMPILER = "arm-none-eabi-gcc"
# Without the last flag the ROM's own copying loops become calls of memcpy.
FLAGS = ("-mcpu=cortex-m0plus", "-mthumb", "-Os", "-ffreestanding", "-fno-tree-loop-distribute-patterns")
_COMPILE = ("-nostdlib", "-Wl,-T,rom.ld", "start.S", "rom.c", "float.c", "-lgcc", "-o", "rom.elf")


def check() -> None:
    """Install and build what is not there yet. Raises ToolError if a tool for it is missing."""
    node()
    node_modules()
    bootrom()


def node() -> str:
    """Return the path of Node >= 18; ToolError if there is none."""
    found = shutil.which("node")
    if found is None:
        raise ToolError(
            "the RP2040 emulator needs Node.js 18 or newer, and there is no `node`.",
            "Install the packages nodejs and npm.",
        )
    version = _run([found, "--version"], HERE, "`node` does not run", "Install the package nodejs again.").strip()
    match = re.match(r"v(\d+)\.", version)
    if not match or int(match[1]) < NODE_MAJOR:
        raise ToolError(
            f"the RP2040 emulator needs Node.js 18 or newer, and `node` is {version!r}.",
            "Install a newer nodejs.",
        )
    return found


def node_modules() -> Path:
    """Return the folder whose node_modules holds the packages of package-lock.json, and install them if need be.

    Raises ToolError if npm is missing or fails.
    """
    inputs = [HERE / "package.json", HERE / "package-lock.json"]
    folder = cache_dir() / f"rp2040-npm-{_digest(inputs)}"
    if (folder / "node_modules" / "rp2040js" / "package.json").is_file():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise ToolError("the RP2040 emulator needs npm once, to install rp2040js.", "Install the package npm.")
    click.echo("installing rp2040js with npm ci (once)", err=True)
    with _made_whole(folder, inputs) as work:
        command = [npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
        _run(command, work, "npm ci could not install rp2040js", "Check your network and npm's settings.")
    return folder


def bootrom(flags: Sequence[str] = FLAGS) -> Path:
    """Return the stand-in boot ROM, built again if its sources have changed.

    Raises ToolError if the compiler is missing or fails.
    """
    inputs = sorted((HERE / "bootrom").iterdir())
    folder = cache_dir() / f"rp2040-bootrom-{_digest(inputs)}"
    path = folder / "rom.bin"
    if path.is_file():
        return path
    objcopy = shutil.which("arm-none-eabi-objcopy")
    if shutil.which(COMPILER) is None or objcopy is None:
        raise ToolError(
            f"the RP2040 emulator's boot ROM is built with {COMPILER}, which is not installed.",
            "Install the package gcc-arm-none-eabi.",
        )
    with _made_whole(folder, inputs) as work:
        failed = "the boot ROM could not be built", "Install the package gcc-arm-none-eabi again."
        _run([COMPILER, *flags, *_COMPILE], work, *failed)
        _run([objcopy, "-O", "binary", "rom.elf", "rom.bin"], work, *failed)
    return path


def _digest(files: list[Path]) -> str:
    sha = hashlib.sha256()
    for file in files:
        sha.update(file.name.encode() + b"\0" + file.read_bytes())
    return sha.hexdigest()[:16]


@contextmanager
def _made_whole(folder: Path, inputs: list[Path]) -> Iterator[Path]:
    """Yield a working folder with copies of the inputs; it becomes `folder` when the block succeeds."""
    with new_folder(folder) as work:
        for file in inputs:
            shutil.copy(file, work)
        yield work


def _run(command: list[str], folder: Path, message: str, hint: str) -> str:
    """Run a command in a folder and return its output. Raises ToolError with the first line of that if it fails."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{message}: it took longer than {INSTALL_S} s.", hint) from error
    except OSError as error:
        raise ToolError(f"{message}: {error}.", hint) from error
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise ToolError(f"{message}: {lines[0].strip() if lines else f'exit code {done.returncode}'}.", hint)
    return done.stdout
