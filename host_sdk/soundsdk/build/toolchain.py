"""The programs that a build needs, and the Debian packages that hold them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable

from soundsdk.boards import Board
from soundsdk.build import esp_idf
from soundsdk.build.native_archs import NativeArch
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
# Prefixes of the compilers of native modules: (package of the compiler, package of the C library's headers).
_NATIVE = {
    "": ("gcc", "libc6-dev"),
    "x86_64-linux-gnu-": ("gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross"),
    "arm-none-eabi-": ("gcc-arm-none-eabi", "libnewlib-arm-none-eabi"),
    "riscv64-unknown-elf-": ("gcc-riscv64-unknown-elf", "picolibc-riscv64-unknown-elf"),
    "xtensa-lx106-elf-": ("gcc-xtensa-lx106", "picolibc-xtensa-lx106-elf"),
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
    _refuse(f"building for {board.id}", missing)
    if board.port == "esp32":
        esp_idf.check(board)


def check_native(archs: Iterable[NativeArch]) -> None:
    """Raise ToolError with everything that native modules for these architectures lack, and how to install it."""
    missing = {} if shutil.which("make") else {"make": "make"}
    names = [arch.name for arch in archs]
    for prefix in {native_prefix(arch): None for arch in archs}:
        compiler, (package, library) = prefix + "gcc", _NATIVE[prefix]
        if shutil.which(compiler) is None:
            missing[compiler] = f"{package} {library}"
        elif not _has_header(compiler, prefix):
            missing[f"string.h for {compiler}"] = library
    _refuse(f"building soundcore.mpy for {_listed(names)}", missing)


def native_prefix(arch: NativeArch) -> str:
    """Return the prefix of the compiler of native modules: none where this computer's own makes them."""
    here = sys.platform == "linux" and platform.machine() == "x86_64"
    return "" if here and arch.toolchain == "x86_64-linux-gnu-" else arch.toolchain


def native_version(arch: NativeArch) -> str:
    """Return the version of the compiler of native modules."""
    return _output_of([native_prefix(arch) + "gcc", "--version"]).split("\n")[0]


def _refuse(what: str, missing: dict[str, str]) -> None:
    """Raise ToolError if anything is missing. missing: program or file: Debian packages."""
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise ToolError(
            f"{what} needs {_listed(list(missing))}, which {verb} not installed.",
            "On Debian: apt-get install " + " ".join(dict.fromkeys(missing.values())),
        )


def version(board: Board) -> str:
    """Return the compiler's own description: another compiler is a reason to build again."""
    assert board.build is not None
    if board.port == "esp32":
        return f"ESP-IDF {esp_idf.version()} in {os.environ.get('IDF_PATH')}"
    return _output_of([board.build.toolchain + "gcc" if board.build.toolchain else "cc", "--version"]).split("\n")[0]


def _has(compiler: str, file: str) -> bool:
    return _output_of([compiler, f"-print-file-name={file}"]).strip() != file


def _has_header(compiler: str, prefix: str) -> bool:
    """Tell whether the compiler finds the C library's headers, which may be another package than its own."""
    if prefix == "riscv64-unknown-elf-":
        return _has(compiler, "picolibc.specs")
    words = [compiler, "-E", "-include", "string.h", "-x", "c", os.devnull]
    return subprocess.run(words, capture_output=True, timeout=30, check=False).returncode == 0


def _output_of(words: list[str]) -> str:
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError) as e:
        raise ToolError(f"{words[0]} does not run: {e}.") from e


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
