"""Runs programs on a board's MicroPython with mpremote, itself run as a program, and reads what they tell."""

from __future__ import annotations

import importlib.metadata
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import PortError, ProtocolError, SoundsdkError, ToolError
from soundsdk.given_text import parse_json
from soundsdk.install.packages import install_command
from soundsdk.stock.on_board import MARK

Tell = Callable[[dict[str, Any]], None]

# What mpremote, pyserial and the system say when the port goes.
_GONE = re.compile(
    r"SerialException|disconnected|Input/output error|\[Errno (5|6|9|19|32|104)\]|BrokenPipe|ConnectionReset|"
    r"device reports readiness|read failed|write failed|ClearCommError|unexpected read during raw paste"
)
_NO_REPL = ("could not enter raw repl", "could not exec command", "timeout waiting for", "could not complete raw paste")
_MOST_LINES = 10_000  # of a board; what soundsdk runs there says some hundred
_MOST_S = 600.0


class BoardProgramError(SoundsdkError):
    """A program on the board ended with an exception. kind: the name of its class."""

    def __init__(self, message: str, hint: str, kind: str) -> None:
        super().__init__(message, hint)
        self.kind = kind


def run(
    port: str, programs: Sequence[str], silent_s: float, tell: Tell | None = None, reset: bool = False
) -> list[dict[str, Any]]:
    """Run programs on the board at a port (path or URL), after a soft reset; return what they tell.

    tell: called with each of it as it comes. reset: reset the board at the end. Each call ends: after silent_s without
    a word from the board, and for a board that does not stop talking, it is a
    ProtocolError. Raises BoardProgramError if a program fails, ConnectionLost if the port goes, PortError if it is
    busy, ToolError without mpremote.
    """
    _check_installed()
    with tempfile.TemporaryDirectory(prefix="soundsdk-") as folder:
        words = [sys.executable, "-m", "mpremote", "connect", port]
        for number, text in enumerate(programs):
            path = Path(folder) / f"{number}.py"
            path.write_text(text, encoding="ascii")
            words += ["+", "run", str(path)]
        if reset:
            words += ["+", "reset"]
        return _follow(words, port, silent_s, tell or (lambda facts: None), folder)


def _check_installed() -> None:
    try:
        importlib.metadata.version("mpremote")
    except importlib.metadata.PackageNotFoundError as e:
        raise ToolError("mpremote is not installed.", f"Run {install_command('mpremote')}") from e


def _follow(words: list[str], port: str, silent_s: float, tell: Tell, folder: str) -> list[dict[str, Any]]:
    # A folder without mpremote's configuration, in which a user may have given its commands other meanings.
    env = os.environ | {"PYTHONUNBUFFERED": "1", "XDG_CONFIG_HOME": folder, "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        encoding="utf-8", errors="replace", env=env,
    )  # fmt: skip
    output: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process, output), daemon=True).start()
    told: list[dict[str, Any]] = []
    said: list[str] = []
    lines, end = 0, time.monotonic() + _MOST_S
    try:
        while (line := output.get(timeout=silent_s)) is not None:
            lines += 1
            if lines > _MOST_LINES or time.monotonic() > end:
                raise ProtocolError(
                    f"the board at {port} does not stop talking.", "Press its reset button and try again."
                )
            facts = _facts(line)
            if facts is None:
                said.append(line)
            else:
                told.append(facts)
                tell(facts)
        process.wait(timeout=silent_s)
    except (queue.Empty, subprocess.TimeoutExpired) as e:
        raise ProtocolError(
            f"the board at {port} has said nothing for {silent_s:.0f} s.", "Press its reset button and try again."
        ) from e
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode:
        raise _failure(port, said)
    return told


def _read(process: subprocess.Popen[str], output: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        output.put(line.rstrip())
    output.put(None)


def _facts(line: str) -> dict[str, Any] | None:
    """Return what a line of a program tells; None for any other line."""
    if not line.startswith(MARK):
        return None
    try:
        facts = parse_json(line[len(MARK) :])
    except ValueError:
        return None
    return facts if isinstance(facts, dict) else None


def _failure(port: str, said: list[str]) -> SoundsdkError:
    """Return the error that the output of a failed mpremote means."""
    text = "\n".join(said)
    if _GONE.search(text):
        return ConnectionLost(f"the board at {port} is gone.", "Plug it in again.")
    if "failed to access" in text:
        return PortError(
            f"{port} is in use by another program, or has gone.",
            "Close it; find out which one it is with soundsdk doctor.",
        )
    if any(words in text for words in _NO_REPL):
        return ProtocolError(
            f"what is at {port} does not answer as MicroPython.",
            "Does the board run MicroPython? soundsdk flash puts firmware on a new one.",
        )
    last = said[-1] if said else "it printed nothing"
    kind = re.match(r"(\w+)(?::|$)", last)
    return BoardProgramError(
        f"the board at {port} stops at an error: {last.rstrip('.')}.", "Press its reset button and try again.",
        kind[1] if kind else "",
    )  # fmt: skip
