"""Boards for the tests of the self-test: a room with sound, a cable that is pulled, and a run of some checks."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tone_boards import MODEL, RATE_HZ, WaitingBoard

from soundsdk.detector_file import DetectorFile, from_bytes
from soundsdk.device.session import Device
from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import DeviceError
from soundsdk.selftest.context import SelfTest, Waits
from soundsdk.selftest.owner import Owner
from soundsdk.selftest.report import CheckResult
from soundsdk.selftest.runner import CHECKS, Runner
from soundsdk_sim.live import LiveBoard, LiveSource
from virtual_boards.virtual_port import PortBoard

LED = {"kind": "gpio", "pin": 25}
FAST = 4.0  # times real time
NOBODY = Owner(present=False, sound=False)


@functools.cache
def detector() -> DetectorFile:
    return from_bytes(MODEL, "tone.tflite")


@functools.cache
def room(seconds: int = 20) -> np.ndarray:
    """Make the noise of a room, stronger towards low pitch; int16."""
    n = seconds * RATE_HZ
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(n))
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), 40))
    noise = np.fft.irfft(spectrum, n)
    return np.round(300 * noise / noise.std()).astype(np.int16)


def room_board(
    folder: Path, sound: np.ndarray | LiveSource | None = None, speed: float = FAST, **settings: Any
) -> LiveBoard:
    """Switch on a board in a room; its flash is a folder, which outlives it."""
    values = {"folder": str(folder), "led": LED, "board": "rpi_pico", **settings}
    return WaitingBoard(MODEL, room() if sound is None else sound, RATE_HZ, values, speed, repeat=True, port="rp2")


class Cable:
    """A Transport to a board that can be unplugged. back_s: after so long it is in again; None: it stays out.

    make_board: switches the board on; every plugging in makes a new one.
    """

    serial_number = "E6614103E7452D2F"

    def __init__(self, make_board: Callable[[], PortBoard], back_s: float | None = 0.2) -> None:
        self.path = "/dev/serial-of-somebody"
        self.back_s = back_s
        self.board: PortBoard | None = make_board()
        self._make_board = make_board
        self._out_at = 0.0

    def unplug(self) -> None:
        """Pull the cable, which powers the board."""
        if self.board is not None:
            self.board.stop()
        self.board = None
        self._out_at = time.monotonic()

    def _in(self) -> PortBoard:
        if self.board is None:
            raise ConnectionLost(f"the board at {self.path} is gone.", "Plug it in again.")
        return self.board

    def read(self, timeout_s: float) -> bytes:
        return self._in().read(timeout_s)

    def write(self, data: bytes) -> None:
        self._in().write(data)

    def close(self) -> None:
        """Close the port; the board goes on."""

    def stop(self) -> None:
        """Switch the board off."""
        self.unplug()

    def reopen(self) -> Cable:
        if self.board is None:
            if self.back_s is None or time.monotonic() < self._out_at + self.back_s:
                raise DeviceError(f"the board that was at {self.path} is not connected.", "Plug it in again.")
            self.board = self._make_board()
        return self


def self_test(cable: Cable, **changes: Any) -> SelfTest:
    """Return a self-test of a board: a second of listening, short waits, nobody there."""
    values: dict[str, Any] = {
        "seconds": 1, "detector": detector(), "owner": NOBODY, "slow": False, "say": lambda text: None,
        "end": time.monotonic() + 600, "compared_s": 2,
        "waits": Waits(answer_s=1.0, restart_s=10.0, away_s=10.0), **changes,
    }  # fmt: skip
    return SelfTest(Device(cable, hello_s=10.0), **values)


def run_checks(test: SelfTest, *names: str) -> dict[str, CheckResult]:
    """Run the checks of these names, after hello, and put the board back; return the results by name."""
    chosen = [check for check in CHECKS if check.name in ("hello", *names)]
    assert {check.name for check in chosen} == {"hello", *names}
    runner = Runner(test, lambda result: None, chosen)
    runner.run()
    runner.put_back()
    return {result.name: result for result in runner.results}
