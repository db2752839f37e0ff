"""A Pico: in its boot loader it is a drive, else a serial port with soundfw behind it.

    with VirtualPico(folder) as pico:                               # a System with this board and no other
        pico.bootsel()                                              # plug it in with the button held: a drive
        run(["flash", "rpi_pico"], system=pico)
        pico.runs.wait(5)                                           # the firmware runs, at pico.port

A folder is not a drive: what is written to it reaches the boot ROM at the next look, and when the drive vanishes a
program that still has the file open notices nothing. With `piped`, the file soundsdk.uf2 is a pipe, so the writer waits
for the ROM as for a real drive, and gets an error when that vanishes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.build import region
from soundsdk.device.port_info import PortInfo
from soundsdk_sim.live import LiveBoard
from soundsdk_sim.pty import Pty
from virtual_boards.computer import VirtualComputer
from virtual_boards.esp32.flash import Flash
from virtual_boards.firmware import Firmware, StartStock
from virtual_boards.pico.boot_rom import FLASH_AT, RP2040, PicoChip, Uf2Writer, starts

_LISTED_S = 10.0
_TURN_S = 0.01
_FLASH_BYTES = 2 * 1024 * 1024
_RATE_HZ = 16000
_TOUCH_BAUD = 1200
_SERIAL_NUMBER = "E6614103E7452D2F"
PIPE = "soundsdk.uf2"

__all__ = ["FLASH_AT", "PicoFaults", "VirtualPico"]


@dataclass
class PicoFaults:
    """Faults of the drive and the cable.

    cut_after: bytes of the file after which the cable is pulled, once. bytes_s: the ROM's speed, in bytes per second.
    piped: see above. full: the drive has no room. deaf: the file is never read. no_drive: the boot loader starts, and
    its drive does not appear.
    """

    cut_after: int | None = None
    bytes_s: float | None = None
    piped: bool = False
    full: bool = False
    deaf: bool = False
    no_drive: bool = False


class VirtualPico(VirtualComputer):
    """A computer with one board, whose flash is empty: so the board is in its boot loader.

    sound: recorded by its microphone after each start, at 16 kHz. other: another firmware is in the flash, which has a
    port and does not speak our protocol. refuses: its firmware does not know the command `bootloader`. stock: starts
    what runs on stock MicroPython, from the file system that the flash holds; without it, such an image says nothing.
    """

    def __init__(
        self,
        folder: Path,
        chip: PicoChip = RP2040,
        sound: NDArray[np.int16] | None = None,
        other: bool = False,
        refuses: bool = False,
        name: str = "ttyACM0",
        serial_number: str | None = _SERIAL_NUMBER,
        stock: StartStock | None = None,
    ) -> None:
        super().__init__()
        self._stock = stock
        self.chip = chip
        self.flash = Flash(_FLASH_BYTES)
        self.faults = PicoFaults()
        self.port = str(folder / name)
        self.drive = folder / f"{name}-{chip.board_id}"
        self.usb_file = folder / "usb.uf2"  # what picotool would send over USB, past the drive
        self.runs = threading.Event()
        self._sound = np.zeros(0, np.int16) if sound is None else sound
        self._other = other
        self._refuses = refuses
        self._serial_number = serial_number
        self._live: LiveBoard | None = None
        self._pty: Pty | None = None
        self._wanted = threading.Event()  # the boot loader, by command or button
        self._off = threading.Event()
        self._unplugged = threading.Event()
        self._is_out = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # The computer's side.

    def list_ports(self) -> list[PortInfo]:
        """Return the board's port, while its firmware runs."""
        if not os.path.islink(self.port):
            return []
        return [PortInfo(self.port, "board", 0x2E8A, 0x0005, self._serial_number, "Board in FS mode")]

    def list_mount_points(self) -> list[Path]:
        """Return the board's drive, while it is in its boot loader."""
        return [self.drive] if self.drive.is_dir() else []

    def __enter__(self) -> VirtualPico:
        # The board counts as plugged in when the system lists it.
        end = time.monotonic() + _LISTED_S
        while not self.list_ports() and not self.list_mount_points() and time.monotonic() < end:
            time.sleep(_TURN_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The user's side.

    def bootsel(self) -> None:
        """Unplug it and plug it in with the button held; return when the drive is there."""
        self.unplug()
        self._wanted.set()
        self.plug()
        end = time.monotonic() + 10
        while not self.drive.is_dir() and time.monotonic() < end:
            time.sleep(_TURN_S)

    def unplug(self) -> None:
        """Unplug it, and wait until it is out."""
        self._unplugged.set()
        self._is_out.wait(10)

    def plug(self) -> None:
        """Plug it in again."""
        self._is_out.clear()
        self._unplugged.clear()

    def close(self) -> None:
        """Switch it off."""
        self._off.set()
        self._thread.join(timeout=10)

    # The board's side.

    @property
    def _on(self) -> bool:
        return not self._off.is_set() and not self._unplugged.is_set()

    def _run(self) -> None:
        while not self._off.is_set():
            if self._unplugged.is_set():
                self._is_out.set()
                time.sleep(_TURN_S)
            elif not self._wanted.is_set() and self._other:
                self._serve(None)
            elif not self._wanted.is_set() and starts(self.chip, self.flash):
                self._start()
            else:
                self._wanted.clear()
                self._other = False
                self._boot_loader()

    def _start(self) -> None:
        found = region.find(self.flash.read(0, len(self.flash)))
        if found is None and self._stock is not None:
            firmware = self._stock(self.flash)
            self._serve(firmware)
            firmware.stop()
            return
        if found is None or not found.detector:
            # Half an image crashes: no port, until the button is held.
            while self._on and not self._wanted.is_set():
                time.sleep(_TURN_S)
            return
        _, _, build = found.fw.partition("+")
        settings: dict[str, Any] = {"board": found.board, "build": build}
        wanted = None if self._refuses else self._wanted.set
        live = LiveBoard(found.detector, self._sound, _RATE_HZ, settings, bootloader=wanted, port="rp2")
        self._serve(live)
        live.stop()

    def _serve(self, live: Firmware | None) -> None:
        """Serve the serial port until the boot loader is requested."""
        with Pty() as pty:
            os.symlink(pty.path, self.port)
            self.runs.set()
            waiting = b""
            while self._on and not self._wanted.is_set():
                if not pty.has_peer() and pty.baud == _TOUCH_BAUD:
                    self._wanted.set()
                data = pty.read()
                if live is None:
                    time.sleep(_TURN_S)
                    continue
                if data:
                    live.write(data)
                waiting = waiting or live.read(_TURN_S)
                waiting = waiting[pty.write(waiting) or 0 :] if pty.has_peer() else b""
            if live is not None and pty.has_peer():
                pty.write(live.read(0))  # the answer to the command
            self.runs.clear()
            os.unlink(self.port)

    def _boot_loader(self) -> None:
        writer = Uf2Writer(self.chip, self.flash)
        if self.faults.no_drive:
            while self._on and not self._wanted.is_set() and not writer.complete:
                time.sleep(_TURN_S)
                if self.usb_file.is_file():
                    writer.feed(self.usb_file.read_bytes())
            return
        self._show_drive()
        pipe = os.open(self.drive / PIPE, os.O_RDWR | os.O_NONBLOCK) if self.faults.piped else None
        taken: dict[Path, int] = {}
        count = 0
        try:
            while self._on and not writer.complete:
                data = b"" if self.faults.deaf else self._next(pipe, taken)
                if not data:
                    time.sleep(_TURN_S)
                    continue
                cut = self.faults.cut_after
                if cut is not None and count + len(data) > cut:
                    writer.feed(data[: cut - count])
                    self.faults.cut_after = None
                    self._unplugged.set()
                    break
                writer.feed(data)
                count += len(data)
                if self.faults.bytes_s:
                    time.sleep(len(data) / self.faults.bytes_s)
        finally:
            self._hide_drive()
            if pipe is not None:
                os.close(pipe)

    def _next(self, pipe: int | None, taken: dict[Path, int]) -> bytes:
        """Return what was written to a file since the last call."""
        if pipe is not None:
            with contextlib.suppress(BlockingIOError):
                return os.read(pipe, 4096)
            return b""
        for path in sorted(self.drive.glob("*.uf2")):
            if not path.is_file():
                continue
            with contextlib.suppress(OSError), path.open("rb") as file:
                file.seek(taken.get(path, 0))
                data = file.read(4096)
                if data:
                    taken[path] = taken.get(path, 0) + len(data)
                    return data
        return b""

    def _show_drive(self) -> None:
        hidden = self.drive.with_name(f".{self.drive.name}")
        shutil.rmtree(hidden, ignore_errors=True)
        hidden.mkdir()
        text = f"UF2 Bootloader v3.0\r\nModel: {self.chip.model}\r\nBoard-ID: {self.chip.board_id}\r\n"
        (hidden / "INFO_UF2.TXT").write_text(text, newline="")
        (hidden / "INDEX.HTM").write_text("<html></html>")
        if self.faults.full:
            (hidden / PIPE).symlink_to("/dev/full")
        elif self.faults.piped:
            os.mkfifo(hidden / PIPE)
        hidden.rename(self.drive)

    def _hide_drive(self) -> None:
        hidden = self.drive.with_name(f".{self.drive.name}")
        self.drive.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)
