"""Which events are shown: `--label` and `--min-score`."""

from __future__ import annotations

from collections.abc import Collection

from soundsdk.device.messages import Event


class EventFilter:
    """An event counts if its label is among `labels` (empty: all) and its score reaches min_score at any time.

    One that reaches it only after its onset was decided is passed on when it ends, both edges at once.
    """

    def __init__(self, labels: Collection[str] = (), min_score: float = 0.0) -> None:
        self.labels = frozenset(labels)
        self._min_score = min_score
        self._going_on: dict[str, Event | None] = {}  # by label: the onset that was held back, None if it was shown

    def select(self, event: Event) -> list[Event]:
        """The events that are to be shown now that this one has come."""
        if self.labels and event.label not in self.labels:
            return []
        enough = event.peak >= self._min_score
        if event.edge == "on":
            self._going_on[event.label] = None if enough else event
            return [event] if enough else []
        known = event.label in self._going_on
        onset = self._going_on.pop(event.label, None)
        if known and onset is None:
            return [event]
        if not enough:
            return []
        return [event] if onset is None else [onset, event]

    def restart(self) -> None:
        """The board has started anew: what went on has no end."""
        self._going_on.clear()
