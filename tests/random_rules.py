"""Random rules of actions for the tests: valid ones with what their outputs should do, and broken ones."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from soundfw.settings import ACTIONS

RANGES = {key: (low, high) for key, _, low, high in ACTIONS}


@dataclass(frozen=True)
class Bounds:
    """The limits of random rules. last_ms, width_ms, period_ms: their longest; hz: the tones' lowest and highest."""

    last_ms: int = 5000
    width_ms: int = 900
    period_ms: int = 1000
    hz: tuple[int, int] = RANGES["hz"]


@dataclass(frozen=True)
class Rule:
    """A rule as text, and what its output should do: on for half of each of its turns, and how long in all, both in ms.

    pin: -1 for the LED; idle, up: its level, for a tone its frequency. half_ms 0: on without a break; length_ms 0: as
    long as the event.
    """

    text: str
    pin: int
    idle: int
    up: int
    half_ms: int
    length_ms: int

    @property
    def hz(self) -> int:
        """Its frequency; 0 if it is no tone."""
        return self.up if "tone" in self.text.lower() else 0

    def level(self, since_ms: float, event_ms: float) -> int:
        """Return the output's level at a time after the event's begin, by the definition of rules."""
        if since_ms < 0 or since_ms >= (self.length_ms or event_ms):
            return self.idle
        return self.up if self.half_ms == 0 or since_ms // self.half_ms % 2 == 0 else self.idle


def _time_text(rng: random.Random, ms: int) -> str:
    forms = [f"{ms}ms"]
    if ms % 1000 == 0:
        forms.append(f"{ms // 1000}s")
    forms.append(f"{ms // 1000}.{ms % 1000:03}s")
    return rng.choice(forms)


def random_rule(
    rng: random.Random, pins: Sequence[int], bounds: Bounds | None = None, output: str | None = None
) -> Rule:
    """Return a valid rule of one action. output: pin, tone or led; None: any of them."""
    bounds = bounds or Bounds()
    output = output or rng.choice(["pin", "pin", "tone", "led"])
    pin = -1 if output == "led" else rng.choice(pins)
    words = [output if output == "led" else f"{output}:{pin}"]
    idle, up, half, length = 0, 1, 0, 0
    if output == "pin" and rng.random() < 0.7:
        level = rng.choice(["high", "low"])
        words.append(level)
        idle, up = (0, 1) if level == "high" else (1, 0)
    if output == "tone":
        up = 880
        if rng.random() < 0.7:
            low, high = map(math.log, bounds.hz)
            up = round(math.exp(rng.uniform(low, high)))
            words.append(f"{up}hz")
    kind = rng.choice(["level", "pulse", "blink"])
    if kind == "pulse":
        words.append("pulse")
        half, count = 100, 1
        if rng.random() < 0.8:
            half = rng.randint(RANGES["width_ms"][0], bounds.width_ms)
            words.append(_time_text(rng, half))
            if rng.random() < 0.7:
                count = rng.randint(1, 5)
                words.append(str(count))
        length = (2 * count - 1) * half
    else:
        if kind == "blink":
            words.append("blink")
            half = 250
            if rng.random() < 0.8:
                half = rng.randint(RANGES["period_ms"][0] // 2, bounds.period_ms // 2)
                words.append(_time_text(rng, 2 * half))
        elif rng.random() < 0.3:
            words.append("on")
        # The word after a bare `blink` would be its period.
        if words[-1] != "blink" and rng.random() < 0.8:
            length = rng.choice([0, rng.randint(RANGES["last_ms"][0], bounds.last_ms)])
            words.append(_time_text(rng, length) if length else "event")
    text = ",".join(words)
    return Rule(text.upper() if rng.random() < 0.1 else text, pin, idle, up, half, length)


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
