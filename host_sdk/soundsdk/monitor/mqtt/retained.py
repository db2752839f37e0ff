"""The messages that a broker has kept of a board: which monitors are there, and which topics have to go."""

from __future__ import annotations

import threading
from collections.abc import Collection

from soundsdk.monitor.mqtt.topics import OFFLINE, Topics

TOPICS = 10_000  # that are remembered: no detector has as many labels


class Retained:
    """The messages that were heard below a board's topics; hear() may be called from another thread than the rest.

    settled: the broker has sent everything that it had kept, which it does before it sends what came later.
    """

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._lock = threading.Lock()
        self._heard: dict[str, str] = {}  # topics of labels that are not empty
        self._others: dict[str, str] = {}  # what the other monitors say
        self.settled = False

    def begin(self) -> None:
        """Start again with a new connection."""
        with self._lock:
            self._heard.clear()
            self._others.clear()
            self.settled = False

    def hear(self, topic: str, payload: str, mine: str) -> bool:
        """Take note of a message. mine: what this monitor says of itself; return False if the broker says otherwise."""
        with self._lock:
            monitor = self._topics.monitor_of(topic)
            if monitor == self._topics.monitor:
                self.settled = True
                return payload == mine
            if monitor is not None:
                self._put(self._others, topic, payload)
            elif self._topics.is_label(topic):
                self._put(self._heard, topic, payload)
        return True

    @staticmethod
    def _put(there: dict[str, str], topic: str, payload: str) -> None:
        if not payload:
            there.pop(topic, None)
        elif topic in there or len(there) < TOPICS:
            there[topic] = payload

    def monitors(self) -> list[str]:
        """Return all monitors that have not ended, this one among them."""
        with self._lock:
            others = [topic.rpartition("/")[2] for topic, said in self._others.items() if said != OFFLINE]
        return sorted([self._topics.monitor, *others])

    def ended(self) -> list[str]:
        """Return the topics of monitors that have ended, and forget them: whoever hears of one clears its topic."""
        with self._lock:
            gone = [topic for topic, said in self._others.items() if said == OFFLINE]
            for topic in gone:
                del self._others[topic]
        return gone

    def get(self, topic: str) -> str | None:
        """Return the message of a label's topic."""
        with self._lock:
            return self._heard.get(topic)

    def stale(self, labels: Collection[str]) -> list[str]:
        """Return the topics of labels other than these, and forget them."""
        valid = {
            topic
            for label in labels
            for topic in (self._topics.state(label), self._topics.last(label), self._topics.config(label))
        }
        with self._lock:
            gone = [topic for topic in self._heard if topic not in valid]
            for topic in gone:
                del self._heard[topic]
        return gone
