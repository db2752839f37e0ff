"""The architectures of native modules, by MicroPython's names and numbers, and which of them a board loads.

sys.implementation._mpy of a board says what .mpy files it loads ("MicroPython .mpy files" in MicroPython's
documentation): version in bits 0 to 7, sub-version of native code in bits 8 and 9, architecture in bits 10 to 13.
"""

from __future__ import annotations

from dataclasses import dataclass

from soundsdk.errors import CheckError, UsageError

MPY_VERSION = (6, 3)
OLDEST_MICROPYTHON = (1, 24)
_NAMES = ("none", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp", "xtensa", "xtensawin",
          "rv32imc", "rv64imc")  # fmt: skip


@dataclass(frozen=True)
class NativeArch:
    """An architecture. runs_on: names of those that load its modules; toolchain: the prefix of its compiler."""

    name: str
    toolchain: str
    runs_on: tuple[str, ...]


# Modules for armv7m are soft-float code: chips with more instructions run it as well.
_ALL = (
    NativeArch("armv6m", "arm-none-eabi-", ("armv6m",)),
    NativeArch("armv7m", "arm-none-eabi-", ("armv7m", "armv7em", "armv7emsp", "armv7emdp")),
    NativeArch("rv32imc", "riscv64-unknown-elf-", ("rv32imc",)),
    NativeArch("x64", "x86_64-linux-gnu-", ("x64",)),
    NativeArch("xtensawin", "xtensa-lx106-elf-", ("xtensawin",)),
)
ARCHS = {arch.name: arch for arch in _ALL}


def find_arch(name: str) -> NativeArch:
    """Return an architecture by its name; UsageError with all names if there is none."""
    if name not in ARCHS:
        raise UsageError(
            f"there is no soundcore.mpy for an architecture {name!r}.", f"soundsdk knows: {', '.join(ARCHS)}."
        )
    return ARCHS[name]


def arch_for(mpy: int) -> NativeArch:
    """Return the architecture whose modules a board loads. mpy: the board's sys.implementation._mpy, 0 if it has none.

    Raises CheckError if the board loads no native modules, those of another version, or none that soundsdk makes.
    """
    version, name = (mpy & 0xFF, mpy >> 8 & 3), _name(mpy >> 10 & 15)
    if name == "none":
        raise CheckError(
            "the board's MicroPython loads no native modules, and soundcore is one.",
            "Build an image for the board instead: soundsdk build BOARD",
        )
    if version != MPY_VERSION:
        ours, theirs = (f"{major}.{minor}" for major, minor in (MPY_VERSION, version))
        oldest = ".".join(map(str, OLDEST_MICROPYTHON))
        raise CheckError(
            f"the board's MicroPython loads .mpy files of version {theirs}, and soundcore.mpy is of version {ours}.",
            f"Flash MicroPython {oldest} or newer.",
        )
    for arch in ARCHS.values():
        if name in arch.runs_on:
            return arch
    raise CheckError(
        f"there is no soundcore.mpy for the board's architecture, {name}.", f"There is one for {', '.join(ARCHS)}."
    )


def _name(number: int) -> str:
    return _NAMES[number] if number < len(_NAMES) else f"number {number}"
