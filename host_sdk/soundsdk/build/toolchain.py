"""The programs that a build needs, and the Debian packages that hold them."""

from __future__ import annotations

import os
import shutil
import subprocess

from soundsdk.boards import Board
from soundsdk.build import esp_idf
from soundsdk.errors import ToolError

# program: Debian package
_ALWAYS = {"make": "make", "cc": "gcc", "python3": "python3", "patch": "patch", "tar": "tar"}
_BY_PORT = {"rp2": {"cmake": "cmake"}, "unix": {"pkg-config": "pkg-config"}, "esp32": {"bash": "bash"}}
_BY_TOOLCHAIN = {
    "arm-none-eabi-": {"arm-none-eabi-gcc": "gcc-arm-none-eabi"},
    "riscv64-unknown-elf-": {"riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf"},
}
# toolchain: (library file the compiler must find, Debian package, ports that need it)
_LIBRARIES: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {
    "arm-none-eabi-": [
        ("nosys.specs", "libnewlib-arm-none-eabi", ("rp2", "qemu")),
        ("libstdc++.a", "libstdc++-arm-none-eabi-newlib", ("rp2",)),
    ],
    "riscv64-unknown-elf-": [("picolibc.specs", "picolibc-riscv64-unknown-elf", ("qemu",))],
}


def check(board: Board) -> None:
    """Raise ToolError with everything the board's build lacks and how to install it."""
    assert board.build is not None
    toolchain = board.build.toolchain
    programs = _ALWAYS | _BY_PORT.get(board.port, {}) | _BY_TOOLCHAIN.get(toolchain, {})
    missing = {program: package for program, package in programs.items() if shutil.which(program) is None}
    if toolchain and toolchain + "gcc" not in missing:
        for file, package, ports in _LIBRARIES.get(toolchain, []):
            if board.port in ports and not _has(toolchain + "gcc", file):
                missing[file] = package
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ToolError(
            f"building for {board.id} needs {_listed(list(missing))}, which {verb} not installed.",
            "On Debian: apt-get install " + " ".join(dict.fromkeys(missing.values())),
        )
    if board.port == "esp32":
        esp_idf.check(board)


def version(board: Board) -> str:
    """Return the compiler's own description: another compiler is a reason to build again."""
    assert board.build is not None
    if board.port == "esp32":
        return f"ESP-IDF {esp_idf.version()} in {os.environ.get('IDF_PATH')}"
    return _output_of([board.build.toolchain + "gcc" if board.build.toolchain else "cc", "--version"]).split("\n")[0]


def _has(compiler: str, file: str) -> bool:
    return _output_of([compiler, f"-print-file-name={file}"]).strip() != file


def _output_of(words: list[str]) -> str:
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError) as e:
        raise ToolError(f"{words[0]} does not run: {e}.") from e


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
