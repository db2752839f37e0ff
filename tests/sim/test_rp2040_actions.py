"""Rules and on_event.py on the unmodified image for the Pico: pins, their latency, errors and a hang."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pico_sounds import RATE, TAIL_S, alarm, decisions, direct_events, events, messages, microphone, request
from target_needs import micropython_uf2

from soundsdk_sim.rp2040 import PinChange, Rp2040

ROOT = Path(__file__).resolve().parents[2]
SLACK_MS = 96.0  # a block of 32 ms, in each of which the rules are looked at once, and a step of the model
HOP_SAMPLES = 256
STEP_SAMPLES = 2048
RELAY, SIGNAL, BUZZER, LED = 15, 14, 13, 25
RULE = f"pin:{RELAY},high,900ms+pin:{SIGNAL},low,pulse,100ms,3+tone:{BUZZER},1000hz,400ms+led,blink,200ms"
# SCRATCH3 is where the emulator sees marks: 1 when the detector has decided, before anything follows from it.
MARKED = """
import machine, soundfw.pipeline as p
send = p.Pipeline._send_edges
def marked(self, now):
    machine.mem32[0x40058018] = 1
    send(self, now)
p.Pipeline._send_edges = marked
"""
RUN = b"\r\x02import soundfw.main; soundfw.main.main()\r"


@pytest.fixture(scope="module")
def uf2() -> Path:
    return micropython_uf2()


@pytest.fixture
def board(uf2: Path) -> Iterator[Rp2040]:
    with Rp2040(uf2, microphone()) as board:
        board.boot()
        yield board


def spans_ms(board: Rp2040, pin: int, changes: list[PinChange], begin: int, high: bool = True) -> list[list[float]]:
    """Return from when to when a pin was high (or low), in milliseconds after a cycle."""
    found: list[list[float]] = []
    for change in (c for c in changes if c.pin == pin and c.cycle >= begin):
        at = (change.cycle - begin) * 1000 / board.clock_hz
        if change.high == high:
            found.append([at])
        elif found:
            found[-1].append(at)
    return found


def check_spans(found: list[list[float]], expected: list[tuple[float, float]]) -> None:
    """Check spans in milliseconds to a block of sound, and the time that a step of the model may hold it up."""
    assert len(found) == len(expected), found
    for span, (begin, end) in zip(found, expected, strict=True):
        assert span == [pytest.approx(begin, abs=SLACK_MS), pytest.approx(end, abs=SLACK_MS)], found


def test_a_rule_acts_on_the_emulated_pins_within_a_hop_of_the_event(board: Rp2040) -> None:
    pcm = alarm()[: 3 * RATE]
    direct = direct_events(pcm)
    board.repl().exec(MARKED)
    board.watch_pins([RELAY, SIGNAL, BUZZER, LED])
    sound = np.concatenate([pcm, np.zeros(60 * RATE, np.int16)])
    board.feed(sound)
    board.send(RUN)
    request(board, "hello")
    assert request(board, "set", action=RULE)[-1]["ok"] is True
    heard = events(messages(board.lines(1000 * (len(pcm) / RATE + TAIL_S))))
    status = request(board, "status")[-1]
    # The events are those of a board without rules, and nothing is lost over them.
    assert heard == direct
    assert (status["lost"], status["dropped"], status["acted"]) == (0, 0, len(direct) // 2)
    changes = board.pin_changes()
    (decided, *_) = [mark.cycle for mark in board.marks() if mark.value == 1]
    relay = next(change for change in changes if change.pin == RELAY and change.high)
    assert 0 <= (relay.cycle - decided) * RATE <= HOP_SAMPLES * board.clock_hz
    # From the sound that decided: a block of it, and the model's time as well.
    heard_samples = len(sound) - relay.sound_waiting
    assert 0 <= heard_samples - decisions(pcm)[0] <= STEP_SAMPLES
    check_spans(spans_ms(board, RELAY, changes, decided), [(0, 900)])
    check_spans(spans_ms(board, SIGNAL, changes, decided, high=False), [(0, 100), (200, 300), (400, 500)])
    waves = [change.cycle for change in changes if change.pin == BUZZER and change.high and change.cycle >= decided]
    assert {round((b - a) * 1000 / board.clock_hz) for a, b in itertools.pairwise(waves)} == {1}
    assert len(waves) == pytest.approx(400, abs=SLACK_MS)
    lit = spans_ms(board, LED, changes, decided)
    assert len(lit) > 6
    check_spans(lit[:4], [(200 * i, 200 * i + 100) for i in range(4)])
    # The event ends a while after its sound; the light ends with it.
    (ended,) = [mark.cycle for mark in board.marks() if mark.value == 1][1:]
    assert all(change.cycle <= ended + board.clock_hz // 10 for change in changes if change.pin == LED)


HOOK = """
import time
calls = 0
def on_event(label, edge, time_s, score):
    global calls
    calls += 1
    if calls == 1:
        raise ValueError("the first")
    if calls == 2:
        time.sleep(5)
"""


def test_a_function_that_raises_or_hangs_is_counted_and_the_detector_keeps_step(board: Rp2040) -> None:
    first = alarm()[: 3 * RATE]
    gap_s, hang_s = 8, 5
    pcm = np.concatenate([first, np.zeros(gap_s * RATE, np.int16), first])
    board.repl().exec(f"with open('on_event.py', 'w') as f: f.write({HOOK!r})")
    board.feed(np.concatenate([pcm, np.zeros(60 * RATE, np.int16)]))
    board.send(b"\r\x02\x04")
    heard = request(board, "hello")
    heard += messages(board.lines(1000 * (len(pcm) / RATE + TAIL_S)))
    status = request(board, "status")[-1]
    lost = status["lost"]
    # The hang's own: all but what the ring keeps, which is 8 blocks, and those of the step before have been in it.
    assert lost % 512 == 0
    assert hang_s * RATE - 8 * 512 <= lost <= hang_s * RATE - 4 * 512
    direct = direct_events(np.concatenate([first, np.zeros(gap_s * RATE - lost, np.int16), first]))
    assert len(direct) == 4
    late = [event | {"t": event["t"] + lost} for event in direct[2:]]
    assert events(heard) == direct[:2] + late
    errors = [(m["error"], m["detail"]) for m in heard if m["type"] == "ack" and m["re"] == "on_event"]
    assert errors == [("on_event.error", "ValueError: the first (line 8)")]
    counts = {key: status[f"hook_{key}"] for key in ("calls", "errors", "missed", "slow")}
    assert counts == {"calls": 4, "errors": 1, "missed": 0, "slow": 1}
    assert hang_s * 1_000_000 <= max(m["hook_us"] for m in [*heard, status] if m["type"] == "status") < 5_100_000


# What pipeline and application do with every edge and block, on the chip's own pins.
NO_ALLOCATION = """
import micropython
from soundfw.act.actions import Actions, WaitingEvents
from soundfw.act.pins import of_this_python
from soundfw.settings import Settings
texts = {"a": "pin:15,high,900ms+pin:14,low,pulse,100ms,3+tone:13,1000hz,400ms", "b": "led,blink,200ms+pin:15,blink"}
actions = Actions(Settings({"actions": texts, "led": {"kind": "LEDKIND", "pin": 25}}), of_this_python())
actions.start(["a", "b"], 16000)
actions.events = WaitingEvents()
now = i = 0
micropython.heap_lock()
while i < 600:
    now += 512
    if i % 40 == 0:
        actions.edge(i // 40 % 2, True, now, 900, now)
    if i % 40 == 30:
        actions.edge(i // 40 % 2, False, now, 950, now)
    actions.step(now)
    i += 1
micropython.heap_unlock()
actions.close()
print(i, actions.acted, actions.broken, actions.events.missed)
"""


# Functions that do not end: a loop, a sleep, and one that does not let itself be interrupted the first time.
ENDLESS = """
import time
from soundfw.act.user_hook import UserHook
from soundfw.health import stopwatch
def loop(*event):
    while True:
        pass
def nap(*event):
    time.sleep(3600)
def stubborn(*event):
    try:
        loop()
    except:
        loop()
def short(*event):
    time.sleep_ms(20)
for function in (loop, nap, stubborn, short):
    hook = UserHook(function, stopwatch(), 100000, 100)
    print(hook.call("a", "on", 1.0, 0.5), hook.errors, hook.slow, hook.read_longest_us() // 100000)
time.sleep_ms(300)
print("done")
"""


def test_rules_on_the_chips_own_pins_allocate_nothing_and_a_program_of_the_users_runs(board: Rp2040) -> None:
    repl = board.repl()
    ended = "it was ended after 100 ms 1 1"
    assert repl.exec(ENDLESS).splitlines() == [f"{ended} 1", f"{ended} 1", f"{ended} 2", "None 0 0 0", "done"]
    for kind in ("gpio", "ws2812"):
        assert repl.exec(NO_ALLOCATION.replace("LEDKIND", kind)) == "600 15 {} 14\n"
    # The relay of the examples is on while the alarm is.
    relay = (ROOT / "firmware" / "examples" / "relay.py").read_text()
    repl.exec(f"with open('main.py', 'w') as f: f.write({relay!r})")
    board.watch_pins([RELAY])
    pcm = alarm()[: 3 * RATE]
    board.feed(np.concatenate([pcm, np.zeros(60 * RATE, np.int16)]))
    board.send(b"\r\x02\x04")
    heard = request(board, "hello") + messages(board.lines(1000 * (len(pcm) / RATE + TAIL_S)))
    assert events(heard) == direct_events(pcm)
    on, off = board.pin_changes()
    assert (on.high, off.high) == (True, False)
    began, ended = decisions(pcm)
    assert (off.cycle - on.cycle) * 1000 / board.clock_hz == pytest.approx(
        (ended - began) * 1000 / RATE, abs=SLACK_MS
    )
    assert request(board, "status")[-1]["lost"] == 0
