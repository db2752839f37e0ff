"""The verbs set and info with actions, on a virtual board whose files outlive its power."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tone_boards import RATE_HZ, beeps

from random_rules import broken_rule
from sim.tiny_model import build, metadata
from soundsdk import Device
from soundsdk.cli import run
from soundsdk.device.changes import hint_for_pin, parse
from soundsdk.device.classes import classes_of
from soundsdk.device.connection import CommandRejected
from soundsdk_sim.live import LiveBoard
from virtual_boards.virtual_port import VirtualPorts

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

SPACED, UTF8 = "smoke alarm (kitchen)", "Türklingel 🔔 =.1"
MODEL = build(metadata(labels=[SPACED, UTF8]))
OUTPUTS = (*range(23), 26, 27, 28)


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[VirtualPorts]:
    with VirtualPorts(tmp_path) as ports:
        yield ports


@pytest.fixture
def flash(tmp_path: Path) -> Path:
    folder = tmp_path / "flash"
    folder.mkdir()
    return folder


def board(flash: Path, sound: np.ndarray | None = None) -> LiveBoard:
    settings = {"board": "rpi_pico", "folder": str(flash), "outputs": OUTPUTS, "status_s": 1}
    return LiveBoard(MODEL, np.zeros(0, np.int16) if sound is None else sound, RATE_HZ, settings)


def rules(ports: VirtualPorts) -> dict[str, str]:
    with Device.open("auto", system=ports) as device:
        return {one.label: one.action for one in classes_of(device) or []}


def test_rules_of_labels_with_spaces_and_any_letters_are_kept_and_shown(
    ports: VirtualPorts, flash: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    port = ports.add(lambda: board(flash), serial_number="SN")
    assert run(["set", f"action.{SPACED}=pin:15,high,2s", f"action.{UTF8}=tone:14,880hz,pulse,100ms,3"], ports) == 0
    said = capfd.readouterr()
    assert said.out == ""
    assert SPACED in said.err
    wanted = {SPACED: "pin:15,high,2s", UTF8: "tone:14,880hz,pulse,100ms,3"}
    assert rules(ports) == wanted
    port.unplug()
    port.plug()
    assert rules(ports) == wanted
    assert run(["info"], ports) == 0
    shown = capfd.readouterr().out
    assert f"action    {SPACED}: pin:15,high,2s" in shown
    assert f"action    {UTF8}: tone:14,880hz,pulse,100ms,3" in shown
    assert "set on this board" not in shown
    assert run(["info", "--json"], ports) == 0
    assert {one["label"]: one["action"] for one in json.loads(capfd.readouterr().out)["classes"]} == wanted
    assert run(["set", "--json", f"action.{SPACED}=none"], ports) == 0
    assert json.loads(capfd.readouterr().out)["changed"] == [{"label": SPACED, "action": "none"}]
    assert run(["set", "action=pin:2,low,blink", "--until-restart"], ports) == 0
    assert set(rules(ports).values()) == {"pin:2,low,blink"}
    port.unplug()
    port.plug()
    assert rules(ports) == {SPACED: "", UTF8: wanted[UTF8]}


def test_tones_that_a_picos_pwm_cannot_make_together_are_refused_before_any_is_sent(
    ports: VirtualPorts, flash: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ports.add(lambda: board(flash), serial_number="SN")
    assert run(["set", f"action.{SPACED}=tone:4,880hz", f"action.{UTF8}=tone:5,2000hz"], ports) == 2
    assert f"GPIO 5 and 4 share one frequency, and 4 is 880hz for action.{SPACED}" in capfd.readouterr().err
    assert set(rules(ports).values()) == {""}
    assert run(["set", f"action.{SPACED}=tone:4,880hz"], ports) == 0
    assert run(["set", f"action.{UTF8}=tone:5,2000hz"], ports) == 2
    assert run(["set", "action=tone:5,2000hz"], ports) == 0
    assert set(rules(ports).values()) == {"tone:5,2000hz"}


def test_what_cannot_be_done_is_said_in_a_sentence_with_an_exit_code(
    ports: VirtualPorts, flash: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ports.add(lambda: board(flash), serial_number="SN")
    for word, code, sentence in (
        (f"action.{SPACED}=pin:49,high", 2, "pin must be 0..48, not 49"),
        (f"action.{SPACED}=pin:3,high,2h", 2, "last must be 20ms..3600s or event, not 2h"),
        ("action.smoke=pin:3,high", 2, "has no label smoke"),
        (f"action.{SPACED}=pin:23,high", 5, "GPIO 23 of this board is not free; these are: 0-22, 26-28"),
        (f"action.{SPACED}=led", 5, "this board has no LED that a rule can switch"),
        ("action.never heard=none", 2, "has no label never heard"),
        (f"action.{SPACED[:-1]}=none", 2, f"Did you mean {SPACED}? Known: "),
    ):
        assert run(["set", word], ports) == code, word
        assert sentence in capfd.readouterr().err
    assert set(rules(ports).values()) == {""}
    assert not (flash / "settings.json").exists()


def test_200_random_broken_rules_are_refused_with_exit_code_2_the_key_and_the_range(
    ports: VirtualPorts, flash: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ports.add(lambda: board(flash), serial_number="SN")
    for seed in range(200):
        text, key, bounds = broken_rule(random.Random(1000 + seed))
        word = f"action.{SPACED}={text}"
        assert run(["set", word], ports) == 2, word
        said = capfd.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 2), said.err
        assert f"soundsdk: {word}: {key} must be {bounds}" in said.err
        assert "soundsdk set --help" in said.err
    assert set(rules(ports).values()) == {""}
    assert not (flash / "settings.json").exists()


def test_a_rule_that_the_board_cannot_use_is_in_info(
    ports: VirtualPorts, flash: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (flash / "settings.json").write_text(json.dumps({"actions": {"gone": "pin:3,high", SPACED: "pin:4,high"}}))
    ports.add(lambda: board(flash), serial_number="SN")
    assert run(["info"], ports) == 0
    assert "broken    action.gone: the detector has no such label" in capfd.readouterr().out
    # What the old detector had is taken away by its name.
    assert run(["set", "action.gone=none"], ports) == 0
    assert json.loads((flash / "settings.json").read_text())["actions"] == {SPACED: "pin:4,high"}


def test_what_a_board_did_by_itself_is_in_info(
    ports: VirtualPorts, flash: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (flash / "settings.json").write_text(json.dumps({"actions": {SPACED: "pin:4,high,1s"}}))
    (flash / "on_event.py").write_text("def on_event(label, edge, time_s, score):\n    raise ValueError\n")
    ports.add(lambda: board(flash, beeps(30)), serial_number="SN")
    with Device.open("auto", system=ports) as device:
        assert any(event.edge == "off" for event in device.events(60))
    assert run(["info"], ports) == 0
    shown = capfd.readouterr().out
    assert re.search(r"acted     on [1-9]\d* event", shown)
    assert re.search(r"on_event  [1-9]\d* calls, [1-9]\d* errors, 0 missed", shown)


def test_a_virtual_pico_has_the_pins_of_its_board_file(capfd: pytest.CaptureFixture[str]) -> None:
    for rule, code, word, hint in (
        ("pin:15,high,2s", 0, "saved on the board", ""),
        ("pin:16,high", 5, "GPIO 16 is the microphone's", "Free near it: GPIO 13, 14, 15, 19."),
        ("pin:3,high+tone:18", 5, "GPIO 18 is the microphone's", "Free near it: GPIO 15, 19, 20, 21."),
        ("pin:25,high", 5, "GPIO 25 is the board's LED", "Free near it: GPIO 22, 26, 27, 28."),
        ("tone:29", 5, "GPIO 29 of this board is not free; these are: 0-15, 19-22, 26-28", "GPIO 22, 26, 27, 28."),
        ("pin:48", 5, "GPIO 48 of this board is not free", "GPIO 22, 26, 27, 28."),
        ("led,blink", 0, "saved on the board", ""),
    ):
        assert run(["set", f"action.smoke_alarm={rule}", "-p", "sim:rpi_pico"]) == code
        said = capfd.readouterr().err
        assert word in said
        assert hint in said
        assert ("Free near it" in said) == bool(hint)


def test_the_free_gpios_in_a_hint_are_not_those_of_other_rules() -> None:
    others = {"a": "pin:13,high+pin:15,low", "b": "tone:19", "c": "led", "d": ""}
    assert hint_for_pin("rpi_pico", "pin:16", others) == "Free near it: GPIO 11, 12, 14, 20."
    assert hint_for_pin("rpi_pico", "led+pin:2+pin:13,low", others) == "Free near it: GPIO 10, 11, 12, 14."
    assert hint_for_pin("rpi_pico", "led+pin:2", others) == ""
    # Of a board with other firmware, or whose settings.json somebody wrote.
    assert hint_for_pin("rpi_pico", "pin:16", {**others, "theirs": "servo:9"}) == "Free near it: GPIO 11, 12, 14, 20."
    assert hint_for_pin("rpi_pico", "servo:16", others) == ""
    assert hint_for_pin("a board of no file", "pin:16", {}) == ""
    assert hint_for_pin("esp32s3_devkit", "pin:19", {}).startswith("Free near it: GPIO ")


def test_a_virtual_board_refuses_two_tones_that_its_chips_pwm_cannot_make_as_the_chip_does() -> None:
    for where, refused in (("sim:rpi_pico", True), ("sim:rpi_pico2", True), ("sim:esp32s3_devkit", False)):
        # Straight to the board: `set` would look at the board file first, and refuse it itself.
        with Device.open(where) as device:
            label, other = (one.label for one in (classes_of(device) or [])[:2])
            device.set(label, action="tone:10,880hz")
            if not refused:
                device.set(other, action="tone:11,2000hz")
                continue
            with pytest.raises(CommandRejected, match="GPIO 11 and 10 share one frequency, and 10 is 880hz"):
                device.set(other, action="tone:11,2000hz")
            device.set(other, action="tone:11,880hz")


def test_a_rule_is_one_key_of_a_label_among_others() -> None:
    assert parse((f"action.{UTF8}=led,blink", f"threshold.{UTF8}=0.5", "action=none")) == {
        UTF8: {"action": "led,blink", "on": 0.5},
        None: {"action": "none"},
    }
