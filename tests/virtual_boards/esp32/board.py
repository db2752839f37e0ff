"""The board around the chip: power, the two lines that reset it, its serial port, and its firmware.

The lines are wired as on Espressif's boards, with two transistors: EN (reset) is low while RTS is asserted and DTR is
not, GPIO0 (boot loader) while DTR is asserted and RTS is not. A capacitor lets EN rise slowly, so the moment in which
both are asserted, between reset and boot loader, starts nothing yet.
"""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.build import region
from soundsdk_sim.live import LiveBoard
from virtual_boards.esp32 import image
from virtual_boards.esp32.chips import EspChip
from virtual_boards.esp32.flash import Flash
from virtual_boards.esp32.rom_loader import RomLoader
from virtual_boards.firmware import Firmware, StartStock

_EN_RISES_S = 1.0  # ten times as long as on a board: what drives the lines here may be slow
_BAUD = 115200
_BAUD_TOLERANCE = 0.03
_PORT_BYTES = 65536
_RATE_HZ = 16000


class Esp32Board:
    """A board with power on. sound: recorded by its microphone after each start, at 16 kHz; then silence.

    It runs soundfw with the detector found in the flash, if the boot loader would start what the flash holds. stock:
    starts what runs on stock MicroPython, if the application has no detector.
    """

    def __init__(
        self,
        chip: EspChip,
        flash: Flash | None = None,
        sound: NDArray[np.int16] | None = None,
        stock: StartStock | None = None,
    ) -> None:
        self._stock = stock
        self.chip = chip
        self.flash = flash or Flash()
        self._sound = np.zeros(0, np.int16) if sound is None else sound
        self._lock = threading.RLock()
        self._out = bytearray()
        self._loader: RomLoader | None = None
        self._live: Firmware | None = None
        self._dtr = self._rts = False
        self._in_reset = False
        self._rises_at: float | None = None
        self._baud = _BAUD
        self._noise = random.Random(1)
        self.resets = 0
        self.boots = 0  # of soundfw
        self._start(loader=False)

    # What the host sets: the reset lines and the speed.

    def set_lines(self, dtr: bool, rts: bool) -> None:
        """Set the reset lines. True: asserted."""
        with self._lock:
            self._dtr, self._rts = dtr, rts
            if rts and not dtr:
                self._stop()
                self._in_reset, self._rises_at = True, None
            elif rts and self._in_reset:
                self._rises_at = time.monotonic() + _EN_RISES_S
            elif self._in_reset:
                self._leave_reset(loader=dtr)

    def set_baud(self, baud: int) -> None:
        with self._lock:
            self._baud = baud
            if self._loader:
                self._loader.host_baud = baud

    def power_cycle(self) -> None:
        """Unplug it and plug it in: no line is asserted, and whatever ran has ended."""
        with self._lock:
            self._dtr = self._rts = False
            self._stop()
            self._leave_reset(loader=False)

    def stop(self) -> None:
        """Switch it off."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        self._loader = None
        live, self._live = self._live, None
        if live:
            live.stop()
        self._out.clear()

    def _leave_reset(self, loader: bool) -> None:
        self._in_reset, self._rises_at = False, None
        self.resets += 1
        self._start(loader)

    def _start(self, loader: bool) -> None:
        if loader:
            self._loader = RomLoader(self.chip, self.flash, self._restart)
            self._loader.host_baud = self._baud
            self._say("rst:0x1 (POWERON),boot:0x3 (DOWNLOAD(UART0))\r\nwaiting for download\r\n")
            return
        self._say("rst:0x1 (POWERON),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n")
        try:
            booted = image.boot(self.flash, self.chip)
        except image.BadImage as e:
            self._say(f"{e}\r\n" * 3)
            return
        found = region.find(booted.app)
        if found is None and self._stock is not None:
            self.boots += 1
            self._live = self._stock(self.flash)
            return
        if found is None or not found.detector:
            self._say("MicroPython; >>> \r\n")  # an application without a detector: it does not answer
            return
        self.boots += 1
        _, _, build = found.fw.partition("+")
        settings: dict[str, Any] = {"board": found.board, **({"build": build} if build else {})}
        self._live = LiveBoard(found.detector, self._sound, _RATE_HZ, settings)

    def _restart(self) -> None:
        self._stop()
        self._leave_reset(loader=False)

    def _say(self, text: str) -> None:
        self._out += text.encode()

    # The serial port.

    @property
    def _garbled(self) -> bool:
        chip = self._loader.baud if self._loader else _BAUD
        return abs(self._baud / chip - 1) > _BAUD_TOLERANCE

    def receive(self, data: bytes) -> None:
        """Receive bytes from the host."""
        with self._lock:
            garbled = self._garbled
            if garbled:
                data = self._noise.randbytes(len(data))
            if self._loader:
                # The answer to a change of speed still leaves at the old one.
                answer = self._loader.feed(data)[: _PORT_BYTES - len(self._out)]
                self._out += self._noise.randbytes(len(answer)) if garbled else answer
            elif self._live:
                self._live.write(data)

    def transmit(self, timeout_s: float) -> bytes:
        """Return what the board has sent, waiting at most timeout_s for it."""
        end = time.monotonic() + timeout_s
        while True:
            with self._lock:
                if self._rises_at is not None and time.monotonic() > self._rises_at:
                    self._leave_reset(loader=False)
                data = bytes(self._out)
                self._out.clear()
                live = self._live
                if live and not data:
                    data = live.read(0)
                    if self._garbled:
                        data = self._noise.randbytes(len(data))
                if data:
                    return data
            if time.monotonic() >= end:
                return b""
            time.sleep(0.002)
