"""Writes to a board that was located, by esptool or through its boot loader's drive, and finds its port afterwards."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from soundsdk.device import ports
from soundsdk.device.system import System
from soundsdk.errors import CheckError
from soundsdk.flash import esptool_run, uf2_copy
from soundsdk.flash.esptool_run import FlashError
from soundsdk.flash.locate import LocatedBoard
from soundsdk.flash.timeouts import FlashTimeouts
from soundsdk.progress import Progress
from soundsdk.whole_file import write_whole

Found = TypeVar("Found")


@dataclass(frozen=True)
class Written:
    """The end of writing. whole: False if the drive vanished too early; others: the ports that are not the board."""

    whole: bool = True
    others: frozenset[str] = field(default_factory=frozenset)


def announce(
    parts: Sequence[tuple[int, Path]], target: LocatedBoard, baud: int, erase: bool, progress: Progress
) -> None:
    """Announce how a board would be written and checked, step by step. parts: as write_with_esptool takes them."""
    board = target.board
    whole = "erase the whole flash, then " if erase else ""
    if board.esptool is not None:
        line = " ".join(esptool_run.words(board, target.where, parts, baud, erase)[1:])
        places = " and ".join(f"{at:#x}" for at, _ in parts)
        progress.step("write", f"Would {whole}write it at {places}: python {line}")
    else:
        assert board.uf2 is not None
        if target.drive is None:
            progress.step(
                "boot loader",
                f"Would start the boot loader: by command if it says hello, else {target.port} opened at 1200 baud; "
                f"then wait for the drive {board.uf2.volume}",
            )
        progress.step("write", f"Would {whole}copy it to the drive as {uf2_copy.NAME}, family {board.uf2.family:#010x}")
    progress.step("wait", "Would wait for hello, and compare board, firmware and detector")
    progress.step("done", "Nothing was touched.", dry_run=True)


@contextlib.contextmanager
def files_of(parts: Sequence[tuple[int, bytes]]) -> Iterator[list[tuple[int, Path]]]:
    """Yield (offset in flash, file) of (offset in flash, bytes), as esptool takes them; the files go at the end.

    OutputError if there is no room for them.
    """
    with tempfile.TemporaryDirectory(prefix="soundsdk-") as folder:
        paths = []
        for at, data in parts:
            path = Path(folder) / f"{at:#x}.bin"
            write_whole(path, data)
            paths.append((at, path))
        yield paths


def write_with_esptool(
    parts: Sequence[tuple[int, Path]],
    target: LocatedBoard,
    baud: int,
    erase: bool,
    progress: Progress,
    timeouts: FlashTimeouts,
) -> Written:
    """Write files at their offsets in flash, in one run of esptool, which compares the flash with them afterwards."""
    assert target.port is not None
    progress.step("write", f"Writing with esptool through {target.port}")
    esptool_run.write(target.board, target.port, parts, baud, erase, progress.update, timeouts)
    progress.step("verify", "Verified: what is in the flash is the image")
    return Written()


def write_through_drive(
    data: bytes, target: LocatedBoard, progress: Progress, timeouts: FlashTimeouts, system: System
) -> Written:
    """Write a UF2 file through the drive of the board's boot loader, or with picotool if it is not mounted."""
    if target.drive is None:
        progress.step("boot loader", "Starting the board's boot loader")
    drive = uf2_copy.enter_boot_loader(target, progress, timeouts, system)
    others = frozenset(port.path for port in ports.listed(system))
    if drive is None:
        progress.step("write", "The drive is not mounted; writing with picotool")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / uf2_copy.NAME
            write_whole(path, data)
            uf2_copy.picotool(path)
        return Written(others=others)
    uf2_copy.check_drive(drive, target.board)
    progress.step("write", f"Copying to {drive.path}", drive=str(drive.path))
    return Written(uf2_copy.copy(data, drive, progress.update, timeouts, system), others)


def wait_for_board(
    target: LocatedBoard,
    written: Written,
    wait: Callable[[Callable[[], list[str]], float], Found],
    progress: Progress,
    timeouts: FlashTimeouts,
    system: System,
) -> Found:
    """Return what wait(places, timeout_s) finds; FlashError in place of its CheckError if not all was written."""
    progress.step("wait", "Waiting for the board to say hello")
    try:
        return wait(
            lambda: _places(target, written.others, system), timeouts.hello_s if written.whole else timeouts.cut_hello_s
        )
    except CheckError as e:
        if written.whole:
            raise
        raise FlashError("the boot loader's drive went away before it had the whole image.", uf2_copy.AGAIN) from e


def _places(target: LocatedBoard, others: frozenset[str], system: System) -> list[str]:
    """List the ports at which the board may be now, without those in `others`, which are not it."""
    if target.info is not None:
        back = ports.again(target.info, system)
        return [back.path] if back else []
    if target.port is not None:
        return [target.port]
    return [port.path for port in ports.listed(system) if port.kind == "board" and port.path not in others]
