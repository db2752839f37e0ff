"""Changes that a calibration makes in a detector: old and new thresholds, which way, and the false alarms to expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soundsdk_train.calibration.choice import Choice, ClassChoice

LOWERED, RAISED, KEPT, OTHER = "lowered", "raised", "kept", "changed"
_KEYS = ("on", "off", "min_ms", "hold_ms")


@dataclass
class ThresholdChange:
    """The thresholds of a label before and after; chosen: what was chosen, with the false alarms to expect of it."""

    label: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    chosen: ClassChoice

    @property
    def direction(self) -> str:
        """The way the label went: LOWERED, where it fires more easily than it did, RAISED, KEPT or OTHER.

        That is by `on`, and where it stays by min_ms.
        """
        for key in ("on", "min_ms"):
            if self.after[key] != self.before[key]:
                return LOWERED if self.after[key] < self.before[key] else RAISED
        return KEPT if all(self.after[key] == self.before[key] for key in _KEYS) else OTHER

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON: [before, after] of each threshold, and false alarms per hour."""
        return {
            "label": self.label,
            "direction": self.direction,
            **{key: [self.before[key], self.after[key]] for key in _KEYS},
            "expected_per_hour": round(self.chosen.expected_per_hour, 3),
            "likely_per_hour": round(self.chosen.likely_per_hour, 3),
        }

    def __str__(self) -> str:
        changed = [key for key in _KEYS if self.before[key] != self.after[key]]
        values = ", ".join(f"{key} {self.before[key]} → {self.after[key]}" for key in changed)
        return (
            f"{self.label} is {self.direction}{': ' if values else ''}{values}; "
            f"{self.chosen.expected_per_hour:.2g} false alarms an hour are expected of other sound of this kind, "
            f"{self.chosen.likely_per_hour:.2g} at most in nine of ten cases"
        )


def changes(before: Mapping[str, Any], labels: Sequence[str], choice: Choice) -> list[ThresholdChange]:
    """Return the change of every label that was chosen for. before: `detector` of the metadata as it was."""
    out = []
    for one in choice.classes:
        index = labels.index(one.label)
        out.append(ThresholdChange(one.label, before["classes"][index], choice.detector["classes"][index], one))
    return out
