"""Power-ons of a CircuitPython board on the shim, each a process: what they send, and what they leave on the drive."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from soundfw.wire import framing

RUN = Path(__file__).with_name("run_board.py")
I2S = {"kind": "i2s", "sck": 16, "ws": 17, "sd": 18}
PDM = {"kind": "pdm", "clk": 2, "data": 3, "dc_shift": 0}
PATIENCE_S = 300


def drive(folder: Path, model: bytes | None, mic: dict[str, Any] | None = None, **settings: Any) -> Path:
    """Make the drive of a board in a folder: its settings, and its detector if it has one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps({"mic": mic or I2S, **settings}))
    if model is not None:
        (folder / "detector.tflite").write_bytes(model)
    return folder


def words(folder: Path, pcm: np.ndarray, **options: Any) -> list[str]:
    """Return the command of a power-on that hears pcm. options: of shim.Board."""
    sound = folder.parent / f"{folder.name}.raw"
    sound.write_bytes(np.ascontiguousarray(pcm, np.int16).tobytes())
    return [sys.executable, str(RUN), json.dumps(options), str(sound)]


class PowerOn:
    """One power-on, to the end of its sound or of its program. commands: messages that wait at the port."""

    def __init__(self, folder: Path, pcm: np.ndarray, commands: Sequence[dict[str, Any]] = (), **options: Any) -> None:
        data = b"".join(b"\n" + framing.encode(command) + b"\n" for command in commands)
        done = subprocess.run(
            words(folder, pcm, **options), cwd=folder, input=data, capture_output=True, timeout=PATIENCE_S, check=False
        )
        assert done.stderr == b"", done.stderr.decode()
        self.code = done.returncode
        self.lines = [line for line in done.stdout.split(b"\n") if line]
        self.messages = [framing.decode(line) for line in self.lines]
        assert None not in self.messages, "a damaged line"
        log = folder / "log.json"
        self.log = json.loads(log.read_text()) if log.exists() else []

    @property
    def events(self) -> list[bytes]:
        """Lines of events."""
        return [line for line in self.lines if line.startswith(b'{"type":"event"')]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the messages of a type."""
        return [m for m in self.messages if m is not None and m["type"] == kind]

    def answer(self, re: str) -> dict[str, Any]:
        """Return the ack of a command."""
        return next(m for m in self.of("ack") if m["re"] == re)
