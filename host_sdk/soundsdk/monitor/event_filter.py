"""The events to show, by `--label` and `--min-score`."""

from __future__ import annotations

from collections.abc import Collection

from soundsdk.device.messages import Event


class EventFilter:
    """A filter that passes events with one of `labels` (empty: all) whose score reaches min_score at any time.

    An event that reaches it only after its onset passes when it ends, both edges at once.
    """

    def __init__(self, labels: Collection[str] = (), min_score: float = 0.0) -> None:
        self.labels = frozenset(labels)
        self._min_score = min_score
        self._active: dict[str, Event | None] = {}  # by label: the onset that was held back, None if it was shown

    def select(self, event: Event) -> list[Event]:
        """Return the events to show now that this one has arrived."""
        if self.labels and event.label not in self.labels:
            return []
        enough = event.peak >= self._min_score
        if event.edge == "on":
            self._active[event.label] = None if enough else event
            return [event] if enough else []
        known = event.label in self._active
        onset = self._active.pop(event.label, None)
        if known and onset is None:
            return [event]
        if not enough:
            return []
        return [event] if onset is None else [onset, event]

    def restart(self) -> None:
        """Forget the open events after a restart of the board: they will not end."""
        self._active.clear()
