"""The matching of detected events with true ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from soundsdk.labels import LabelledSpan
from soundsdk_sim.scenes.scene import ALARM_LABELS, SceneEvent

MARGIN_S = 1.0  # an onset this near to the true one is on time, as is an end no later than this after the sound


@dataclass
class Matched:
    """The outcome of one scene.

    pairs: (true event, the detector's first event for it or None if it was missed). ends_s: for each pair where the
    last event for it ended, also of one that counts as false; None if it was missed.
    """

    pairs: list[tuple[SceneEvent, LabelledSpan | None]] = field(default_factory=list)
    false: list[LabelledSpan] = field(default_factory=list)
    ends_s: list[float | None] = field(default_factory=list)

    def end_delays_s(self) -> list[float | None]:
        """Return for each pair how long after its sound was last heard its events ended; None if it was missed."""
        return [
            None if end is None else end - true.silent_from_s
            for (true, _), end in zip(self.pairs, self.ends_s, strict=True)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON: the true events, each with what was found of it (None: missed), and the false ones."""
        events = [
            {**asdict(true), "found": asdict(found) if found else None, "end_delay_s": delay}
            for (true, found), delay in zip(self.pairs, self.end_delays_s(), strict=True)
        ]
        return {"events": events, "false": [asdict(span) for span in self.false]}


def on_time(true: SceneEvent, found: LabelledSpan | None) -> bool:
    """Return True if the event was found with its onset within MARGIN_S."""
    return found is not None and abs(found.onset_s - true.onset_s) <= MARGIN_S


def match(truth: Sequence[SceneEvent], found: Sequence[LabelledSpan], labels: Sequence[str]) -> Matched:
    """Pair true and detected events of the given labels.

    A found event belongs to a true one of its label if it begins between MARGIN_S before its onset and MARGIN_S after
    its offset. An alarm is one event: a second one for it is false. A dog that barks again is no error, so other
    labels may have several. A detected event that belongs to no true one is false.
    """
    out = Matched()
    left = sorted((f for f in found if f.label in labels), key=lambda f: f.onset_s)
    for true in sorted((t for t in truth if t.label in labels), key=lambda t: t.onset_s):
        own = [
            f
            for f in left
            if f.label == true.label and true.onset_s - MARGIN_S <= f.onset_s <= true.offset_s + MARGIN_S
        ]
        out.pairs.append((true, own[0] if own else None))
        out.ends_s.append(max((f.offset_s for f in own), default=None))
        if true.label in ALARM_LABELS:
            own = own[:1]
        left = [f for f in left if f not in own]
    out.false = left
    return out
