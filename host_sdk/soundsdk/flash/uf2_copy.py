"""Writes an RP2040 or RP2350: starts its boot loader, then copies a UF2 file onto the drive that this shows.

The boot loader flashes the file block by block, and restarts the board after the last one: the drive vanishes, often
before the last write returns. So neither an error nor a success of the copy shows that the image is in the flash; the
board's hello does, afterwards.
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
from soundsdk.device.connection import CommandRejected
from soundsdk.device.session import Device
from soundsdk.device.system import THIS_COMPUTER, System
from soundsdk.device.transport import ConnectionLost
from soundsdk.device.uf2_drive import Drive
from soundsdk.errors import CheckError, DeviceError, PortError, ProtocolError
from soundsdk.flash.esptool_run import FlashError
from soundsdk.flash.locate import LocatedBoard
from soundsdk.flash.timeouts import FlashTimeouts
from soundsdk.progress import Progress

_POLL_S = 0.1
_CHUNK = 32 * 1024
_TOUCH_BAUD = 1200
_PICOTOOL_S = 180.0
NAME = "soundsdk.uf2"
AGAIN = "Hold BOOTSEL while you plug the board in, and flash it again."


def enter_boot_loader(
    target: LocatedBoard, progress: Progress, timeouts: FlashTimeouts, system: System = THIS_COMPUTER
) -> Drive | None:
    """Start the board's boot loader and return its drive; None if there is none, but picotool can do without.

    DeviceError if the drive does not appear. Nothing has been erased then: reset the board, and it runs as before.
    """
    if target.drive is not None:
        return target.drive
    assert target.port is not None
    assert target.board.uf2 is not None
    before = {drive.path for drive in uf2_drive.mounted(system)}
    if not _request_boot_loader(target):
        progress.step("touch", f"Asking the board at {target.port} for its boot loader at {_TOUCH_BAUD} baud")
        _touch(target.port)
    end = time.monotonic() + timeouts.drive_appears_s
    while time.monotonic() < end:
        system.mount_drives([target.board.uf2.volume])
        for drive in uf2_drive.mounted(system):
            if drive.path not in before:
                return drive
        time.sleep(_POLL_S)
    if shutil.which("picotool"):
        return None
    raise DeviceError(
        f"the drive {target.board.uf2.volume} of the boot loader has not appeared in {timeouts.drive_appears_s:.0f} s.",
        f"{AGAIN} If the drive is not mounted by itself, mount it or install picotool.",
    )


def _request_boot_loader(target: LocatedBoard) -> bool:
    """Send the firmware the command `bootloader`; return False if it cannot be sent or is rejected."""
    if target.hello is None or target.port is None:
        return False
    try:
        with Device.open(f"port:{target.port}") as device:
            device.request("bootloader")
    except CommandRejected:
        return False
    except (ConnectionLost, ProtocolError):
        pass  # it left before its answer came through, or did not get the command: the drive shows which
    return True


def _touch(port: str) -> None:
    """Open the port at 1200 baud and close it: MicroPython and others start their boot loader at that."""
    import serial

    try:
        with serial.Serial(port, _TOUCH_BAUD, exclusive=True):
            time.sleep(_POLL_S)
    except OSError as e:
        # It may vanish while it is still open: that is the aim.
        if e.errno in (errno.EACCES, errno.EBUSY, errno.EAGAIN):
            raise PortError(f"{port} is in use or may not be opened.", "Find out why with soundsdk doctor.") from e


def check_drive(drive: Drive, board: Board) -> None:
    """Raise CheckError if the drive is another chip's boot loader. Nothing has been written then."""
    assert board.uf2 is not None
    if drive.board_id != board.uf2.volume:
        raise CheckError(
            f"the boot loader at {drive.path} belongs to {drive.board_id}, and {board.name} has {board.uf2.volume}; "
            "nothing was written.",
            "Name the right board.",
        )


def _sync(file: int) -> None:
    """Wait until what was written has left this computer, where the file system can do that."""
    try:
        os.fsync(file)
    except OSError as e:
        if e.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


class _Copy:
    """A copy in a thread of its own, since a drive that hangs must not hang the program."""

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
        """Wait for the end of the copy; return False if it is still running."""
        self._thread.join(seconds)
        return not self._thread.is_alive()


def copy(
    data: bytes,
    drive: Drive,
    update: Callable[[int, int], None],
    timeouts: FlashTimeouts,
    system: System = THIS_COMPUTER,
) -> bool:
    """Copy a UF2 file onto the drive and wait until that vanishes; return True if all of it was written before that.

    update: called with the bytes written and their total. FlashError if the drive rejects the file, is stuck, or keeps
    it without flashing it, PortError if it may not be written. A drive that vanishes early is no error here: the
    board's hello decides.
    """
    copying = _Copy(data, drive.path / NAME)
    last, last_done = time.monotonic(), 0
    while not copying.wait(_POLL_S):
        update(copying.done_bytes, copying.total)
        if copying.done_bytes != last_done:
            last, last_done = time.monotonic(), copying.done_bytes
        if time.monotonic() - last > timeouts.drive_stuck_s:
            raise FlashError(f"the drive at {drive.path} has taken nothing for {timeouts.drive_stuck_s:.0f} s.", AGAIN)
    error = copying.error
    if error is not None and _is_there(drive, system):
        if error.errno in (errno.ENOSPC, errno.EFBIG):
            raise FlashError(f"the drive at {drive.path} is full.", "Check the size of the image. " + AGAIN)
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise PortError(
                f"{drive.path} may not be written by you.", "Mount it as yourself (udisksctl mount), or be root."
            )
        raise FlashError(f"the drive at {drive.path} failed: {error.strerror or error}.", AGAIN)
    update(copying.done_bytes, copying.total)
    end = time.monotonic() + timeouts.drive_vanishes_s
    while _is_there(drive, system):
        if time.monotonic() > end:
            raise FlashError(
                f"the boot loader has not taken the image: its drive stays, {timeouts.drive_vanishes_s:.0f} s later.",
                AGAIN,
            )
        time.sleep(_POLL_S)
    return copying.done_bytes == copying.total


def _is_there(drive: Drive, system: System) -> bool:
    return drive in uf2_drive.mounted(system)


def picotool(path: Path) -> None:
    """Write and verify with picotool, for boot loaders whose drive cannot be mounted; FlashError if it fails."""
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
