"""A proof that a detector's settings let every class begin and end an event.

The firmware's own detector is fed what the network's quantised output allows: quiet, then the highest score of one
class for SOUND_S, then quiet again. A class whose event does not begin within the sound can never fire on a sound of
that length, and one whose event does not end afterwards fires once and is deaf from then on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from soundsdk.detector_file import DetectorFile
from soundsdk.labels import is_background

SOUND_S = 10.0  # a class that needs a longer sound than this is called unreachable
_QUIET_S = 5.0
_HIGH, _LOW = 127, -128  # of an int8 tensor


@dataclass(frozen=True)
class Unreachable:
    """A class that cannot fire, or whose event cannot end, and the reason in words."""

    label: str
    reason: str

    def __str__(self) -> str:
        return f"{self.label}: {self.reason}"


def unreachable_classes(detector: DetectorFile) -> list[Unreachable]:
    """Return the classes whose settings keep them from working; empty if every class can fire and end."""
    return unreachable_in(detector.data, detector.metadata)


def unreachable_in(model: bytes, metadata: dict[str, Any]) -> list[Unreachable]:
    """Do the same for a file's bytes with metadata that need not be the file's. FirmwareError if out of range."""
    import soundcore

    from soundfw.detect import detector as firmware

    stream = soundcore.Stream(model)
    out = []
    for index, label in enumerate(metadata["labels"]):
        if is_background(label):
            continue  # it is not meant to fire
        rule = metadata["detector"]["classes"][index]
        if rule["off"] >= rule["on"]:
            out.append(Unreachable(label, _flutter(rule)))
            continue
        detector = firmware.from_stream(stream, metadata)
        reason = _try(_Trace(detector, stream, metadata, index), rule)
        if reason:
            out.append(Unreachable(label, reason))
    return out


def as_set_takes(rule: dict[str, int]) -> str:
    """Return the thresholds of a class as `soundsdk set` takes them: scores from 0 to 1, durations in milliseconds."""
    names = {"on": "threshold"}
    return "  ".join(
        f"{names.get(key, key)} {value if key.endswith('_ms') else format(value / 1000, 'g')}"
        for key, value in rule.items()
    )


def _flutter(rule: dict[str, int]) -> str:
    off, threshold = rule["off"] / 1000, rule["on"] / 1000
    return f"off {off:g} is not below the threshold {threshold:g}, so an event would flutter"


def highest_scores(model: bytes, metadata: dict[str, Any], pool_ms: int) -> list[int]:
    """Return the highest score, 0..1000, that each class reaches within SOUND_S under a pooling."""
    import soundcore

    from soundfw.detect import detector as firmware

    stream = soundcore.Stream(model)
    settings = {**metadata, "detector": {**metadata["detector"], "pool_ms": pool_ms}}
    out = []
    for index in range(len(metadata["labels"])):
        trace = _Trace(firmware.from_stream(stream, settings), stream, settings, index)
        trace.run(_QUIET_S, loud=False)
        trace.run(SOUND_S, loud=True)
        out.append(trace.highest)
    return out


class _Trace:
    """A detector that is fed the extremes of one class, step by step."""

    def __init__(self, detector: Any, stream: Any, metadata: dict[str, Any], index: int) -> None:
        self._detector, self._index = detector, index
        self._step, self._rate = int(stream.step_samples), int(metadata["frontend"]["rate_hz"])
        attention = len(stream.attention)
        self._attention = [stream.attention_quant[1]] * attention if attention else []
        count = len(detector.labels)
        self._loud = [_HIGH if i == index else _LOW for i in range(count)]
        # A softmax is lowest where another class has all of it.
        others = _HIGH if metadata["head"] == "softmax" else _LOW
        self._quiet = [_LOW if i == index else others for i in range(count)]
        self._now = 0
        self.highest = self.lowest = 0

    def run(self, seconds: float, loud: bool) -> bool:
        """Feed the highest or the lowest logit; return True if the class's event began or ended."""
        changed = False
        for _ in range(max(1, int(seconds * self._rate / self._step))):
            self._now += self._step
            self._detector.step(self._loud if loud else self._quiet, self._attention, self._now)
            self.lowest = self._detector.scores[self._index]
            self.highest = max(self.highest, self.lowest)
            changed = changed or self._detector.edge[self._index] != 0
        return changed


def _try(trace: _Trace, rule: dict[str, int]) -> str:
    """Return why the class does not fire or does not end; "" if it does both."""
    trace.run(_QUIET_S, loud=False)
    if not trace.run(SOUND_S, loud=True):
        if trace.highest < rule["on"]:
            high, threshold = trace.highest / 1000, rule["on"] / 1000
            return f"its score reaches {high:g} at most, its threshold is {threshold:g}: train it longer, or lower that"
        return f"min_ms {rule['min_ms']} is longer than {SOUND_S:g} s of its sound leave it at or above its threshold"
    if not trace.run(SOUND_S + rule["hold_ms"] / 1000, loud=False):
        if trace.lowest >= rule["off"]:
            low, off = trace.lowest / 1000, rule["off"] / 1000
            return f"its score falls to {low:g} at least, and off is {off:g}: its event never ends"
        return f"its event does not end {SOUND_S:g} s and hold_ms after the sound"
    return ""
