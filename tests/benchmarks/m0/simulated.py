"""Programs of soundcore on the simulated Cortex-M0+: build them, run them, read what they cost."""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from soundsdk.cache import locked

HERE = Path(__file__).resolve().parent
TOOLS = ("make", "cc", "arm-none-eabi-gcc", "arm-none-eabi-size")
_ALIGN = 16
_BUILD_S = 600
_RUN_S = 300


@dataclass(frozen=True)
class Cost:
    """The cost of a function: of a call with all that it calls, or in a profile of its own instructions."""

    name: str
    cycles: int
    instructions: int


@dataclass(frozen=True)
class Call(Cost):
    """One call of a function. depth: how many other calls of the chosen functions it lay in."""

    depth: int


@dataclass(frozen=True)
class Run:
    """A program's run. output: what it wrote. profile: by function, without what each calls."""

    output: bytes
    calls: list[Call]
    profile: list[Cost]

    def cycles(self, name: str) -> list[int]:
        """Return the cycles of every call of the function, in order."""
        return [call.cycles for call in self.calls if call.name == name]


def build(folder: Path) -> Path:
    """Build the simulator and its programs in the folder, what has changed; return the folder.

    Raises RuntimeError with the compiler's messages.
    """
    words = ["make", f"-j{os.cpu_count() or 1}", "-s", "-C", str(HERE), f"BUILD={folder}"]
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    with locked(folder, print):
        done = subprocess.run(words, capture_output=True, text=True, timeout=_BUILD_S, check=False, env=environment)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return folder


def run(built: Path, program: str, parts: Sequence[bytes], calls: Sequence[str], profile: bool = False) -> Run:
    """Run a program of `built` on these parts and return what it did.

    parts: as device_part() gives them to the program. calls: shell patterns of the functions whose calls are counted.
    profile: of what runs inside those calls. Raises RuntimeError where the program ends with another code than 0.
    """
    options = [f"--calls={','.join(calls)}", *(["--profile"] if profile else [])]
    return run_file(built, built / f"{program}.elf", parts, options)


def run_file(built: Path, program: Path, parts: Sequence[bytes], options: Sequence[str]) -> Run:
    """Run a linked program on the simulator of `built`, with its options but for --data and --output (main.c)."""
    with tempfile.TemporaryDirectory() as place:
        data, output = Path(place) / "data", Path(place) / "output"
        data.write_bytes(_joined(parts))
        words: list[str | Path] = [built / "simulator", program, f"--data={data}", f"--output={output}", *options]
        done = subprocess.run(words, capture_output=True, text=True, timeout=_RUN_S, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{program.name} ended with {done.returncode}: {done.stderr}")
        return _read(output.read_bytes(), done.stdout)


def _read(output: bytes, printed: str) -> Run:
    """Return the run whose lines the simulator has printed."""
    calls, profile = [], []
    for line in printed.splitlines():
        kind, *words = line.split()
        if kind == "call":
            depth, name, cycles, instructions = words
            calls.append(Call(name, int(cycles), int(instructions), int(depth)))
        elif kind == "profile":
            name, cycles, instructions = words
            profile.append(Cost(name, int(cycles), int(instructions)))
    return Run(output, calls, profile)


def _joined(parts: Sequence[bytes]) -> bytes:
    """Return the file of --data: words with the count, offset and bytes of each part, then the parts."""
    at = -(-(4 + 8 * len(parts)) // _ALIGN) * _ALIGN
    head, body = struct.pack("<I", len(parts)), b""
    for part in parts:
        head += struct.pack("<II", at + len(body), len(part))
        body += part + bytes(-len(part) % _ALIGN)
    return head.ljust(at, b"\0") + body
