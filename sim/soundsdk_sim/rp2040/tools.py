"""What the emulator needs: Node, its package and the boot ROM, made once and kept in a cache folder."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import click

from soundsdk.cache import cache_dir, new_folder
from soundsdk.errors import DeviceError

HERE = Path(__file__).resolve().parent
NODE_MAJOR = 18
INSTALL_S = 300
COMPILER = "arm-none-eabi-gcc"
# The last flag: or the ROM's own copying loops become calls of memcpy.
_FLAGS = ["-mcpu=cortex-m0plus", "-mthumb", "-Os", "-ffreestanding", "-fno-tree-loop-distribute-patterns"]
_COMPILE = [*_FLAGS, "-nostdlib", "-Wl,-T,rom.ld", "start.S", "rom.c", "float.c", "-lgcc", "-o"]


def say(text: str) -> None:
    click.echo(text, err=True)


def node() -> str:
    """The path of Node >= 18; DeviceError if there is none."""
    found = shutil.which("node")
    if found is None:
        raise DeviceError(
            "the RP2040 emulator needs Node.js 18 or newer, and there is no `node`.",
            "Install the packages nodejs and npm.",
        )
    version = _output([found, "--version"])
    match = re.match(r"v(\d+)\.", version)
    if not match or int(match[1]) < NODE_MAJOR:
        raise DeviceError(
            f"the RP2040 emulator needs Node.js 18 or newer, and `node` is {version or 'broken'}.",
            "Install a newer nodejs.",
        )
    return found


def node_modules(announce: Callable[[str], None] = say) -> Path:
    """The folder whose node_modules holds the packages of package-lock.json; installed if it is not there yet.

    DeviceError if npm is missing or fails.
    """
    inputs = [HERE / "package.json", HERE / "package-lock.json"]
    folder = cache_dir() / f"rp2040-npm-{_digest(inputs)}"
    if (folder / "node_modules" / "rp2040js" / "package.json").is_file():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise DeviceError("the RP2040 emulator needs npm once, to install rp2040js.", "Install the package npm.")
    announce("installing rp2040js with npm ci (once)")
    with new_folder(folder) as work:
        for file in inputs:
            shutil.copy(file, work)
        command = [npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
        _checked(command, work, "npm ci could not install rp2040js", "Look at your network and npm's settings.")
    return folder


def bootrom() -> Path:
    """The stand-in boot ROM, built if its sources changed. DeviceError if the compiler is missing or fails."""
    sources = sorted((HERE / "bootrom").iterdir())
    path = cache_dir() / f"rp2040-bootrom-{_digest(sources)}" / "rom.bin"
    if path.is_file():
        return path
    objcopy = shutil.which("arm-none-eabi-objcopy")
    if shutil.which(COMPILER) is None or objcopy is None:
        raise DeviceError(
            f"the RP2040 emulator's boot ROM is built with {COMPILER}, which is not there.",
            "Install the package gcc-arm-none-eabi.",
        )
    with new_folder(path.parent) as work:
        for file in sources:
            shutil.copy(file, work)
        hint = "Install the package gcc-arm-none-eabi again."
        _checked([COMPILER, *_COMPILE, "rom.elf"], work, "the boot ROM could not be built", hint)
        _checked([objcopy, "-O", "binary", "rom.elf", "rom.bin"], work, "the boot ROM could not be built", hint)
    return path


def _digest(files: list[Path]) -> str:
    sha = hashlib.sha256()
    for file in files:
        sha.update(file.name.encode() + b"\0" + file.read_bytes())
    return sha.hexdigest()[:16]


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _checked(command: list[str], folder: Path, message: str, hint: str) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"{message}: no end after {INSTALL_S} s.", hint) from error
    except OSError as error:
        raise DeviceError(f"{message}: {error}.", hint) from error
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise DeviceError(f"{message}: {lines[0].strip() if lines else f'exit code {done.returncode}'}.", hint)


def function_addresses(elf: Path) -> dict[str, int]:
    """Every function of an ELF file. DeviceError without nm, or if it cannot read the file."""
    nm = shutil.which("arm-none-eabi-nm")
    if nm is None:
        raise DeviceError("arm-none-eabi-nm is not there.", "Install the package gcc-arm-none-eabi.")
    done = subprocess.run([nm, str(elf)], capture_output=True, text=True)
    if done.returncode:
        raise DeviceError(f"{elf} is no ELF file that nm can read.", "Give the firmware.elf beside the UF2.")
    rows = (line.split() for line in done.stdout.splitlines())
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3 and row[1] in "tTwW"}
