"""The firmware of a virtual board, as the board around it sees it: the far end of its serial port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from virtual_boards.esp32.flash import Flash


class Firmware(Protocol):
    """A firmware that runs."""

    def read(self, timeout_s: float) -> bytes: ...

    def write(self, data: bytes) -> None: ...

    def stop(self) -> None: ...


# Starts stock MicroPython with the file system that it finds in a flash.
StartStock = Callable[[Flash], Firmware]
