"""The state that the checks of a self-test share: the board, how it was found, and what was heard."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from soundsdk.device.classes import BoardClass, classes_of
from soundsdk.device.messages import Hello
from soundsdk.device.session import Device
from soundsdk.selftest.outcome import NotPossible
from soundsdk.selftest.owner import Owner
from soundsdk.selftest.records import Before, Heard, Restarted

if TYPE_CHECKING:
    from soundsdk.detector_file import DetectorFile

Say = Callable[[str], None]


@dataclass(frozen=True)
class Waits:
    """The seconds that are waited for the board."""

    answer_s: float = 5.0  # to a command; a board that writes to its flash answers late
    restart_s: float = 20.0  # for hello after a command that restarts it
    away_s: float = 30.0  # for a board whose port has gone


@dataclass
class SelfTest:
    """One run of the checks on one board, whose results later checks use.

    seconds: how long it listens. detector: the file of the board's detector, None if this computer does not have it.
    slow: the line carries no 16-bit sound, as through a USB-to-serial bridge. end: when the run is over (monotonic).
    """

    device: Device
    seconds: int
    detector: DetectorFile | None
    owner: Owner
    slow: bool
    say: Say
    end: float
    compared_s: int = 6  # of sound that is compared with this computer's, some 40 steps
    waits: Waits = field(default_factory=Waits)
    before: Before | None = None
    heard: Heard | None = None
    restarted: Restarted | None = None  # the newest restart with sound and scores from its first sample on
    restarts: int = 0  # that were asked for; more are the board's own
    slots_touched: bool = False
    kept: dict[str, str] = field(default_factory=dict)  # rules saved before, by label, of those changed in flash

    @property
    def left_s(self) -> float:
        """Seconds until the run is over."""
        return self.end - time.monotonic()

    def found(self) -> Before:
        """Return the board as it was found; NotPossible if it has not said."""
        if self.before is None:
            raise NotPossible("the board has not said what it is")
        return self.before

    def classes(self) -> list[BoardClass]:
        """Return the classes that the board was found with; NotPossible in safe mode."""
        classes = self.found().classes
        if not classes:
            raise NotPossible("the board does not describe its detector's classes")
        return classes


def read_before(device: Device, answer_s: float) -> Before:
    """Return the board as it is now."""
    hello = device.request("hello", answer_s, tries=5)
    assert isinstance(hello, Hello)
    return Before(hello, classes_of(device))
