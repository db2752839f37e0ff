"""Programs of soundcore on the simulated Cortex-M0+: build them, run them, read what they cost."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOOLS = ("make", "cc", "arm-none-eabi-gcc", "arm-none-eabi-size")
_ALIGN = 16
_BUILD_S = 600
_RUN_S = 300


@dataclass(frozen=True)
class Cost:
    """What a function took, all that it called included, or what a function's own instructions took."""

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

    def total(self, *names: str) -> int:
        """Return the cycles of all calls of these functions together."""
        return sum(sum(self.cycles(name)) for name in names)


def build(folder: Path) -> Path:
    """Build the simulator and its programs in the folder, what has changed; return the folder.

    Raises RuntimeError with the compiler's messages.
    """
    words = ["make", "--no-print-directory", "-s", "-C", str(HERE), f"BUILD={folder}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=_BUILD_S, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return folder


def run(built: Path, program: str, parts: Sequence[bytes], calls: Sequence[str], profile: bool = False) -> Run:
    """Run a program of `built` on these parts and return what it did.

    parts: as device_part() gives them to the program. calls: shell patterns of the functions whose calls are counted.
    Raises RuntimeError where the program ends with another code than 0.
    """
    with tempfile.TemporaryDirectory() as place:
        data, output = Path(place) / "data", Path(place) / "output"
        data.write_bytes(_joined(parts))
        words = [str(built / "simulator"), str(built / f"{program}.elf"), "--data", str(data), "--output", str(output)]
        words += ["--calls", ",".join(calls)] if calls else []
        words += ["--profile"] if profile else []
        done = subprocess.run(words, capture_output=True, text=True, timeout=_RUN_S, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr}")
        written = output.read_bytes()
    lines = [line.split() for line in done.stdout.splitlines()]
    return Run(
        written,
        [Call(name, int(cycles), int(count), int(depth)) for kind, depth, name, cycles, count in
         (line for line in lines if line[0] == "call")],
        [Cost(name, int(cycles), int(count)) for _, name, cycles, count in (line for line in lines if line[0] == "profile")],
    )  # fmt: skip


def _joined(parts: Sequence[bytes]) -> bytes:
    """Return the file of --data: words with the count, offset and bytes of each part, then the parts."""
    at = -(-(4 + 8 * len(parts)) // _ALIGN) * _ALIGN
    head, body = struct.pack("<I", len(parts)), b""
    for part in parts:
        head += struct.pack("<II", at + len(body), len(part))
        body += part + bytes(-len(part) % _ALIGN)
    return head.ljust(at, b"\0") + body
