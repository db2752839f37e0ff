"""The times that flashing waits, in one place, so that tests can shorten them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FlashTimeouts:
    """Seconds to wait, per thing that is waited for.

    known_board_s: hello, before anything is written. hello_s: hello of the new firmware. cut_hello_s: the same after a
    drive that vanished too early; a board that has its image all the same starts at once. drive_appears_s,
    drive_vanishes_s: the boot loader's drive. drive_stuck_s: a drive that takes no more bytes. esptool_silent_s,
    erase_silent_s: esptool without a word; it erases a whole flash silently.
    """

    known_board_s: float = 2.5
    hello_s: float = 30.0
    cut_hello_s: float = 5.0
    drive_appears_s: float = 20.0
    drive_vanishes_s: float = 20.0
    drive_stuck_s: float = 30.0
    esptool_silent_s: float = 90.0
    erase_silent_s: float = 240.0
