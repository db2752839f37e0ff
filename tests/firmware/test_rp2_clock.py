"""The clock of the RP2 chips: what is within the maker's limits, and the voltage that the highest needs."""

from __future__ import annotations

import importlib
import os
import sys
import types
from typing import Any

import pytest

VREG = 0x40064000
RESET = 0xB1  # enabled, 1.10 V


@pytest.fixture
def chip(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a `machine` of an RP2040: what was set is in .hz and .mem32."""
    machine = types.SimpleNamespace(hz=[], mem32={VREG: RESET}, name="Raspberry Pi Pico with RP2040")
    machine.freq = machine.hz.append
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setattr(os, "uname", lambda: types.SimpleNamespace(machine=machine.name))
    monkeypatch.setattr("time.sleep_ms", lambda ms: None, raising=False)
    monkeypatch.delitem(sys.modules, "soundfw.platform.rp2_clock", raising=False)
    yield machine
    sys.modules.pop("soundfw.platform.rp2_clock", None)


@pytest.mark.parametrize(("mhz", "volt"), [(48, 0xB), (133, 0xB), (134, 0xC), (200, 0xC)])
def test_above_133_mhz_an_rp2040_gets_more_voltage_first(chip: Any, mhz: int, volt: int) -> None:
    importlib.import_module("soundfw.platform.rp2_clock").set_clock(mhz)
    assert chip.hz == [mhz * 1_000_000]
    assert chip.mem32 == {VREG: volt << 4 | RESET & 0xF}


@pytest.mark.parametrize(
    ("name", "mhz"), [("with RP2040", 47), ("with RP2040", 201), ("with RP2350", 47), ("with RP2350", 151)]
)
def test_beyond_the_limits_nothing_is_touched(chip: Any, name: str, mhz: int) -> None:
    chip.name = name
    with pytest.raises(ValueError, match="clock"):
        importlib.import_module("soundfw.platform.rp2_clock").set_clock(mhz)
    assert (chip.hz, chip.mem32) == ([], {VREG: RESET})


def test_an_rp2350_keeps_its_voltage(chip: Any) -> None:
    chip.name = "Raspberry Pi Pico 2 with RP2350"
    importlib.import_module("soundfw.platform.rp2_clock").set_clock(150)
    assert (chip.hz, chip.mem32) == ([150_000_000], {VREG: RESET})
