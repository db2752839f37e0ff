"""Runs MicroPython's own build for a board, and shows its progress."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import click

from soundsdk.boards import Board
from soundsdk.build import esp_idf
from soundsdk.build.sources import MICROPYTHON, Sources
from soundsdk.cache import locked
from soundsdk.errors import SoundsdkError
from soundsdk.progress import Progress
from soundsdk.resources import firmware_dir

# The date that compilers and ports write into an image, so that two builds are equal: the day of MicroPython 1.25.0.
_EPOCH = "1744675200"
_FATAL = re.compile(r"\b(?:error|undefined reference|will not fit|overflowed|No space left)\b|Error:", re.IGNORECASE)


class BuildError(SoundsdkError):
    """A program of the build failed."""


def soundfw_parent() -> Path:
    """Return the folder that holds soundfw: firmware/ in a checkout, the installed packages elsewhere."""
    import soundfw

    return Path(soundfw.__file__).resolve().parents[1]


def compile_firmware(board: Board, sources: Sources, contents: Path, folder: Path) -> Path:
    """Build in `folder`; return the program (unix), the .elf (qemu) or the .bin of the flash (rp2, esp32)."""
    ports = firmware_dir() / "ports"
    modules = firmware_dir() / "cmodules"
    folder.mkdir(parents=True, exist_ok=True)
    env = environment(sources, folder)
    runner = LoggedRunner(board.id, folder.parent / f"{folder.name}.log", env)
    jobs = f"-j{os.cpu_count() or 1}"

    def say(text: str) -> None:
        click.echo(f"{board.id}: {text}", err=True)

    # All boards share mpy-cross.
    with locked(sources.micropython.parent, say):
        runner.run(["make", jobs, "-C", str(sources.micropython / "mpy-cross")], "mpy-cross")
    port = sources.micropython / "ports" / board.port
    # The settings of the ports that are built with CMake.
    settings = [
        f"-DMICROPY_BOARD={board.id}", f"-DMICROPY_BOARD_DIR={ports / board.id}",
        f"-DUSER_C_MODULES={modules / 'micropython.cmake'}", f"-DSOUNDMODEL_DIR={contents}",
        f"-DMICROPY_FROZEN_MANIFEST={ports / 'chip_manifest.py'}",
        f"-DMICROPY_MANIFEST_SOUNDFW_DIR={soundfw_parent()}", f"-DMICROPY_MANIFEST_SOUNDBOARD_DIR={contents}",
    ]  # fmt: skip
    if board.port == "rp2":
        runner.run(
            ["cmake", "-S", str(port), "-B", str(folder), "-Wno-dev", "-DPICO_BUILD_DOCS=0", "-DPICO_NO_PICOTOOL=1",
             f"-DPICO_SDK_PATH_OVERRIDE={sources.pico_sdk}", *settings],
            "configuring",
        )  # fmt: skip
        runner.run(["make", jobs, "-C", str(folder)], "compiling")
        return folder / "firmware.bin"
    if board.port == "esp32":
        say("ESP-IDF fetches the components it lacks from Espressif")
        # The components go into the port's folder, which its boards share.
        with locked(sources.micropython.parent, say):
            runner.run(esp_idf.command(port, folder, settings), "ESP-IDF", esp_idf.environment(env))
        return esp_idf.merge(board, folder)
    place = "VARIANT_DIR" if board.port == "unix" else "BOARD_DIR"
    manifest = firmware_dir() / "manifest.py"
    words = ["make", jobs, "-C", str(port), f"BUILD={folder}", f"{place}={ports / board.id}",
             f"USER_C_MODULES={modules}", f"SOUNDMODEL_DIR={contents}", f"FROZEN_MANIFEST={manifest}",
             f"MICROPY_MANIFEST_SOUNDFW_DIR={soundfw_parent()}",
             f"MICROPY_MANIFEST_SOUNDBOARD_DIR={contents}"]  # fmt: skip
    if board.port == "qemu":
        words.append(f"BOARD={board.id}")
    runner.run(words, "compiling")
    return folder / ("micropython" if board.port == "unix" else "firmware.elf")


def environment(sources: Sources, folder: Path) -> dict[str, str]:
    """Return the variables of the build: no date, path or commit of this machine gets into the image."""
    maps = {sources.micropython.parent: "src", firmware_dir(): "firmware", folder: "build"}
    flags = " ".join(f"-ffile-prefix-map={path}={name}" for path, name in maps.items())
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MICROPY_", "PICO_"))}
    return env | {
        "SOURCE_DATE_EPOCH": _EPOCH,
        "MICROPY_GIT_TAG": f"v{MICROPYTHON}",
        "MICROPY_GIT_HASH": "release",
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C",
        "CFLAGS": flags,
        "CXXFLAGS": flags,
        "ASMFLAGS": flags,
        "CFLAGS_EXTRA": flags,
    }


class LoggedRunner:
    """Runs programs one after the other, all into one log, with a progress bar on a terminal."""

    def __init__(self, name: str, log: Path, env: dict[str, str]) -> None:
        self._name = name
        self._log = log
        self._env = env
        log.write_text("", encoding="utf-8")

    def run(self, words: list[str], what: str, env: dict[str, str] | None = None) -> None:
        """Run one program; BuildError with the first line that names an error. env: replaces the runner's own."""
        lines: list[str] = []
        files = 0
        with self._log.open("a", encoding="utf-8") as log, Progress(f"{self._name}: {what}") as progress:
            if not progress.shows_bar:
                progress.say(f"{self._name}: {what}")
            log.write("$ " + " ".join(words) + "\n")
            process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env or self._env, text=True,
                errors="replace",
            )  # fmt: skip
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    log.write(line)
                    lines.append(line.rstrip())
                    files += line.startswith(("CC ", "CXX ", "AS ", "MPY "))
                    if counted := re.match(r"\[ *(\d+)(?: ?%|/(\d+))\]", line):
                        progress.update(int(counted[1]), int(counted[2] or 100))
                    else:
                        progress.update(files, None, f"{files} files" if files else "")
                process.wait()
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        if process.returncode:
            said = next((line for line in lines if _FATAL.search(line)), lines[-1] if lines else "it printed nothing")
            raise BuildError(f"{self._name} could not be built: {said.strip()}", f"All that was said: {self._log}")
