"""Writes an ESP32's flash with esptool, run as a program, and reads progress and errors from its output.

esptool 4.8 and 5 differ in the names of their commands; the options used here are the same in both.
"""

from __future__ import annotations

import importlib.metadata
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from soundsdk.boards import Board
from soundsdk.errors import CheckError, DeviceError, PortError, ProtocolError, SoundsdkError, ToolError
from soundsdk.flash.timeouts import FlashTimeouts
from soundsdk.install.packages import install_command

BAUD = 460800
_PROGRESS = re.compile(r"^Writing at .*?(\d+)(?:\.\d+)? ?%")
_SIZE = re.compile(r"Detected flash size: (\d+)([KM])B")
_VERIFIED = "Hash of data verified"
_VERIFIED_AGAIN = ("digest matched", "Verification successful")


class FlashError(SoundsdkError):
    """The image did not get into the flash."""


def command(name: str) -> str:
    """Return the installed esptool's name for a command such as write-flash; ToolError if there is no esptool."""
    try:
        version = importlib.metadata.version("esptool")
    except importlib.metadata.PackageNotFoundError as e:
        raise ToolError("esptool is not installed.", f"Run {install_command('esptool')}") from e
    return name if int(version.split(".")[0]) >= 5 else name.replace("-", "_")


def words(board: Board, port: str, parts: Sequence[tuple[int, Path]], baud: int, erase: bool) -> list[str]:
    """Return the command line that writes files at their offsets in flash.

    esptool checks the chip before, and afterwards the hash of what is in the flash.
    """
    start = _start(board, port, baud)
    keep = ["-fm", "keep", "-ff", "keep", "-fs", "keep"]
    whole = ["--erase-all"] if erase else []
    return [*start, command("write-flash"), *keep, *whole, *_listed(parts)]


def _listed(parts: Sequence[tuple[int, Path]]) -> list[str]:
    return [word for at, path in parts for word in (hex(at), str(path))]


def _start(board: Board, port: str, baud: int) -> list[str]:
    assert board.esptool is not None
    return [sys.executable, "-m", "esptool", "--chip", board.esptool.chip, "--port", port, "--baud", str(baud)]


def write(
    board: Board,
    port: str,
    parts: Sequence[tuple[int, Path]],
    baud: int,
    erase: bool,
    update: Callable[[int, int], None],
    timeouts: FlashTimeouts,
) -> None:
    """Write files at their offsets in flash; return only if the flash then holds them.

    update: called with a percentage and 100. CheckError if the chip or the flash's contents are not right, PortError,
    DeviceError, ProtocolError if the chip does not enter its boot loader, FlashError for everything else.
    """
    silent_s = timeouts.erase_silent_s if erase else timeouts.esptool_silent_s
    lines = run(words(board, port, parts, baud, erase), port, silent_s, update)
    if sum(_VERIFIED in line for line in lines) < len(parts):
        again = [*_start(board, port, baud), command("verify-flash"), *_listed(parts)]
        lines = run(again, port, timeouts.esptool_silent_s, update)
        if not any(text in line for line in lines for text in _VERIFIED_AGAIN):
            raise CheckError("esptool did not verify what it wrote.", "Flash it again.")


def flash_bytes(board: Board, port: str, baud: int, timeouts: FlashTimeouts) -> int:
    """Ask the chip for the size of its flash, and write nothing; it starts anew afterwards.

    CheckError if it is another chip or does not say, PortError, DeviceError, ProtocolError as write().
    """
    program = [*_start(board, port, baud), command("flash-id")]
    for line in run(program, port, timeouts.esptool_silent_s, lambda done, total: None):
        if found := _SIZE.match(line):
            return int(found[1]) << {"K": 10, "M": 20}[found[2]]
    raise CheckError(f"the flash of the chip at {port} does not say how large it is.", _AGAIN)


def run(program: list[str], port: str, silent_s: float, update: Callable[[int, int], None]) -> list[str]:
    """Run esptool and return the lines it printed; raise what they mean if it fails.

    silent_s: FlashError when it prints nothing for so long. update: called with a percentage and 100.
    """
    env = {key: value for key, value in os.environ.items() if not key.startswith("ESPTOOL")}
    env |= {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "160", "TERM": "dumb"}
    process = subprocess.Popen(
        program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", env=env,
    )  # fmt: skip
    output: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process, output), daemon=True).start()
    lines: list[str] = []
    try:
        while (line := output.get(timeout=silent_s)) is not None:
            lines.append(line)
            if percent := _PROGRESS.match(line):
                update(int(percent[1]), 100)
        process.wait(timeout=silent_s)
    except (queue.Empty, subprocess.TimeoutExpired) as e:
        raise FlashError(f"esptool has said nothing for {silent_s:.0f} s.", _AGAIN) from e
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode:
        raise failure(lines, port)
    return lines


def _read(process: subprocess.Popen[str], output: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        for part in line.rstrip("\n").split("\r"):
            if part.strip():
                output.put(part)
    output.put(None)


_AGAIN = "Unplug the board, plug it in again and flash it again; with a long or thin cable try --baud 115200."


def failure(lines: list[str], port: str) -> SoundsdkError:
    """Return the error that the output of a failed esptool means."""
    text = "\n".join(lines)
    fatal = next((line for line in reversed(lines) if "rror" in line), lines[-1] if lines else "it printed nothing")
    why = re.sub(r"^.*?rror( occurred)?: ?", "", fatal).strip().rstrip(".")
    if wrong := re.search(r"This chip is (\S+), not (\S+?)\.? ", text + " "):
        return CheckError(
            f"the chip at {port} is an {wrong[1]}, not an {wrong[2]}; nothing was written.", "Name the right board."
        )
    if "not match data in flash" in text or "written flash region is empty" in text or "does not match" in text:
        return CheckError(
            "what is in the flash is not the image: the flash does not take it.",
            "Flash it again, with --erase; if that fails too, the flash is worn or write-protected.",
        )
    if "ermission denied" in text:
        return PortError(f"{port} may not be opened by you.", "Find out what to change with soundsdk doctor.")
    if re.search(r"[Bb]usy(?! or does)|exclusively lock|Access is denied", text):
        return PortError(
            f"{port} is in use by another program.", "Close it; find out which one it is with soundsdk doctor."
        )
    if "No such file" in text and "Could not open" in text:
        return DeviceError(f"there is no board at {port}.", "List the boards with soundsdk devices.")
    if "Could not open" in text:
        return DeviceError(f"{port} cannot be opened: {why}.", "List the boards with soundsdk devices.")
    if "Failed to connect" in text:
        return ProtocolError(
            f"the chip at {port} does not enter its boot loader.",
            "Hold the button BOOT, press and release EN (or RST), let go of BOOT, and flash it again.",
        )
    return FlashError(f"the image did not get into the flash: {why}.", _AGAIN)
