"""machine.I2S as MicroPython's esp32 port has it: a ring that DMA fills, whose driver drops the oldest sound silently.

From MicroPython 1.25, ports/esp32/machine_i2s.c: DMA takes both slots in 32 bits, whatever the format, in pieces of 256
frames, of which `ibuf` holds a whole number, two at least; reads wait for all that they ask for; an error of the driver
is an OSError. From ESP-IDF 5, esp_driver_i2s/i2s_common.c: a queue holds all full pieces but one, which DMA fills; a
full queue loses the oldest. Reads copy out of the piece itself (curr_ptr, rw_pos): DMA may come round to it before it
is read to its end. One interrupt announces one piece, the last that is full (i2s_dma_rx_callback). It waits while flash
is written (ESP-IDF's "Concurrency Constraints for Flash on SPI1"): no sdkconfig of the port sets I2S_ISR_IRAM_SAFE.
"""

from __future__ import annotations

import sys
import time
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from soundfw import platform


class Driver:
    """The driver of one microphone; whoever tests moves its clock. It hears `sound`, then silence; else a ramp."""

    RX, MONO, STEREO = 1, 2, 3
    made: ClassVar[list[Driver]] = []
    sound: ClassVar[Sequence[int] | None] = None

    def __init__(self, number: int, **arguments: Any) -> None:
        self.arguments = arguments
        self.width = 2 if arguments["bits"] == 16 else 4
        self.stereo = arguments["format"] == self.STEREO
        self.unit = 256
        self.pieces = max(2, arguments["ibuf"] // (8 * self.unit))
        self.room = (self.pieces - 1) * self.unit  # samples that wait
        self.memory = [0] * (self.pieces * self.unit)  # of each frame its position in the sound
        self.queue: list[int] = []  # full pieces
        self.piece, self.read = 0, self.unit  # what is being read, and its frames that have been
        self.clocked = 0
        self.lost = 0
        self.heard: list[int] = []  # the positions that have been read
        self.us = 0.0
        self.fails_at = -1  # the read, from 0, that ends with an error
        self.reads = 0
        Driver.made.append(self)

    def passes(self, us: float, *, writing_flash: bool = False) -> None:
        """Let time pass: DMA goes on whether or not somebody reads, and interrupts wait while flash is written."""
        self.us += us
        full = []
        for position in range(self.clocked, int(self.us * self.arguments["rate"] / 1e6)):
            self.memory[position % len(self.memory)] = position
            self.clocked = position + 1
            if self.clocked % self.unit == 0:
                full.append(position // self.unit % self.pieces)
                if not writing_flash:
                    self._interrupt(full.pop())
        if full:
            self.lost += self.unit * (len(full) - 1)
            self._interrupt(full[-1])

    def _interrupt(self, piece: int) -> None:
        if len(self.queue) == self.pieces - 1:
            del self.queue[0]
            self.lost += self.unit
        self.queue.append(piece)

    def readinto(self, raw: bytearray) -> int:
        self.reads += 1
        if self.reads - 1 == self.fails_at:
            raise OSError(-0x103, "ESP_ERR_INVALID_STATE")
        frames = len(raw) // self.width // (2 if self.stereo else 1)
        heard: list[int] = []
        while len(heard) < frames:
            if self.read == self.unit:
                while not self.queue:
                    self.passes(100)
                self.piece, self.read = self.queue.pop(0), 0
            begin = self.piece * self.unit + self.read
            taken = min(frames - len(heard), self.unit - self.read)
            heard += self.memory[begin : begin + taken]
            self.read += taken
        self.heard += heard
        self.passes(500)
        for i in range(frames):
            value = self._sample(heard[i]).to_bytes(2, "little", signed=True)
            slot = bytes(self.width - 2) + value
            at = i * self.width * (2 if self.stereo else 1)
            raw[at : at + self.width * (2 if self.stereo else 1)] = (bytes(self.width) + slot) if self.stereo else slot
        return len(raw)

    def _sample(self, position: int) -> int:
        sound = Driver.sound
        if sound is None:
            return position % 30000
        return sound[position] if position < len(sound) else 0

    def deinit(self) -> None:
        Driver.made.remove(self)


@contextmanager
def plugged_in(monkeypatch: pytest.MonkeyPatch, sound: Sequence[int] | None = None) -> Iterator[None]:
    """Be an ESP32: soundfw.mic.i2s runs on Driver, which hears `sound`, and time is the driver's."""
    machine = types.ModuleType("machine")
    machine.I2S, machine.Pin = Driver, int  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setattr(platform, "SOURCES", (("i2s", "i2s", "I2s"),))
    monkeypatch.setattr(time, "ticks_us", lambda: round(Driver.made[-1].us), raising=False)
    monkeypatch.setattr(time, "ticks_diff", lambda a, b: a - b, raising=False)
    monkeypatch.delitem(sys.modules, "soundfw.mic.i2s", raising=False)
    monkeypatch.setattr(Driver, "sound", sound)
    Driver.made.clear()
    yield
    sys.modules.pop("soundfw.mic.i2s", None)
