"""soundsdk selftest on every board that is plugged in; skipped, with a reason, without SOUNDSDK_HARDWARE or one."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from hardware.attached_boards import addresses
from soundsdk import cli

ASKED = os.environ.get("SOUNDSDK_HARDWARE", "")
REPORTS = Path(__file__).resolve().parents[2] / "build" / "selftest"


def test_every_attached_board_keeps_its_promises() -> None:
    if not ASKED:
        pytest.skip("SOUNDSDK_HARDWARE names no board (auto: all that are plugged in)")
    boards = addresses(ASKED)
    if not boards:
        pytest.skip("SOUNDSDK_HARDWARE is auto, and no board is plugged in")
    REPORTS.mkdir(parents=True, exist_ok=True)
    failed = []
    for number, place in enumerate(boards):
        report = REPORTS / f"board-{number}-{int(time.time())}.json"
        code = cli.run(["selftest", place, "--unattended", "-o", str(report)])
        if code == 0:
            checks = json.loads(report.read_text(encoding="utf-8"))["checks"]
            assert any(check["outcome"] == "passed" for check in checks)
        else:
            failed.append(f"{place}: exit code {code}, {report}")
    assert failed == []
