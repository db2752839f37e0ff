"""A virtual board on which something fails: it does as a board does, enters safe mode, and answers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tone_boards import MODEL, RATE_HZ

from soundfw.wire import framing
from soundsdk.device import protocol
from soundsdk_sim.live import LiveBoard

WAIT_S = 60.0  # only reached on failure


class BrokenMicrophone:
    """Fails when it is read."""

    lost = 0

    def power_on(self) -> None:
        pass

    def readinto(self, buf: memoryview) -> int | None:
        raise RuntimeError("the wire is off")

    def wait(self, timeout_s: float) -> None:
        time.sleep(timeout_s)


def first(board: LiveBoard, **wanted: Any) -> dict[str, Any]:
    """Return the first message with these members."""
    reader = protocol.Reader()
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        for message in reader.feed(board.read(0.1)):
            if all(message.get(key) == wanted[key] for key in wanted):
                return message
    raise AssertionError(f"no message with {wanted}")


@pytest.mark.parametrize(
    ("settings", "re", "code"), [("", "run", "run.failed"), ('{"outputs": 5}', "start", "settings.value")]
)
def test_a_failing_virtual_board_is_in_safe_mode_and_answers(
    tmp_path: Path, settings: str, re: str, code: str
) -> None:
    if settings:
        (tmp_path / "settings.json").write_text(settings)
    sound = np.zeros(0, np.int16) if settings else BrokenMicrophone()
    board = LiveBoard(MODEL, sound, RATE_HZ, {"folder": str(tmp_path)})
    try:
        assert first(board, re=re)["error"] == code
        board.write(b"\n" + framing.encode({"type": "reboot"}) + b"\n")
        assert first(board, re="reboot")["ok"]
    finally:
        board.stop()
