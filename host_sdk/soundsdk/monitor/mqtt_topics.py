"""The topics of a board on an MQTT broker, and its discovery by Home Assistant. Nothing here connects to a broker.

Below PREFIX/NODE, NODE being the board's USB serial number, else its id:

    availability        online, offline (retained; offline is the last will)
    event               JSON of each edge, as in --log
    status              JSON of the newest status (retained)
    LABEL/state         ON, OFF (retained)
    LABEL/event         JSON of its newest edge (retained)

Home Assistant's discovery reads retained messages below homeassistant/ (its documentation, "MQTT discovery").
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from soundsdk import __version__
from soundsdk.device.messages import Hello
from soundsdk.errors import UsageError

DISCOVERY = "homeassistant"
_EXAMPLE = "Give mqtt://HOST/PREFIX, such as mqtt://user:password@broker.local/sounds."


@dataclass(frozen=True)
class Broker:
    """The address of a broker. user, password: None if it needs none."""

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None
    prefix: str

    def __str__(self) -> str:
        """Return the address without the password."""
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}/{self.prefix}"


def parse(url: str) -> Broker:
    """Parse mqtt[s]://[user[:password]@]host[:port][/prefix]; UsageError if it is malformed.

    User and password are percent-decoded. Without a prefix: soundsdk.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"that is no MQTT address: {error}.", _EXAMPLE) from error
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise UsageError("an MQTT address begins with mqtt://HOST or mqtts://HOST.", _EXAMPLE)
    prefix = unquote(parts.path).strip("/") or "soundsdk"
    if parts.query or parts.fragment or re.search(r"[+#\x00-\x1f]|//", prefix):
        raise UsageError("an MQTT prefix has none of + # ? and no empty level.", _EXAMPLE)
    tls = parts.scheme == "mqtts"
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return Broker(parts.hostname, port or (8883 if tls else 1883), tls, user, password, prefix)


def slug(text: str) -> str:
    """Return a text as a level of a topic: a-z, 0-9, - and _; never empty, and different for different labels."""
    plain = re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_")
    if plain == text:
        return plain
    # What was changed gets a mark, so that "Ü" and "Ö" are two.
    import zlib

    return f"{plain}{'_' if plain else 'x'}{zlib.crc32(text.encode()):08x}"


@dataclass(frozen=True)
class Topics:
    """The topics of one board."""

    prefix: str
    node: str

    @property
    def base(self) -> str:
        """The root of all topics of the board."""
        return f"{self.prefix}/{self.node}"

    @property
    def availability(self) -> str:
        """The topic of online and offline."""
        return f"{self.base}/availability"

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


def _common(topics: Topics, hello: Hello, board_name: str, name: str, thing: str) -> dict[str, Any]:
    device = {
        "identifiers": [f"soundsdk_{topics.node}"],
        "name": f"soundsdk {topics.node}",
        "manufacturer": "soundsdk",
        "model": board_name,
        "sw_version": f"{hello.fw}, detector {hello.model}",
    }
    return {
        "name": name,
        "unique_id": f"soundsdk_{topics.node}_{thing}",
        "object_id": f"soundsdk_{topics.node}_{thing}",
        "availability_topic": topics.availability,
        "device": device,
        "origin": {"name": "soundsdk", "sw_version": __version__},
    }


def of_label(topics: Topics, hello: Hello, board_name: str, label: str) -> tuple[str, str]:
    """Return topic and payload that make a label a binary sensor."""
    thing = slug(label)
    config = {
        **_common(topics, hello, board_name, label, thing),
        "device_class": "sound",
        "state_topic": topics.state(label),
        "json_attributes_topic": topics.last(label),
    }
    return f"{DISCOVERY}/binary_sensor/soundsdk_{topics.node}/{thing}/config", json.dumps(config)


def of_board(topics: Topics, hello: Hello, board_name: str) -> list[tuple[str, str]]:
    """Return topics and payloads that make sensors of the level and of the lost samples."""
    level = {
        **_common(topics, hello, board_name, "Level", "level-dbfs"),
        "state_topic": topics.status,
        "value_template": "{{ value_json.level_dbfs }}",
        "unit_of_measurement": "dBFS",
        "state_class": "measurement",
    }
    lost = {
        **_common(topics, hello, board_name, "Samples lost", "samples-lost"),
        "state_topic": topics.status,
        "value_template": "{{ value_json.lost }}",
        "state_class": "total_increasing",
        "entity_category": "diagnostic",
    }
    root = f"{DISCOVERY}/sensor/soundsdk_{topics.node}"
    return [(f"{root}/level/config", json.dumps(level)), (f"{root}/lost/config", json.dumps(lost))]
