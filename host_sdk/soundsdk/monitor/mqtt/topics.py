"""The topics of a board on an MQTT broker, and its discovery by Home Assistant. Nothing here connects to a broker.

Below PREFIX/NODE, NODE being the board's kind and USB serial number (else its computer and socket):

    availability/MONITOR    online, waiting (the board is unplugged), offline (the monitor has ended: its last will)
    event                   JSON of each edge, as in --log (all but this are retained)
    status                  JSON of the newest status
    LABEL/state             ON, OFF
    LABEL/event             JSON of its newest edge

A board is available while any monitor says online. Home Assistant's discovery reads retained messages below
homeassistant/ (its documentation, "MQTT discovery"; availability_mode, default_entity_id: "MQTT binary sensor").
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from soundsdk import __version__
from soundsdk.device.messages import Hello

DISCOVERY = "homeassistant"
ONLINE, WAITING, OFFLINE = "online", "waiting", "offline"
_DEFAULT_PREFIX = "soundsdk"


def slug(text: str) -> str:
    """Return a text as a level of a topic: a-z, 0-9, - and _; never empty, and different for different texts."""
    plain = re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_")
    if plain == text:
        return plain
    # What was changed gets a mark, so that "Ü" and "Ö" are two.
    return f"{plain}{'_' if plain else 'x'}{zlib.crc32(text.encode()):08x}"


@dataclass(frozen=True)
class Topics:
    """The topics of one board. monitor: a name of the program that publishes, which no other has."""

    prefix: str
    node: str
    monitor: str

    @property
    def base(self) -> str:
        """The root of all topics of the board."""
        return f"{self.prefix}/{self.node}"

    @property
    def device(self) -> str:
        """The name of the board in Home Assistant, which no board below another prefix has."""
        default = self.prefix == _DEFAULT_PREFIX
        return f"soundsdk_{self.node}" if default else f"soundsdk_{slug(self.base)}"

    @property
    def availability(self) -> str:
        """The topic of what this monitor says: ONLINE, WAITING or OFFLINE."""
        return self.availability_of(self.monitor)

    def availability_of(self, monitor: str) -> str:
        """Return the topic of what a monitor says."""
        return f"{self.base}/availability/{monitor}"

    @property
    def status(self) -> str:
        """The topic of the newest status."""
        return f"{self.base}/status"

    @property
    def event(self) -> str:
        """The topic of every edge of an event."""
        return f"{self.base}/event"

    def state(self, label: str) -> str:
        """Return the topic of ON and OFF of a label."""
        return f"{self.base}/{slug(label)}/state"

    def last(self, label: str) -> str:
        """Return the topic of the newest edge of a label."""
        return f"{self.base}/{slug(label)}/event"

    def config(self, label: str) -> str:
        """Return the topic of a label's discovery."""
        return f"{DISCOVERY}/binary_sensor/{self.device}/{slug(label)}/config"

    @property
    def filters(self) -> list[str]:
        """The topics to subscribe to in order to hear everything retained of the board, of any monitor."""
        mine = [f"{self.base}/{rest}" for rest in ("availability/+", "+/state", "+/event")]
        return [*mine, f"{DISCOVERY}/+/{self.device}/+/config"]

    def monitor_of(self, topic: str) -> str | None:
        """Return the monitor whose availability a topic holds; None if it holds something else."""
        head, _, monitor = topic.rpartition("/")
        # The names of monitors have a hyphen: these are topics of a label that is called availability.
        return monitor if head == f"{self.base}/availability" and monitor not in ("state", "event") else None

    def is_label(self, topic: str) -> bool:
        """Return whether a topic belongs to a label: one of this detector or one that has gone."""
        if re.fullmatch(rf"{DISCOVERY}/binary_sensor/{re.escape(self.device)}/[^/]+/config", topic):
            return True
        return re.fullmatch(rf"{re.escape(self.base)}/[^/]+/(state|event)", topic) is not None


def _common(
    topics: Topics, monitors: Collection[str], hello: Hello, board_name: str, name: str, domain: str, thing: str
) -> dict[str, Any]:
    below = "" if topics.prefix == _DEFAULT_PREFIX else f" ({topics.prefix})"
    device = {
        "identifiers": [topics.device],
        "name": f"soundsdk {topics.node}{below}",
        "manufacturer": "soundsdk",
        "model": board_name,
        "sw_version": f"{hello.fw}, detector {hello.model}",
    }
    return {
        "name": name,
        "unique_id": f"{topics.device}_{thing}",
        "default_entity_id": f"{domain}.{topics.device}_{thing}".replace("-", "_"),
        "availability": [_availability(topics.availability_of(monitor)) for monitor in sorted(monitors)],
        "availability_mode": "any",
        "device": device,
        "origin": {"name": "soundsdk", "sw_version": __version__},
    }


def _availability(topic: str) -> dict[str, str]:
    # Anything else than online, such as the empty message of a topic that was cleared, is not available.
    return {"topic": topic, "value_template": f"{{{{ 'online' if value == '{ONLINE}' else 'offline' }}}}"}


def of_label(
    topics: Topics, monitors: Collection[str], hello: Hello, board_name: str, label: str
) -> tuple[str, str]:
    """Return topic and payload that make a label a binary sensor. monitors: those whose availability counts."""
    config = {
        **_common(topics, monitors, hello, board_name, label, "binary_sensor", slug(label)),
        "device_class": "sound",
        "state_topic": topics.state(label),
        "json_attributes_topic": topics.last(label),
    }
    return topics.config(label), json.dumps(config)


def of_board(topics: Topics, monitors: Collection[str], hello: Hello, board_name: str) -> list[tuple[str, str]]:
    """Return topics and payloads that make sensors of the level and of the lost samples."""
    level = {
        **_common(topics, monitors, hello, board_name, "Level", "sensor", "level-dbfs"),
        "state_topic": topics.status,
        "value_template": "{{ value_json.level_dbfs }}",
        "unit_of_measurement": "dBFS",
        "state_class": "measurement",
    }
    lost = {
        **_common(topics, monitors, hello, board_name, "Samples lost", "sensor", "samples-lost"),
        "state_topic": topics.status,
        "value_template": "{{ value_json.lost }}",
        "state_class": "total_increasing",
        "entity_category": "diagnostic",
    }
    root = f"{DISCOVERY}/sensor/{topics.device}"
    return [(f"{root}/level/config", json.dumps(level)), (f"{root}/lost/config", json.dumps(lost))]
