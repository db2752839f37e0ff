"""The memory of a network in both engines that can run it: soundcore's own, and TensorFlow Lite Micro's."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass

_ROOM = 1 << 22  # bytes of arena that it may take
_SECONDS = 60  # until it is given up
# In a process of its own: TensorFlow Lite Micro ends its process where it gives up.
_ASK = f"""
import sys
from tflite_micro import runtime
runtime.Interpreter.from_bytes(sys.stdin.buffer.read(), arena_size={_ROOM}).print_allocations()
"""


@dataclass(frozen=True)
class EngineArenas:
    """Bytes of memory of the network alone on this computer. tflm: None where its package is not installed."""

    soundcore: int
    tflm: int | None

    def __str__(self) -> str:
        """Return them as the text of a line."""
        if self.tflm is None:
            return f"{self.soundcore} bytes in soundcore"
        return f"{self.soundcore} bytes in soundcore, {self.tflm} in TensorFlow Lite Micro (on this computer)"


def arenas(data: bytes) -> EngineArenas:
    """Return what the network of a detector's file takes in both engines."""
    import soundcore

    return EngineArenas(soundcore.Model(data).arena_size, _tflm(data))


def _tflm(data: bytes) -> int | None:
    if importlib.util.find_spec("tflite_micro") is None:
        return None
    try:
        words = [sys.executable, "-c", _ASK]
        done = subprocess.run(words, input=data, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(rb"Arena allocation total (\d+) bytes", done.stdout + done.stderr)
    return int(found[1]) if done.returncode == 0 and found is not None else None
