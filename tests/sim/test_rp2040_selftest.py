"""The self-test on the unmodified firmware of an emulated Pico: what is sent ahead waits in its port over a restart."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest
from target_needs import micropython_uf2
from test_rp2040_wire import MICROPHONE, PATIENCE_S, powered

from soundsdk.models.shipped import load_model
from soundsdk.selftest.context import SelfTest, Waits
from soundsdk.selftest.owner import Owner
from soundsdk.selftest.runner import CHECKS, Runner
from soundsdk_sim.rp2040 import Rp2040

# Those whose figures do not depend on the emulator's speed, and that are all there is of MicroPython in them.
NAMES = ("hello", "detector", "bad-lines", "refused-push", "features", "scores")


@pytest.fixture(scope="module")
def uf2() -> Path:
    return micropython_uf2()


def test_an_emulated_pico_computes_the_bytes_of_the_computer_from_its_first_sample(uf2: Path) -> None:
    checks = [dataclasses.replace(check, most_s=600) for check in CHECKS if check.name in NAMES]
    with Rp2040(uf2, MICROPHONE) as board:
        pico = powered(board)
        test = SelfTest(
            pico, 1, load_model(None), Owner(False, False), False, print, time.monotonic() + 3600, compared_s=1,
            waits=Waits(PATIENCE_S, PATIENCE_S, PATIENCE_S),
        )  # fmt: skip
        done = Runner(test, print, checks)
        done.run()
        done.put_back()
    results = {one.name: one for one in done.results}
    assert {name: one.says for name, one in results.items() if one.outcome != "passed"} == {}
    assert min(results[name].figure or 0 for name in ("scores", "features")) >= 5, "steps from the first sample on"
