"""Writes an RP2040 or RP2350 through its boot loader: by command or touch into it, then a UF2 file onto its drive.

The boot loader takes the file block by block, and restarts the board when the last one has come: the drive vanishes,
often before the last write returns. So neither an error nor a success of the copy says that it was taken; the board
does, afterwards.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from soundsdk.boards import Board
from soundsdk.device import uf2_drive
from soundsdk.device.session import Device, Refused
from soundsdk.device.transport import Gone
from soundsdk.device.uf2_drive import Drive
from soundsdk.errors import CheckError, DeviceError, PortError, ProtocolError
from soundsdk.flash.esptool_run import FlashError
from soundsdk.flash.reporter import Steps
from soundsdk.flash.target import Target

APPEARS_S = 20.0
VANISHES_S = 20.0
_STUCK_S = 30.0
_POLL_S = 0.1
_CHUNK = 32 * 1024
_TOUCH_BAUD = 1200
_PICOTOOL_S = 180.0
NAME = "soundsdk.uf2"
AGAIN = "Hold BOOTSEL while you plug the board in, and flash it again."


def enter(target: Target, steps: Steps) -> Drive | None:
    """The drive of the board's boot loader; None if there is none but picotool can do without.

    DeviceError if it does not appear. Nothing has been erased then: reset the board, and it runs as before.
    """
    if target.drive is not None:
        return target.drive
    assert target.port is not None
    assert target.board.uf2 is not None
    before = {drive.path for drive in uf2_drive.mounted()}
    if not _asked(target):
        steps.say("touch", f"Asking the board at {target.port} for its boot loader at {_TOUCH_BAUD} baud")
        _touch(target.port)
    end = time.monotonic() + APPEARS_S
    while time.monotonic() < end:
        uf2_drive.mount([target.board.uf2.volume])
        for drive in uf2_drive.mounted():
            if drive.path not in before:
                return drive
        time.sleep(_POLL_S)
    if shutil.which("picotool"):
        return None
    raise DeviceError(
        f"the drive {target.board.uf2.volume} of the boot loader has not appeared for {APPEARS_S:.0f} s.",
        f"{AGAIN} If the drive is not mounted by itself, mount it or install picotool.",
    )


def _asked(target: Target) -> bool:
    """Whether the firmware has been asked by command, and did not refuse."""
    if target.hello is None or target.port is None:
        return False
    try:
        with Device.open(f"port:{target.port}") as device:
            device.ask("bootloader")
    except Refused:
        return False
    except (Gone, ProtocolError):
        pass  # it went before its answer came through, or did not get the command: the drive will tell
    return True


def _touch(port: str) -> None:
    """Opens the port at 1200 baud and closes it: MicroPython and others take that for the wish to be flashed."""
    import serial

    try:
        with serial.Serial(port, _TOUCH_BAUD, exclusive=True):
            time.sleep(_POLL_S)
    except OSError as e:
        # It may go while it is still open: that is what was asked for.
        if e.errno in (errno.EACCES, errno.EBUSY, errno.EAGAIN):
            raise PortError(f"{port} is in use or may not be opened.", "soundsdk doctor says why.") from e


def check_drive(drive: Drive, board: Board) -> None:
    """CheckError if the drive is of another chip's boot loader. Nothing has been written then."""
    assert board.uf2 is not None
    if drive.board_id != board.uf2.volume:
        raise CheckError(
            f"the boot loader at {drive.path} is of {drive.board_id}, and {board.name} has {board.uf2.volume}; nothing "
            "was written.",
            "Name the right board.",
        )


def _sync(file: int) -> None:
    """So that what counts as written has left this computer, where the file system can do that."""
    try:
        os.fsync(file)
    except OSError as e:
        if e.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


class _Copy:
    """The copy, in a thread of its own: a drive that hangs must not hang the program."""

    def __init__(self, data: bytes, path: Path) -> None:
        self.done_bytes = 0
        self.error: OSError | None = None
        self.total = len(data)
        self._thread = threading.Thread(target=self._run, args=(data, path), daemon=True)
        self._thread.start()

    def _run(self, data: bytes, path: Path) -> None:
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o644)
            try:
                view = memoryview(data)
                while view:
                    n = os.write(file, view[:_CHUNK])
                    _sync(file)
                    self.done_bytes += n
                    view = view[n:]
            finally:
                os.close(file)
        except OSError as e:
            self.error = e

    def wait(self, seconds: float) -> bool:
        """True when it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()


def copy(data: bytes, drive: Drive, progress: Callable[[int, int], None]) -> bool:
    """Copies a UF2 file onto the drive and waits until that vanishes; whether all of it was written before that.

    FlashError if the drive refuses the file, is stuck, or keeps it without taking it, PortError if it is not permitted.
    A drive that vanishes early is no error here: the board's hello decides.
    """
    copying = _Copy(data, drive.path / NAME)
    last, last_done = time.monotonic(), 0
    while not copying.wait(_POLL_S):
        progress(copying.done_bytes, copying.total)
        if copying.done_bytes != last_done:
            last, last_done = time.monotonic(), copying.done_bytes
        if time.monotonic() - last > _STUCK_S:
            raise FlashError(f"the drive at {drive.path} has taken nothing for {_STUCK_S:.0f} s.", AGAIN)
    error = copying.error
    if error is not None and _is_there(drive):
        if error.errno in (errno.ENOSPC, errno.EFBIG):
            raise FlashError(f"the drive at {drive.path} is full.", "It takes images of its own size; " + AGAIN)
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise PortError(
                f"{drive.path} may not be written by you.", "Mount it as yourself (udisksctl mount), or be root."
            )
        raise FlashError(f"the drive at {drive.path} failed: {error.strerror or error}.", AGAIN)
    progress(copying.done_bytes, copying.total)
    end = time.monotonic() + VANISHES_S
    while _is_there(drive):
        if time.monotonic() > end:
            raise FlashError(
                f"the boot loader has not taken the image: after {VANISHES_S:.0f} s its drive is still there.", AGAIN
            )
        time.sleep(_POLL_S)
    return copying.done_bytes == copying.total


def _is_there(drive: Drive) -> bool:
    return drive in uf2_drive.mounted()


def picotool(path: Path) -> None:
    """Writes and verifies with picotool, for boot loaders whose drive cannot be mounted; FlashError if it fails."""
    try:
        done = subprocess.run(
            ["picotool", "load", "--verify", "--execute", str(path)],
            capture_output=True,
            text=True,
            timeout=_PICOTOOL_S,
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise FlashError(f"picotool does not end: {e}.", AGAIN) from e
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise FlashError(f"picotool failed: {said[-1].rstrip('.')}.", AGAIN)
