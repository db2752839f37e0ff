"""Rules in the settings file, the LED, and on_event.py, on a board with a scripted stream and pins that a test sees."""

from __future__ import annotations

import itertools
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from acting_board import LED, OFF_AT, ON_AT, RATE, ActingBoard

from soundfw import FirmwareError, platform
from soundfw.act import pins as board_pins
from soundfw.act.actions import WaitingEvents
from soundfw.act.outputs import Output, Pattern


def rules_on(folder: Path) -> Any:
    return json.loads((folder / "settings.json").read_text()).get("actions")


def test_a_rule_is_kept_in_the_settings_file_beside_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"status_s": 3, "actions": {"b": "pin:1,high"}}))
    board = ActingBoard(tmp_path)
    board.app.start()
    assert board.request(type="set", label="a", action="pin:15,high,2s", keep=True)["ok"] is True
    assert json.loads((tmp_path / "settings.json").read_text()) == {
        "status_s": 3,
        "actions": {"b": "pin:1,high", "a": "pin:15,high,2s"},
    }
    again = ActingBoard(tmp_path)
    again.app.start()
    assert again.request(type="model", **{"class": 0})["action"] == "pin:15,high,2s"
    # Without keep it is gone after a restart, and `none` takes it away.
    assert again.request(type="set", label="a", action="led", keep=True)["error"] == "action.led"
    assert again.request(type="set", label="a", action="pin:2,high")["ok"] is True
    assert rules_on(tmp_path) == {"b": "pin:1,high", "a": "pin:15,high,2s"}
    assert again.request(type="set", label="a", action="none", keep=True)["ok"] is True
    assert rules_on(tmp_path) == {"b": "pin:1,high"}
    assert "action" not in again.request(type="model", **{"class": 0})
    # Thresholds have a file of their own.
    assert not (tmp_path / "set.json").exists()


def test_without_a_label_a_rule_is_every_classes_and_thresholds_may_come_with_it(tmp_path: Path) -> None:
    board = ActingBoard(tmp_path)
    board.app.start()
    assert board.request(type="set", action="pin:3,high,1s", on=700, keep=True)["ok"] is True
    assert rules_on(tmp_path) == {"a": "pin:3,high,1s", "b": "pin:3,high,1s"}
    assert [c[0] for c in json.loads((tmp_path / "set.json").read_text())["classes"]] == [700, 700]
    # All or nothing: a threshold that is wrong leaves the rule as it was, and the other way round.
    assert board.request(type="set", label="a", action="none", on=1)["ok"] is False
    assert board.request(type="set", label="a", action="pin:3,low", on=900)["ok"] is False
    assert [t.on for t in board.app.pipeline.detector.thresholds] == [700, 700]
    assert board.app.actions.text("a") == "pin:3,high,1s"


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("blocked", ["set.json", "set.json.new", "settings.json.new", "settings.json.both"])
def test_a_set_of_rule_and_thresholds_that_cannot_be_kept_changes_neither(
    tmp_path: Path, blocked: str, there: bool
) -> None:
    if there:
        (tmp_path / "settings.json").write_text('{"status_s":  3, "actions": {"a": "pin:1,high"}}')
    board = ActingBoard(tmp_path)
    board.app.start()
    while there and not board.pins.state.get(1):
        board.app.step()
    (tmp_path / blocked / "full").mkdir(parents=True)
    before = dict(board.pins.state)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    answer = board.request(type="set", label="a", action="pin:2,high", on=900, keep=True)
    assert answer["error"] == "set.flash"
    assert board.app.actions.text("a") == ("pin:1,high" if there else "")
    assert board.pins.state == before
    assert [t.on for t in board.app.pipeline.detector.thresholds] == [600, 600]
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert {name: kept[name] for name in kept if not name.endswith(".new")} == files
    (tmp_path / blocked / "full").rmdir()
    (tmp_path / blocked).rmdir()
    assert board.request(type="set", label="a", action="pin:2,high", on=900, keep=True)["ok"] is True
    assert rules_on(tmp_path) == {"a": "pin:2,high"}
    assert [c[0] for c in json.loads((tmp_path / "set.json").read_text())["classes"]] == [900, 600]


@pytest.mark.parametrize("damaged", [b"", b'{"mic": {"kind": "i2s", "sck": 16', b"\xff\xfe{}", b"[]"])
def test_a_settings_file_that_was_damaged_meanwhile_is_not_replaced(tmp_path: Path, damaged: bytes) -> None:
    board = ActingBoard(tmp_path)
    board.app.start()
    (tmp_path / "settings.json").write_bytes(damaged)
    answer = board.request(type="set", label="a", action="pin:2,high", keep=True)
    assert (answer["error"], answer["detail"]) == (
        "set.settings",
        "settings.json on the board is damaged and stays as it is: repair it, or set without keep",
    )
    assert (tmp_path / "settings.json").read_bytes() == damaged
    assert board.app.actions.text("a") == ""
    assert board.pins.state == {}
    assert board.request(type="set", label="a", action="pin:2,high")["ok"] is True


def test_a_settings_file_that_cannot_be_read_is_not_replaced(tmp_path: Path) -> None:
    board = ActingBoard(tmp_path)
    board.app.start()
    (tmp_path / "settings.json").mkdir()
    answer = board.request(type="set", label="a", action="pin:2,high", keep=True)
    assert answer["error"] == "set.settings"
    assert "settings.json cannot be read and stays as it is" in answer["detail"]
    assert (tmp_path / "settings.json").is_dir()


def test_a_broken_rule_in_the_file_is_left_out_and_reported(tmp_path: Path) -> None:
    rules = {"a": "pin:3,high,1s", "b": "pin:3,low", "barking": "led", "c": 7, "d": "pin:99"}
    (tmp_path / "settings.json").write_text(json.dumps({"actions": rules}))
    board = ActingBoard(tmp_path, labels=("a", "b", "c", "d"), script=lambda n: [100 if 10 <= n < 20 else -100] * 4)
    board.app.start()
    hello = board.request(type="hello")
    assert (hello["model"], hello["broken"]) == (
        "fake",
        "action.b: GPIO 3 is high for action.a: it cannot be low here",
    )
    reported = sorted(m["detail"] for m in board.messages() if m.get("re") == "action")
    assert reported == [
        "action.b: GPIO 3 is high for action.a: it cannot be low here",
        "action.barking: the detector has no such label",
        "action.c: a rule must be a text of 1..128 characters",
        "action.d: pin must be 0..48, not 99",
    ]
    # Putting one right takes it from the list; what another detector had can be taken away.
    assert board.request(type="set", label="b", action="pin:4,low", keep=True)["ok"] is True
    assert board.request(type="set", label="barking", action="none", keep=True)["ok"] is True
    assert board.request(type="set", label="crying", action="none", keep=True)["error"] == "set.label"
    assert board.request(type="set", label=["a"], action="none")["error"] == "set.label"
    assert rules_on(tmp_path) == {"a": "pin:3,high,1s", "b": "pin:4,low", "c": 7, "d": "pin:99"}
    assert board.request(type="hello")["broken"].startswith("action.c")
    levels = dict(board.levels(3))
    assert sum(levels.values()) == pytest.approx(RATE / 512, abs=1)
    board.request(type="status")
    assert board.messages()[-1]["acted"] == 2


@pytest.mark.parametrize("value", [[], "led", 3, None])
def test_rules_that_are_no_object_are_reported(value: Any) -> None:
    board = ActingBoard(settings={"actions": value})
    board.app.start()
    messages = board.run()
    assert messages[0]["broken"] == "actions must be an object"
    assert [m["edge"] for m in messages if m["type"] == "event"] == ["on", "off"]


def test_a_pin_that_the_chip_refuses_is_that_rules_error() -> None:
    board = ActingBoard()

    def refuse(pin: int, value: int) -> Any:
        raise ValueError("invalid pin")

    board.app.start()
    board.pins.level = refuse  # type: ignore[method-assign]
    answer = board.request(type="set", label="a", action="pin:40,high")
    assert (answer["error"], answer["detail"]) == ("action.pin", "action.a: this board cannot use GPIO 40: invalid pin")
    assert [m["edge"] for m in board.run() if m["type"] == "event"] == ["on", "off"]


def test_a_set_leaves_a_running_action_of_another_label_alone() -> None:
    board = ActingBoard(settings={"led": LED, "actions": {"a": "pin:3,high,2s", "b": "pin:3,high"}}, seconds=12)
    switched: list[tuple[int, int]] = []
    level = board.pins.level

    def watched(pin: int, value: int) -> Any:
        switch = level(pin, value)
        switched.append((pin, value))

        def count(on: int) -> None:
            switched.append((pin, on))
            switch(on)

        return count

    board.pins.level = watched  # type: ignore[method-assign]
    board.app.start()
    while not board.pins.state.get(3):
        board.app.step()
    led = board.app.actions._led  # its pattern cannot be told from its level
    showing = led.pattern
    switched.clear()
    # Refused: by the form, by a conflict, and by a chip that fails at the second of two new pins.
    fails = board.pins.tone

    def refuse(pin: int, hz: int) -> Any:
        raise ValueError("invalid pin")

    board.pins.tone = refuse  # type: ignore[method-assign]
    for rule in ("pin:99", "pin:3,low", "pin:5,low+tone:6"):
        assert board.request(type="set", label="b", action=rule)["error"] == "action.pin"
        assert (board.pins.state[3], board.app.actions.text("b"), led.pattern) == (1, "pin:3,high", showing)
    assert [pin for pin, _ in switched if pin == 3] == []
    assert set(board.pins.state) == {3, LED["pin"]}
    board.pins.tone = fails  # type: ignore[method-assign]
    # Taken: the output that stays goes on, to the end of its two seconds.
    for rule in ("pin:5,low+tone:6", "none", "pin:3,high,1s"):
        assert board.request(type="set", label="b", action=rule)["ok"] is True
        assert (board.pins.state[3], led.pattern) == (1, showing)
    assert [on for pin, on in switched if pin == 3] == []
    lit = [at for at, level in board.levels(3) if level]
    assert lit[-1] == pytest.approx(ON_AT + 2 * RATE, abs=512)


def test_a_set_ends_a_running_action_of_the_rule_that_it_replaces() -> None:
    board = ActingBoard(settings={"actions": {"a": "pin:3,low+pin:4"}}, seconds=12)
    board.app.start()
    while not board.pins.state.get(4):
        board.app.step()
    assert board.pins.state == {3: 0, 4: 1}
    assert board.request(type="set", label="a", action="pin:4,high,1s")["ok"] is True
    assert board.pins.state == {3: 1, 4: 0}


def test_a_gpio_that_would_become_another_output_goes_on_if_the_set_fails() -> None:
    board = ActingBoard(settings={"actions": {"a": "pin:3,high,1s"}}, seconds=12)
    board.app.start()
    while not board.pins.state.get(3):
        board.app.step()

    def full() -> None:
        assert board.pins.state == {3: 0, 5: 0}
        raise FirmwareError("set.flash", "full")

    with pytest.raises(FirmwareError, match="full"):
        board.app.actions.change({"a": "tone:3+pin:5"}, board.app.pipeline.now, full)
    assert board.pins.state == {3: 1}
    lit = [at for at, level in board.levels(3) if level]
    assert lit[-1] == pytest.approx(ON_AT + RATE, abs=512)


def test_the_led_shows_listening_and_events() -> None:
    board = ActingBoard(settings={"led": LED}, seconds=12)
    board.app.start()
    lit = [at for at, level in board.levels(LED["pin"]) if level]
    during = [at for at in lit if ON_AT <= at <= OFF_AT]
    assert len(during) >= (OFF_AT - ON_AT) // 512 - 1
    beats = [at for at in lit if at > OFF_AT + RATE]
    # A flash of 50 ms every four seconds.
    assert 2 <= len(beats) <= 6
    gaps = [b - a for a, b in itertools.pairwise(beats) if b - a > 2 * 512]
    assert all(gap == pytest.approx(4 * RATE, abs=2 * 512) for gap in gaps)


def test_an_led_on_a_pin_of_the_microphone_is_left_alone_and_reported() -> None:
    board = ActingBoard(settings={"led": {"kind": "gpio", "pin": 17}, "actions": {"a": "led"}})
    board.app.start()
    hello = board.run()[0]
    assert hello["model"] == "fake"
    assert {m["detail"] for m in board.messages() if m.get("re") == "action"} == {
        "led: GPIO 17 is the microphone's: mic.ws",
        "action.a: the LED of this board cannot be used",
    }
    assert 17 not in board.pins.state


def test_the_led_is_a_rules_if_one_names_it() -> None:
    board = ActingBoard(settings={"led": LED, "actions": {"b": "led"}})
    board.app.start()
    assert {level for _, level in board.levels(LED["pin"])} == {0}


def test_the_led_blinks_in_safe_mode_and_pins_are_idle() -> None:
    board = ActingBoard(settings={"led": LED, "actions": {"a": "pin:3,high"}})
    board.app.start()
    while not board.pins.state.get(3):
        board.app.step()
    board.app.fail("run.failed", ValueError("x"))
    assert board.pins.state[3] == 0
    seen = []
    for _ in range(40):
        board.app.actions.show_safe_mode(25)
        seen.append(board.pins.state[LED["pin"]])
    changes = sum(a != b for a, b in itertools.pairwise(seen))
    assert changes == 7


def test_the_lines_of_events_are_those_of_a_board_that_does_not_act(tmp_path: Path) -> None:
    (tmp_path / "on_event.py").write_text("def on_event(*a):\n    pass\n")
    acting = ActingBoard(tmp_path, {"led": LED, "actions": {"a": "pin:3,high+led", "b": "tone:4"}})
    plain = ActingBoard()
    lines = []
    for board in (acting, plain):
        board.app.start()
        board.run()
        lines.append([line for line in bytes(board.out).split(b"\n") if b'"event"' in line])
    assert len(lines[0]) == 2
    assert lines[0] == lines[1]


def test_an_active_output_is_idle_when_the_sound_ends() -> None:
    board = ActingBoard(settings={"actions": {"a": "pin:3,low,60s"}}, seconds=3)
    board.app.start()
    levels = board.levels(3)
    assert levels[-1][1] == 0
    board.app.close()
    assert board.pins.state[3] == 1


def test_of_two_rules_for_one_pin_the_newest_counts() -> None:
    board = ActingBoard(
        settings={"actions": {"a": "pin:3,high", "b": "pin:3,high,300ms"}},
        script=lambda n: [100 if 10 <= n < 30 else -100, 100 if 15 <= n < 17 else -100],
    )
    board.app.start()
    lit = [at for at, level in board.levels(3) if level]
    second = ON_AT + 5 * 2048
    # From the first onset to 300 ms after the second one; the first rule does not come back.
    assert lit[0] - ON_AT <= 512
    assert lit[-1] == pytest.approx(second + 0.3 * RATE, abs=512)


def test_a_blink_goes_on_after_a_stall_without_catching_up() -> None:
    seen: list[int] = []
    output = Output(seen.append)
    output.start(Pattern(output, 100, 100, 0), 0)
    for now in (100, 200, 5000, 5050, 5100, 5200):
        output.step(now)
    assert seen == [1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize("before", [2**30 - ON_AT - 3000, 2**30 - OFF_AT, 2**31 - ON_AT - 3000, 2**31 - OFF_AT - RATE])
@pytest.mark.parametrize("rule", ["pin:3,high", "pin:3,low,2s", "pin:3,blink,200ms,3s", "pin:3,pulse,100ms,9"])
def test_a_rule_acts_after_days_as_in_the_first_minute(rule: str, before: int) -> None:
    """18.6 and 37.3 hours of 16 kHz: where a 32-bit chip's small integers end, and its words."""
    shown = []
    for start in (0, before):
        board = ActingBoard(settings={"led": LED, "actions": {"a": rule}}, seconds=8)
        board.app.start()
        board.app.pipeline.mic.captured = start
        levels = board.levels(3)
        shown.append([(at - start, level) for at, level in levels])
        times = [m["t"] - start for m in board.messages() if m["type"] == "event"]
        assert len(times) == 2
        assert times[1] - times[0] == OFF_AT - ON_AT
        assert {level for _, level in levels} == {0, 1}
    assert shown[0] == shown[1]


HOOK = """
seen = []
def on_event(label, edge, time_s, score):
    seen.append((label, edge, time_s, score))
    print("%s %s" % (label, edge))
"""


def test_on_event_gets_every_event_after_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "on_event.py").write_text(HOOK)
    board = ActingBoard(tmp_path)
    board.app.start()
    events = [m for m in board.run() if m["type"] == "event"]
    assert capsys.readouterr().out == "a on\na off\n"
    assert [m["edge"] for m in events] == ["on", "off"]
    board.app.send_hello()
    assert "broken" not in board.messages()[-1]


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("def on_event(:\n", "SyntaxError"),
        ("x = 1\n", "has no function on_event"),
        ("import no_such_module\n", "(line 1)"),
        ("\n\nraise KeyError(3)\n", "KeyError: 3 (line 3)"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3 (line 2)"),
        ("on_event = 3\n", "has no function on_event"),
    ],
)
def test_an_on_event_that_cannot_be_loaded_is_reported_and_the_board_listens(
    tmp_path: Path, source: str, word: str
) -> None:
    (tmp_path / "on_event.py").write_text(source)
    board = ActingBoard(tmp_path)
    board.app.start()
    messages = board.run()
    assert word in messages[0]["broken"]
    assert word in next(m["detail"] for m in messages if m.get("re") == "on_event")
    assert [m["edge"] for m in messages if m["type"] == "event"] == ["on", "off"]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("raise ValueError('no')", "ValueError: no (line 2)"),
        ("return 1 / 0", "ZeroDivisionError"),
        ("raise SystemExit", "SystemExit (line 2)"),
        ("return on_event(*a)", "RecursionError"),
        ("return [][7]", "IndexError"),
        ("raise Exception('x' * 5000)", "Exception: xxxx"),
        ("raise MemoryError", "MemoryError (line 2)"),
        ("raise ValueError('\\x01\"\\n')", "ValueError"),
    ],
)
def test_what_on_event_raises_is_counted_and_reported(tmp_path: Path, body: str, word: str) -> None:
    (tmp_path / "on_event.py").write_text(f"def on_event(*a):\n    {body}\n")
    board = ActingBoard(tmp_path)
    board.app.start()
    board.run()
    board.request(type="status")
    messages = board.messages()
    errors = [m for m in messages if m.get("re") == "on_event"]
    assert [m["error"] for m in errors] == ["on_event.error"] * 2
    assert word in errors[0]["detail"]
    status = messages[-1]
    assert (status["hook_calls"], status["hook_errors"], status["hook_missed"]) == (2, 2, 0)
    assert [m["edge"] for m in messages if m["type"] == "event"] == ["on", "off"]


def test_ctrl_c_in_on_event_leaves_it() -> None:
    board = ActingBoard(settings={})
    board.app.start()

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    from soundfw.act.user_hook import UserHook
    from soundfw.health import Stopwatch

    board.app.actions.events = WaitingEvents()
    board.app.actions.hook = UserHook(interrupted, Stopwatch(), 1000)
    with pytest.raises(KeyboardInterrupt):
        board.run()


def test_a_slow_function_is_counted_as_slow() -> None:
    from soundfw.act.user_hook import UserHook
    from soundfw.health import Stopwatch

    clock = [0]

    def slow(label: str, edge: str, time_s: float, score: float) -> None:
        clock[0] += 5_000_000 if edge == "on" else 1000

    board = ActingBoard()
    board.app.start()
    board.app.actions.events = WaitingEvents()
    board.app.actions.hook = UserHook(slow, Stopwatch(lambda: clock[0], lambda a, b: a - b), 128_000)
    board.run()
    board.request(type="status")
    board.request(type="status")
    slowest = [m["hook_us"] for m in board.messages() if m["type"] == "status"]
    assert 5_000_000 in slowest
    assert slowest[-1] == 0
    assert board.messages()[-1]["hook_slow"] == 1


def test_events_that_find_the_ring_full_are_counted() -> None:
    waiting = WaitingEvents()
    for i in range(20):
        waiting.push(i // 2, i % 2 == 0, 100 * i, 900)
    assert (waiting.waiting, waiting.missed) == (16, 4)
    assert [waiting.pop() for _ in range(17)] == [
        *[(i // 2, i % 2 == 0, 100 * i, 900) for i in range(16)],
        None,
    ]


def test_pins_of_circuitpython_are_named_by_their_gpio(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[Any] = []

    class DigitalInOut:
        def __init__(self, pin: str) -> None:
            self.pin = pin

        def switch_to_output(self, value: bool) -> None:
            log.append((self.pin, value))

        def __setattr__(self, name: str, value: Any) -> None:
            if name == "value":
                log.append((self.pin, value))
            object.__setattr__(self, name, value)

    class PwmOut(DigitalInOut):
        def __init__(self, pin: str, frequency: int, duty_cycle: int, variable_frequency: bool) -> None:
            super().__init__(pin)

        def __setattr__(self, name: str, value: Any) -> None:
            if name != "pin":
                log.append((name, value))
            object.__setattr__(self, name, value)

    fakes = {
        "digitalio": {"DigitalInOut": DigitalInOut},
        "microcontroller": {"Pin": str, "pin": types.SimpleNamespace(GPIO3="p3", P0_07="n7")},
        "pwmio": {"PWMOut": PwmOut},
        "micropython": {"const": int},
        "neopixel_write": {"neopixel_write": lambda line, data: log.append((line.pin, bytes(data)))},
    }
    for name, members in fakes.items():
        module = types.ModuleType(name)
        module.__dict__.update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "soundfw.platform.circuit_pins", raising=False)
    from soundfw.platform.circuit_pins import CircuitPins

    monkeypatch.delitem(sys.modules, "soundfw.platform.circuit_pins")
    monkeypatch.setattr(platform, "pins", CircuitPins)
    pins = board_pins.of_this_python()
    relay = pins.level(3, 0)
    relay(1)
    tone = pins.tone(7, 880)
    tone(880)
    tone(0)
    pixel = pins.pixel(3, (1, 2, 3))
    pixel(1)
    assert log == [
        ("p3", False), ("p3", True),
        ("frequency", 880), ("duty_cycle", 32768), ("duty_cycle", 0),
        ("p3", False), ("p3", bytes(3)), ("p3", bytes((2, 1, 3))),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="9"):
        pins.level(9, 0)
