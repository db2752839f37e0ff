"""A board that runs stock MicroPython: its unix program behind a virtual port, with a file system of limited size.

flash = StockFlash(folder)                                    # what the board keeps
with VirtualPorts(folder) as ports:
    port = ports.add(lambda: StockBoard(program, flash))
    cli.run(["install", port.path], ports)
flash.files(program)                                          # {"main.py": b"...", "lib": None, ...}
"""

from __future__ import annotations

import json
import select
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soundsdk.stock.on_board import MARK

REPL = Path(__file__).with_name("stock_repl.py")
_CUT = Path(__file__).with_name("stock_cut.py")
_NO_POWER = 9  # see stock_cut.py
_SOFT_RAW = 4  # see stock_repl.py
_CTRL_C = b"\x03"
_DUMP = """
import os, sys, json
sys.path.append(sys.argv[1].rpartition("/")[0])
import vfs, binascii
exec(open(sys.argv[1]).read().split("class Pin")[0])
flash = Flash(*json.loads(sys.argv[2]))
mounted(flash, "/d")
def walk(path):
    for name, kind, *_ in os.ilistdir("/d" + path):
        here = path + "/" + name
        if kind == 0x4000:
            print(here[1:], "-")
            walk(here)
        else:
            print(here[1:], "+" + binascii.hexlify(open("/d" + here, "rb").read()).decode())
walk("")
"""
_STORE = """
import os, sys, json
import vfs, binascii
exec(open(sys.argv[1]).read().split("class Pin")[0])
flash = Flash(*json.loads(sys.argv[2]))
given = [line.split() for line in sys.stdin]
mounted(flash, "/d")
for path, text in given:
    if text == "-":
        os.mkdir("/d/" + path)
    else:
        with open("/d/" + path, "wb") as f:
            f.write(binascii.unhexlify(text[1:]))
vfs.umount("/d")
flash.file.flush()
"""


@dataclass(frozen=True)
class Ran:
    """Programs that were run. told: what they told; cut: the power went; error: the traceback they ended with."""

    told: list[dict[str, Any]]
    cut: bool
    error: str


@dataclass
class StockFlash:
    """The file system of a board, in a host file; it outlives the board. sound: raw int16 that its microphone hears.

    prog, read: the bytes that are written and read at once, as the board's port has them.
    """

    path: Path
    block: int = 4096
    blocks: int = 352
    prog: int = 256
    read: int = 256
    sound: str = ""
    speed: float = 1.0
    implementation: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.path.exists():
            with self.path.open("wb") as file:
                file.truncate(self.block * self.blocks)

    @property
    def device(self) -> list[str | int]:
        """The block device, as stock_repl.Flash takes it."""
        return [str(self.path), self.block, self.blocks, self.prog, self.read]

    def files(self, program: Path) -> dict[str, bytes | None]:
        """Return what is there: contents by path, None for a folder."""
        out = self._run(program, _DUMP, "")
        rows = [line.split(" ") for line in out.splitlines()]
        return {path: None if text == "-" else bytes.fromhex(text[1:]) for path, text in rows}

    def store(self, program: Path, files: dict[str, bytes | None]) -> None:
        """Write files, and make folders (None), in this order."""
        self._run(program, _STORE, "".join(
            f"{path} {'-' if data is None else '+' + data.hex()}\n" for path, data in files.items()
        ))  # fmt: skip

    def run(self, program: Path, programs: Sequence[str], cut: int = 0) -> Ran:
        """Run programs as in one session of the raw REPL. cut: the change to the files at which the power goes."""
        paths = []
        for number, text in enumerate(programs):
            paths.append(self.path.with_suffix(f".{number}.py"))
            paths[-1].write_text(text)
        settings = self.path.with_suffix(".run.json")
        settings.write_text(json.dumps({
            "repl": str(REPL), "flash": self.device, "programs": [str(path) for path in paths], "cut": cut,
        }))  # fmt: skip
        done = subprocess.run([program, _CUT, settings], capture_output=True, text=True, timeout=60, check=False)
        told = [json.loads(line[len(MARK) :]) for line in done.stdout.splitlines() if line.startswith(MARK)]
        assert done.returncode in (0, 1, _NO_POWER), done.stderr
        return Ran(told, done.returncode == _NO_POWER, done.stderr)

    def _run(self, program: Path, code: str, given: str) -> str:
        script = self.path.with_suffix(".access.py")
        script.write_text(code)
        words = [program, "-X", "heapsize=64m", script, REPL, json.dumps(self.device)]
        done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class StockBoard:
    """A board at power-on, behind a VirtualPort. heap: of MicroPython, in bytes.

    silent: it takes every byte and says nothing, as what is no MicroPython does.
    """

    def __init__(self, program: Path, flash: StockFlash, heap: int = 2 << 20, silent: bool = False) -> None:
        self._program = program
        self._heap = heap
        self._silent = silent
        self._settings = flash.path.with_suffix(".json")
        self._settings.write_text(json.dumps({
            "flash": flash.device, "sound": flash.sound, "speed": flash.speed, "implementation": flash.implementation,
        }))  # fmt: skip
        self._host, self._port = socket.socketpair()
        self._off = False
        self._lock = threading.Lock()
        self._process = self._start("normal")

    def _start(self, mode: str) -> subprocess.Popen[bytes]:
        # The REPL reads its own script and then the port, so both are opened before the board's files are mounted.
        words = [str(self._program), "-X", f"heapsize={self._heap}", str(REPL), str(self._settings), mode]
        return subprocess.Popen(words, stdin=self._port, stdout=self._port, stderr=subprocess.DEVNULL)

    def read(self, timeout_s: float) -> bytes:
        with self._lock:
            code = self._process.poll()
            if code is not None and not self._off:
                self._process = self._start("raw" if code == _SOFT_RAW else "normal")
        try:
            if not select.select([self._host], [], [], timeout_s)[0]:
                return b""
            data = self._host.recv(4096)
        except (OSError, ValueError):
            return b""  # it was switched off meanwhile
        return b"" if self._silent else data

    def write(self, data: bytes) -> None:
        if self._silent:
            return
        while data:
            before, found, data = data.partition(_CTRL_C)
            if before and not self._off:
                self._host.sendall(before)
            if found:
                # What a chip's interrupt does with this byte.
                with self._lock:
                    if self._process.poll() is None:
                        self._process.send_signal(signal.SIGINT)

    def stop(self) -> None:
        with self._lock:
            self._off = True
            self._process.kill()
            self._process.wait()
        self._host.close()
        self._port.close()
