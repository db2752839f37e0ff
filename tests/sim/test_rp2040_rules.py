"""200 random rules on the unmodified image for the Pico: set over the wire, carried out on its pins as they say."""

from __future__ import annotations

import base64
import itertools
import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from pico_sounds import RATE, events, messages, microphone, request, send
from target_needs import micropython_uf2

from random_rules import Bounds, Rule, broken_rule, random_rule
from sim.tiny_model import listening
from soundsdk.boards import find_board
from soundsdk_sim.rp2040 import CycleMark, PinChange, Rp2040

# Four tones, each of which five classes listen for: five events begin in one step.
HZ = (500.0, 1200.0, 2500.0, 5000.0)
TOGETHER = 5
LABELS = {f"tone {i} of {hz:.0f} Hz": hz for hz in HZ for i in range(TOGETHER)}
# Of a batch of as many rules, in seconds of sound: the first tone's begin, once all are set; between the tones' begins;
# a tone; the whole, once all patterns are over.
TONES_S, APART_S, TONE_S, BATCH_S = 2.8, 0.256, 0.7, 5.3
BATCHES = 200 // len(LABELS)
SOUND_SAMPLES = round((BATCHES * BATCH_S + 20) * RATE)
LATE_MS = 96.0  # a block of 32 ms, after each of which the rules are looked at once, a step of the model, five events
HOP_MS = 16.0  # of its features
BLOCK_MS = 32.0
# In a batch all is over soon, and tones have enough waves to measure.
BOUNDS = Bounds(last_ms=1200, width_ms=140, period_ms=400, hz=(100, 20000))
LED = 25
# SCRATCH3 is where the emulator sees marks: when the detector has decided, before anything follows from it; its value
# is the time in samples of sound.
MARKED = """
import machine, soundfw.pipeline as p
send = p.Pipeline._send_edges
def marked(self, now):
    machine.mem32[0x40058018] = now
    send(self, now)
p.Pipeline._send_edges = marked
"""


@dataclass
class Carried:
    """A rule that was carried out, and the decisions that began and ended its event."""

    rule: Rule
    began: CycleMark
    ended: CycleMark

    def heard_ms(self, change: PinChange) -> float:
        """Return how much sound the board had heard at a change since the end of the step that began the event."""
        return (SOUND_SAMPLES - change.sound_waiting - self.began.value) * 1000 / RATE


def sound() -> np.ndarray:
    """Return the four tones, one after the other and overlapping, in each batch."""
    x = np.zeros(SOUND_SAMPLES)
    wave = np.arange(round(TONE_S * RATE)) / RATE
    for batch, (i, hz) in itertools.product(range(BATCHES), enumerate(HZ)):
        at = round((batch * BATCH_S + TONES_S + i * APART_S) * RATE)
        x[at : at + len(wave)] += 0.1 * np.sin(2 * np.pi * hz * wave)
    return np.round(32767 * x).astype(np.int16)


def free_pins() -> list[int]:
    board = find_board("rpi_pico")
    assert board.gpio is not None
    assert board.mic is not None
    return [pin for pin in board.gpio.outputs if pin not in board.mic.settings().values()]


def random_batch(rng: random.Random) -> list[Rule]:
    """Return a rule for each label: each on pins of its own, each tone on a PWM slice of its own, one for the LED."""
    free = free_pins()
    slices = set(range(8))
    rules: list[Rule] = []
    for _ in LABELS:
        tonal = [pin for pin in free if pin // 2 % 8 in slices]
        output = rng.choice(["pin", "pin", *["tone"] * bool(tonal), *["led"] * (all(r.pin >= 0 for r in rules))])
        rule = random_rule(rng, tonal if output == "tone" else free, BOUNDS, output)
        if rule.hz:
            slices.remove(rule.pin // 2 % 8)
        if rule.pin >= 0:
            free.remove(rule.pin)
        rules.append(rule)
    return rules


@pytest.fixture(scope="module")
def board() -> Iterator[Rp2040]:
    with Rp2040(micropython_uf2(), microphone()) as board:
        board.boot()
        model = base64.b64encode(listening(LABELS)).decode()
        repl = board.repl()
        repl.exec("import binascii\nf = open('detector.tflite', 'wb')")
        for at in range(0, len(model), 1024):
            repl.exec(f"f.write(binascii.a2b_base64('{model[at : at + 1024]}'))")
        repl.exec("f.close()\n" + MARKED)
        board.watch_pins([*free_pins(), LED])
        board.feed(sound())
        board.send(b"\r\x02import soundfw.main; soundfw.main.main()\r")
        (*_, hello) = request(board, "hello")
        assert (hello["model"], "broken" in hello) == ("listening", False)
        yield board


def answer(board: Rp2040, **members: Any) -> dict[str, Any]:
    """Set something, and return the answer."""
    (found,) = [m for m in request(board, "set", **members) if m.get("re") == "set"]
    return found


def heard_s(board: Rp2040) -> float:
    return (SOUND_SAMPLES - board.sound_waiting) / RATE


def carried_out(board: Rp2040, batch: int, rules: list[Rule]) -> list[Carried]:
    """Set rules, let the board hear a batch's tones, and wait until every pattern is over."""
    assert answer(board, action="none")["ok"]
    for label, rule in zip(LABELS, rules, strict=True):
        found = answer(board, label=label, action=rule.text)
        assert found["ok"], (rule.text, found)
    assert heard_s(board) < batch * BATCH_S + TONES_S, "all are set before the first tone"
    before = len(board.marks())
    found = events(messages(board.lines(1000 * ((batch + 1) * BATCH_S - heard_s(board)))))
    labels = list(LABELS)
    decided = board.marks()[before:]
    assert len(found) == len(decided) * TOGETHER == 2 * len(labels)
    edges: dict[tuple[str, str], CycleMark] = {}
    for i, event in enumerate(found):
        edges[event["edge"], event["label"]] = decided[i // TOGETHER]
    return [Carried(rule, edges["on", label], edges["off", label]) for label, rule in zip(labels, rules, strict=True)]


def turns(rule: Rule, event_ms: float) -> list[tuple[float, bool]]:
    """Return when a rule's output switches, in ms after the begin of its event, and whether it is on then."""
    end = rule.length_ms or event_ms
    found = [(0.0, True)]
    if rule.half_ms:
        found = [(float(at), at // rule.half_ms % 2 == 0) for at in range(0, int(end) + 1, rule.half_ms) if at < end]
    return [*found, (end, False)] if found[-1][1] else found


def bursts(rule: Rule, changes: list[PinChange], clock_hz: int) -> list[tuple[PinChange, bool]]:
    """Return the changes at which an output turns on or off; of a tone its bursts, whose waves are checked."""
    if not rule.hz:
        return [(change, change.high == (rule.idle == 0)) for change in changes]
    half = clock_hz / rule.hz / 2
    found: list[tuple[PinChange, bool]] = []
    for change, following in itertools.pairwise([*changes, None]):
        assert change is not None
        if change.high and (not found or not found[-1][1]):
            found.append((change, True))
        if following is None or following.cycle - change.cycle > 3 * half:
            assert not change.high, (rule, change)
            found.append((change, False))
        else:
            assert following.high != change.high
            assert following.cycle - change.cycle == pytest.approx(half, rel=0.02, abs=4), (rule, change)
    return found


def check(one: Carried, changes: list[PinChange], clock_hz: int) -> tuple[float, float]:
    """Check an output's changes from its event on; return how late the first one was, and the latest of the others.

    In ms; the first is counted from the decision, the others from the sound at which they are due.
    """
    rule = one.rule
    expected = turns(rule, (one.ended.value - one.began.value) * 1000 / RATE)
    found = [(one.heard_ms(change), on) for change, on in bursts(rule, changes, clock_hz)]
    # The board looks once a block: what begins in the block of its end may not be seen.
    if len(found) < len(expected) and expected[-1][0] - expected[-2][0] < BLOCK_MS:
        expected = expected[:-2]
    assert [on for _, on in found] == [on for _, on in expected], (rule, found, expected)
    late = [at - wanted for (at, _), (wanted, _) in zip(found, expected, strict=True)]
    wave_ms = 1000 / rule.hz if rule.hz else 0.0  # which a tone may need to begin, and to end
    first = (changes[0].cycle - one.began.cycle) * 1000 / clock_hz
    assert 0 <= first <= HOP_MS + wave_ms, rule
    assert all(-wave_ms - 1 <= ms <= LATE_MS + wave_ms for ms in late), (rule, late)
    return first - wave_ms, max(late[1:]) - wave_ms


def test_200_random_rules_are_carried_out_as_they_say(board: Rp2040) -> None:
    rng = random.Random(11)
    done = [one for batch in range(BATCHES) for one in carried_out(board, batch, random_batch(rng))]
    status = request(board, "status")[-1]
    assert (status["acted"], status["lost"], status["dropped"]) == (200, 0, 0)
    assert len({one.rule.text for one in done}) > 190
    log: dict[int, list[PinChange]] = {}
    for change in board.pin_changes():
        log.setdefault(change.pin, []).append(change)
    assert sum(map(len, log.values())) < 1_000_000  # the emulator keeps no more
    late = []
    for one in done:
        rule = one.rule
        changes = log[LED if rule.pin < 0 else rule.pin]
        at = bisect(changes, one.began.cycle, key=lambda change: change.cycle)
        assert (changes[at - 1].high if at else False) == (rule.idle == 1), rule
        # Until the next rules are set, which change pins as well.
        over = (one.began.value / RATE) // BATCH_S * BATCH_S + BATCH_S
        end = bisect(changes, over * RATE, key=lambda change: SOUND_SAMPLES - change.sound_waiting)
        late.append(check(one, changes[at:end], board.clock_hz))
    first, most = (max(ms) for ms in zip(*late, strict=True))
    print(f"first changes at most {first:.2f} ms after the decision, others at most {most:.0f} ms after their sound")


def test_200_random_broken_rules_are_refused_with_the_key_and_the_range(board: Rp2040) -> None:
    assert answer(board, action="none")["ok"]
    label = next(iter(LABELS))
    broken = [broken_rule(random.Random(1000 + seed)) for seed in range(200)]
    for some in (broken[at : at + 10] for at in range(0, 200, 10)):
        for text, _, _ in some[:-1]:
            send(board, "set", label=label, action=text)
        found = [m for m in request(board, "set", label=label, action=some[-1][0]) if m.get("re") == "set"]
        for (text, key, bounds), refusal in zip(some, found, strict=True):
            assert (refusal["ok"], refusal["error"]) == (False, f"action.{key}"), text
            assert f"action.{label}: {key} must be {bounds}" in refusal["detail"]
    (model,) = [m for m in request(board, "model", **{"class": 0}) if m.get("re") == "model"]
    assert "action" not in model
    status = request(board, "status")[-1]
    assert (status["lost"], status["dropped"]) == (0, 0)
