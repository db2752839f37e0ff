"""The outputs of a virtual board that can be watched: what a rule of actions does, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from soundfw import FirmwareError
from soundfw.act import rules
from soundfw.act.pins import NoPins
from soundfw.settings import LED
from soundsdk.detector_file import DetectorFile
from soundsdk.device.changes import parse
from soundsdk.errors import UsageError
from soundsdk.labels import meant, printable


@dataclass(frozen=True)
class OutputChange:
    """One switching of an output. kind: pin, tone or led, as in a rule; gpio: None for the LED.

    value: 1 or 0 of a pin and of the LED, the frequency in Hz of a tone, 0 for silence. at_s: since the board's start.
    """

    kind: str
    gpio: int | None
    value: int
    at_s: float

    def text(self) -> str:
        """Return a sentence, such as `GPIO 15 high at 3.86 s`."""
        if self.kind == "led":
            what = "LED on" if self.value else "LED off"
        elif self.kind == "tone":
            what = f"GPIO {self.gpio} {f'{self.value} Hz' if self.value else 'silent'}"
        else:
            what = f"GPIO {self.gpio} {'high' if self.value else 'low'}"
        return f"{what} at {self.at_s:.2f} s"

    def json(self) -> dict[str, Any]:
        """Return the object that `soundsdk sim --json` prints."""
        return {"type": "output", "kind": self.kind, "gpio": self.gpio, "value": self.value, "at_s": self.at_s}


class WatchedOutputs(NoPins):
    """Stand-ins for pins (see soundfw.act.pins) that tell each change after the first state. clock: seconds."""

    def __init__(self, clock: Callable[[], float], on_change: Callable[[OutputChange], None]) -> None:
        super().__init__()
        self._clock = clock
        self._on_change = on_change

    def level(self, pin: int, value: int) -> Callable[[int], None]:
        """Return the switch of a pin that begins with `value`."""
        return self._switch("pin", pin, value)

    def tone(self, pin: int, hz: int) -> Callable[[int], None]:
        """Return the switch of a buzzer, silent at first."""
        return self._switch("tone", pin, 0)

    def pixel(self, pin: int, color: Any) -> Callable[[int], None]:
        """Return the switch of the LED, dark at first."""
        return self._switch("led", pin, 0)

    def _switch(self, kind: str, pin: int, value: int) -> Callable[[int], None]:
        self.state[pin] = value

        def switch(new: int) -> None:
            if self.state[pin] != new:
                self.state[pin] = new
                gpio = None if kind == "led" else pin
                self._on_change(OutputChange(kind, gpio, new, round(self._clock(), 6)))

        return switch


def rules_of(words: Iterable[str], detector: DetectorFile) -> dict[str, str]:
    """Return the rules by label that words such as `action.siren=led` stand for; UsageError names a wrong one.

    `action=RULE` is the rule of every class that has none of its own.
    """
    found: dict[str, str] = {}
    # Those for every class first: the one of a label is meant more.
    for label, values in sorted(parse(list(words)).items(), key=lambda item: item[0] is not None):
        others = sorted(values.keys() - {"action"})
        if others:
            raise UsageError("--set takes rules, such as action.siren=pin:15,high,2s.", "Leave the thresholds out.")
        if label is not None and label not in detector.labels:
            known = ", ".join(map(printable, detector.labels))
            said = meant(label, detector.labels)
            raise UsageError(f"{detector.name} has no label {printable(label)}.", f"{said}Known: {known}.")
        found |= dict.fromkeys(detector.labels if label is None else [label], str(values["action"]))
    return found


def led_for(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of an LED at a GPIO that no rule names; of none if no rule needs one.

    Raises UsageError for a rule that is wrong, and if the rules leave no GPIO.
    """
    try:
        actions = [action for text in texts.values() for action in rules.parse(text)]
    except FirmwareError as error:
        raise UsageError(f"{error.args[1]}.", "soundsdk set --help shows how actions are written.") from error
    if not any(action.output == "led" for action in actions):
        return {"kind": "none"}
    _, _, low, high = next(rule for rule in LED if rule[0] == "pin")
    free = set(range(low, high + 1)) - {action.pin for action in actions}
    if not free:
        raise UsageError("the rules take every GPIO, and leave none for the LED.", "Leave one out.")
    return {"kind": "ws2812", "pin": max(free)}
