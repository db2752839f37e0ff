"""Rules of actions: 200 random ones that the board carries out as they say, and 200 that board and host refuse."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from acting_board import BLOCK, LED, OFF_AT, ON_AT, RATE, ActingBoard

from soundfw import FirmwareError
from soundfw.act import rules
from soundfw.settings import ACTION_CHARACTERS, ACTIONS
from soundsdk.commands.set import parse
from soundsdk.errors import UsageError

SEEDS = range(200)
RANGES = {key: (low, high) for key, _, low, high in ACTIONS}
TAKEN = (16, 17, 18, 25)  # by the microphone and the LED of the board


@dataclass(frozen=True)
class Rule:
    """A rule as text, and what its output should do: `half` of a pattern and its whole length in samples."""

    text: str
    pin: int
    idle: int
    up: int  # the output while it is on: the frequency of a tone
    half: int  # 0: on without a break
    length: int  # 0: as long as the event


def time_text(rng: random.Random, ms: int) -> str:
    forms = [f"{ms}ms"]
    if ms % 1000 == 0:
        forms.append(f"{ms // 1000}s")
    forms.append(f"{ms // 1000}.{ms % 1000:03}s")
    return rng.choice(forms)


def random_rule(rng: random.Random) -> Rule:
    """Return a valid rule; its times are such that an event of 1.28 s shows the whole of most."""
    output = rng.choice(["pin", "pin", "tone", "led"])
    pin = -1 if output == "led" else rng.choice([n for n in range(29) if n not in TAKEN])
    words = [output if output == "led" else f"{output}:{pin}"]
    idle, up, half, length = 0, 1, 0, 0
    if output == "pin" and rng.random() < 0.7:
        level = rng.choice(["high", "low"])
        words.append(level)
        idle, up = (0, 1) if level == "high" else (1, 0)
    if output == "tone":
        up = 880
        if rng.random() < 0.7:
            up = rng.randint(*RANGES["hz"])
            words.append(f"{up}hz")
    kind = rng.choice(["level", "pulse", "blink"])
    if kind == "pulse":
        words.append("pulse")
        width, count = 100, 1
        if rng.random() < 0.8:
            width = rng.randint(50, 900)
            words.append(time_text(rng, width))
            if rng.random() < 0.7:
                count = rng.randint(1, 5)
                words.append(str(count))
        half = width * RATE // 1000
        length = (2 * count - 1) * width * RATE // 1000
    else:
        if kind == "blink":
            words.append("blink")
            period = 500
            if rng.random() < 0.8:
                period = 2 * rng.randint(50, 500)
                words.append(time_text(rng, period))
            half = period // 2 * RATE // 1000
        elif rng.random() < 0.3:
            words.append("on")
        # The word after a bare `blink` would be its period.
        if words[-1] != "blink" and rng.random() < 0.8:
            last = rng.choice([0, rng.randint(20, 5000)])
            words.append(time_text(rng, last) if last else "event")
            length = last * RATE // 1000
    text = ",".join(words)
    return Rule(text.upper() if rng.random() < 0.1 else text, pin, idle, up, half, length)


def expected(rule: Rule, at: int) -> int:
    """Return the level of a rule's output at a sample, by its definition."""
    since = at - ON_AT
    if since < 0 or since >= (rule.length or OFF_AT - ON_AT):
        return rule.idle
    return rule.up if rule.half == 0 or since // rule.half % 2 == 0 else rule.idle


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_valid_rule_is_carried_out_as_it_says(seed: int) -> None:
    rule = random_rule(random.Random(seed))
    assert parse((f"action.a={rule.text}",)) == {"a": {"action": rule.text}}
    board = ActingBoard(settings={"led": LED}, seconds=7)
    board.app.start()
    answer = board.request(type="set", label="a", action=rule.text)
    assert answer["ok"] is True, answer
    levels = board.levels(LED["pin"] if rule.pin < 0 else rule.pin)
    assert len(levels) > 200
    wrong = [(at, level, expected(rule, at)) for at, level in levels if level != expected(rule, at)]
    assert wrong == [], rule
    assert {level for _, level in levels} == {rule.idle, rule.up}
    # Its first change is not later than the block in which the event was decided.
    first = next(at for at, level in levels if level == rule.up)
    assert first - ON_AT < BLOCK


def broken_rule(rng: random.Random) -> tuple[str, str, str]:
    """Return a rule with one value that is out of range or no value, the key it breaks, and the range."""
    key = rng.choice(["pin", "hz", "last", "width", "count", "period"])
    low, high = RANGES.get(key) or RANGES[key + "_ms"]
    low_text, high_text = {
        "last": ("20ms", "3600s"), "width": ("50ms", "60s"), "period": ("100ms", "60s")
    }.get(key, (str(low), str(high)))  # fmt: skip
    value = rng.choice([low - 1, high + 1, high * 10 + 7, rng.randint(high + 1, 10 * high + 100)])
    word = rng.choice([str(value), str(value), "", "x", "1.5", "-3", "0x10", "1e3", "½"])
    timed = rng.choice([f"{value}ms", "5", "ms", "s", "1.s", "1.2345s", "-1s", "2h", "1 s x", "1.-5s"])
    text = {
        "pin": f"{rng.choice(['pin', 'tone'])}:{word}",
        "hz": f"tone:3,{word}hz,2s",
        "last": rng.choice([f"pin:3,high,{timed}", f"led,on,{timed}", f"tone:3,{timed}", f"led,blink,1s,{timed}"]),
        "width": f"pin:3,low,pulse,{timed}",
        "count": f"led,pulse,100ms,{word}",
        "period": f"pin:3,blink,{timed},2s",
    }[key]
    if rng.random() < 0.3:
        text = f"pin:4,high,2s+{text}"
    return text, key, f"{low_text}..{high_text}"


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
        ("pin:23,high", "GPIO 23 of this board is not free; these are: 0-22, 26-28"),
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
