"""Rules of actions: 200 random ones that the board carries out as they say, and 200 that board and host refuse."""

from __future__ import annotations

import random

import pytest
from acting_board import BLOCK, LED, OFF_AT, ON_AT, RATE, ActingBoard

from random_rules import broken_rule, random_rule
from soundfw import FirmwareError
from soundfw.act import rules
from soundfw.settings import ACTION_CHARACTERS
from soundsdk.device.changes import parse
from soundsdk.errors import UsageError

SEEDS = range(200)
FREE = [n for n in range(29) if n not in (16, 17, 18, 25)]  # of the microphone and the LED


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_valid_rule_is_carried_out_as_it_says(seed: int) -> None:
    # The times are such that an event of 1.28 s shows the whole of most.
    rule = random_rule(random.Random(seed), FREE)
    assert parse((f"action.a={rule.text}",)) == {"a": {"action": rule.text}}
    board = ActingBoard(settings={"led": LED}, seconds=7)
    board.app.start()
    answer = board.request(type="set", label="a", action=rule.text)
    assert answer["ok"] is True, answer
    levels = board.levels(LED["pin"] if rule.pin < 0 else rule.pin)
    assert len(levels) > 200
    event_ms = (OFF_AT - ON_AT) * 1000 / RATE
    expected = [rule.level((at - ON_AT) * 1000 / RATE, event_ms) for at, _ in levels]
    wrong = [(at, level, want) for (at, level), want in zip(levels, expected, strict=True) if level != want]
    assert wrong == [], rule
    assert {level for _, level in levels} == {rule.idle, rule.up}
    # Its first change is not later than the block in which the event was decided.
    first = next(at for at, level in levels if level == rule.up)
    assert first - ON_AT < BLOCK


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_invalid_rule_is_refused_by_host_and_board_with_the_key_and_the_range(seed: int) -> None:
    text, key, bounds = broken_rule(random.Random(1000 + seed))
    with pytest.raises(UsageError) as refused:
        parse((f"action.a={text}",))
    assert f"action.a={text}: {key} must be {bounds}" in refused.value.message
    board = ActingBoard(settings={"led": LED}, seconds=4)
    board.app.start()
    answer = board.request(type="set", label="a", action=text)
    assert (answer["ok"], answer["error"]) == (False, f"action.{key}"), text
    assert f"action.a: {key} must be {bounds}" in answer["detail"]
    # Nothing is set, and the board listens on.
    assert board.app.actions.text("a") == ""
    assert [m["edge"] for m in board.run() if m["type"] == "event"] == ["on", "off"]


@pytest.mark.parametrize(
    "text",
    ["", " ", "+", "pin", "pin3", "lamp:3", "led:3", "led,led", "pin:3,up", "pin:3,high,low", "pin:3,high,2s,3s",
     "tone:3,880hz,880hz", "led,880hz", "pin:3,pulse,1s,2,3", "pin:3,blink,1s,2s,3s", "pin:3,high,2s+",
     "led+led+led+led+led", "pin:3;led", "x" * 200],
)  # fmt: skip
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(FirmwareError) as refused:
        rules.parse(text)
    assert refused.value.args[0].startswith("action.")
    with pytest.raises(UsageError):
        parse((f"action.a={text}",))


def test_a_rule_must_be_a_text() -> None:
    for value in (None, 3, ["led"], {"led": 1}, True):
        with pytest.raises(FirmwareError, match=f"1..{ACTION_CHARACTERS} characters"):
            rules.parse(value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("pin:16,high", "GPIO 16 is the microphone's: mic.sck"),
        ("tone:18", "GPIO 18 is the microphone's: mic.sd"),
        ("pin:25,high", "GPIO 25 is the board's LED: write led"),
        ("pin:23,high", "GPIO 23 of this board is not free; these are: 0-15, 19-22, 26-28"),
        ("pin:3,low", "GPIO 3 is high for action.b: it cannot be low here"),
        ("tone:3", "GPIO 3 is high for action.b: it cannot be tone here"),
        ("pin:4,high+pin:4,low", "GPIO 4 is high for action.a: it cannot be low here"),
    ],
)
def test_a_pin_that_is_taken_is_refused_with_a_sentence(text: str, word: str) -> None:
    outputs = (*range(23), 26, 27, 28)
    board = ActingBoard(settings={"led": LED, "outputs": outputs, "actions": {"b": "pin:3,high,1s"}})
    board.app.start()
    answer = board.request(type="set", label="a", action=text)
    assert answer["ok"] is False
    assert word in answer["detail"]
    assert board.app.actions.text("b") == "pin:3,high,1s"
    assert board.request(type="set", label="a", action="pin:3,high,2s")["ok"] is True


def test_without_an_led_a_rule_cannot_name_it() -> None:
    board = ActingBoard()
    board.app.start()
    assert board.request(type="set", label="a", action="led")["error"] == "action.led"


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [
        ("tone:4,880hz", "tone:5,2000hz", "GPIO 5 and 4 share one frequency, and 4 is 880hz for action.a: use another"),
        ("tone:21,880hz", "tone:4", ""),  # the same frequency
        ("tone:20,881hz", "tone:5", "GPIO 5 and 20 share one frequency, and 20 is 881hz for action.a"),
        ("tone:4", "tone:20", "GPIO 20 and 4 are one PWM output, and 4 is a tone for action.a"),
        ("tone:5,900hz", "tone:6", ""),
        ("tone:4,900hz", "tone:4,1000hz", ""),  # one buzzer, one after the other
        ("tone:4,900hz", "pin:5,high", ""),
        ("led", "tone:4,900hz+tone:5,901hz", "GPIO 5 and 4 share one frequency, and 4 is 900hz for action.b"),
        ("tone:32,900hz", "tone:16,901hz", ""),  # RP2350: slices 8 and 0
        ("tone:32,900hz", "tone:41,901hz", "GPIO 41 and 32 share one frequency"),
    ],
)
def test_tones_of_one_pwm_slice_have_one_frequency_on_rp2(first: str, second: str, word: str) -> None:
    for port in ("rp2", "esp32"):
        use = rules.PinUse({}, LED, (), port)
        use.claim(rules.parse(first), "action.a")
        if word and port == "rp2":
            with pytest.raises(FirmwareError) as refused:
                use.claim(rules.parse(second), "action.b")
            assert word in refused.value.args[1]
            # Nothing was taken.
            use.claim(rules.parse("tone:6,700hz+pin:7"), "action.b")
        else:
            use.claim(rules.parse(second), "action.b")


def test_a_pico_refuses_a_second_frequency_on_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    board = ActingBoard(settings={"actions": {"a": "tone:4,880hz"}})
    board.app.start()
    monkeypatch.setattr("soundfw.act.rules.PORT", "rp2")
    answer = board.request(type="set", label="b", action="tone:5,2000hz")
    monkeypatch.undo()
    assert (answer["error"], answer["detail"]) == (
        "action.hz",
        "action.b: GPIO 5 and 4 share one frequency, and 4 is 880hz for action.a: use another GPIO",
    )
    assert board.pins.state == {4: 0}
    assert board.request(type="set", label="b", action="tone:5,2000hz")["ok"] is True
