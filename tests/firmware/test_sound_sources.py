"""The path from a driver to the ring of blocks: losses by the clock, profiles, refusals. The hardware is simulated."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

import pytest
from fake_i2s import Driver, plugged_in

from soundfw import FirmwareError
from soundfw.mic import microphone
from soundfw.mic.backlog import Backlog
from soundsdk.boards import all_boards


def test_nothing_is_lost_while_reads_keep_up() -> None:
    backlog = Backlog(16000, 3984, 16)
    for _ in range(1000):
        assert backlog.advance(16000) == 0
        backlog.read(256)
    assert backlog.behind == 0


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 44100, 48000])
def test_sound_beyond_the_buffer_is_lost_in_whole_units(rate_hz: int) -> None:
    backlog = Backlog(rate_hz, 4000, 16)
    came = rate_hz * 7 // 2
    assert backlog.advance(3_500_000) == (came - 4000) // 16 * 16
    # The buffer stays full: from now on everything is lost, and the rests of units add up to units.
    before = (came - 4000) // 16 * 16
    total = before + sum(backlog.advance(777) for _ in range(10000))
    assert total == pytest.approx(rate_hz * (3.5 + 7.77) - 4000, abs=16)


def test_a_read_that_waited_resets_the_difference_of_two_clocks() -> None:
    backlog = Backlog(16000, 4000, 16)
    for _ in range(1000):
        # The sound is 1 % slower than its nominal rate.
        assert backlog.advance(16160) == 0
        backlog.read(256)
        backlog.reset()
    assert backlog.behind == 0


PINS = {"kind": "i2s", "id": 0, "sck": 16, "ws": 17, "sd": 18}


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with plugged_in(monkeypatch):
        yield


@pytest.mark.parametrize(
    "profile", [{}, {"bits": 16}, {"bits": 24, "channel": "right"}, {"bits": 16, "channel": "right"}]
)
@pytest.mark.parametrize("stall_ms", [0, 200, 300, 1000, 5000])
def test_positions_stay_true_after_a_stall(port: None, profile: dict[str, Any], stall_ms: int) -> None:
    source = microphone.open_source(PINS | profile, 16000)
    driver = Driver.made[0]
    ring = microphone.Mic(source, 256)
    errors, starts = [], []
    for i in range(60):
        if i == 20:
            driver.passes(1000 * stall_ms)
        block = ring.read()
        errors.append((block[0] - ring.start + 15000) % 30000 - 15000)
        starts.append(ring.start)
    unit = driver.unit
    lost = max(0, 16 * stall_ms - driver.room)
    assert ring.lost == pytest.approx(lost, abs=2 * unit)
    assert max(map(abs, errors)) <= unit
    assert max(map(abs, errors[:20])) == 0
    ring.close()
    assert Driver.made == []


@pytest.mark.parametrize("samples", [160, 320, 480, 500, 512])
def test_sound_stays_in_order_after_a_stall(port: None, samples: int) -> None:
    ring = microphone.Mic(microphone.open_source(PINS, 16000), samples)
    driver = Driver.made[0]
    assert 0 < ring.block_samples <= samples
    while len(driver.heard) < 30 * driver.unit:
        if len(driver.heard) == 16 * driver.unit:
            driver.passes(300_000)
        ring.read()
    assert driver.lost > 0
    assert driver.heard == sorted(set(driver.heard))


@pytest.mark.parametrize("erase_ms", [20, 45, 120, 200])
@pytest.mark.parametrize("samples", [256, 512])
def test_sound_that_goes_while_flash_is_written_is_counted(port: None, samples: int, erase_ms: int) -> None:
    ring = microphone.Mic(microphone.open_source(PINS, 16000), samples)
    driver = Driver.made[0]
    errors = []
    for i in range(400):
        if i % 20 == 10:
            driver.passes(1000 * erase_ms, writing_flash=True)
        at = len(driver.heard)
        ring.read()
        errors.append(driver.heard[at] - ring.start)
    assert (driver.lost > 0) == (erase_ms > 20)
    assert ring.lost == driver.lost
    assert errors[-1] == 0


def test_a_read_that_comes_late_counts_no_loss(port: None) -> None:
    ring = microphone.Mic(microphone.open_source(PINS, 16000), 512)
    for i in range(200):
        Driver.made[0].passes(1000 * (i * 37 % 60))
        ring.read()
    assert (Driver.made[0].lost, ring.lost) == (0, 0)


def test_the_gain_of_the_profile_is_applied(port: None) -> None:
    source = microphone.open_source(PINS | {"shift": 4}, 16000)
    block = array("h", bytes(512))
    source.readinto(memoryview(block))
    assert list(block) == [16 * i for i in range(256)]


@pytest.mark.parametrize(
    ("changed", "code", "word"),
    [
        ({"shift": 9}, "settings.value", "mic.shift must be 0..8"),
        ({"shift": "2"}, "settings.value", "mic.shift"),
        ({"bits": 20}, "settings.value", "mic.bits must be one of 16, 24, 32"),
        ({"channel": "middle"}, "settings.value", "mic.channel must be one of left, right"),
        ({"dc_shift": 2}, "mic.value", "dc_shift"),
        ({"pin": 3}, "settings.key", "mic.pin"),
        ({"sck": None}, "settings.value", "mic.sck"),
    ],
)
def test_a_wrong_profile_is_refused_by_name(port: None, changed: dict[str, Any], code: str, word: str) -> None:
    with pytest.raises(FirmwareError) as e:
        microphone.open_source(PINS | changed, 16000)
    assert e.value.args[0] == code
    assert word in e.value.args[1]


def test_what_a_profile_needs_is_named(port: None) -> None:
    with pytest.raises(FirmwareError, match=r"mic\.sd is missing"):
        microphone.open_source({key: value for key, value in PINS.items() if key != "sd"}, 16000)


def test_a_kind_that_the_board_has_no_hardware_for_is_refused(port: None) -> None:
    for kind in ("pdm", "adc"):
        with pytest.raises(FirmwareError) as e:
            microphone.open_source({"kind": kind, "pin": 26}, 16000)
        assert e.value.args[0] == "mic.kind"
        assert kind in e.value.args[1]


def test_profiles_of_the_board_files_are_accepted(port: None) -> None:
    profiles = [board.mic.settings() for board in all_boards() if board.mic is not None and board.mic.kind == "i2s"]
    assert profiles
    for profile in profiles:
        microphone.open_source(profile, 16000).close()
