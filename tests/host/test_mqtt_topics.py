"""Addresses of brokers, whose secrets no message shows, topics, and the names of boards."""

from __future__ import annotations

import contextlib
import io
import json
import traceback
from pathlib import Path

import pytest

from soundsdk.cli import run
from soundsdk.device.messages import Hello
from soundsdk.device.port_info import PortInfo
from soundsdk.errors import UsageError
from soundsdk.monitor.boards.identity import Identity, distinct, identify
from soundsdk.monitor.mqtt.address import Broker, parse
from soundsdk.monitor.mqtt.retained import Retained
from soundsdk.monitor.mqtt.topics import Topics, of_board, of_label, slug

HELLO = Hello(0, 1, "0.1", "rpi_pico", "m", "", 16000)


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SOUNDSDK_MQTT_USER", "SOUNDSDK_MQTT_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def test_addresses() -> None:
    assert parse("mqtt://h") == Broker("h", 1883, False, None, None, "soundsdk")
    assert parse("mqtts://h/a/b/") == Broker("h", 8883, True, None, None, "a/b")
    assert parse("mqtt://u%40x:p%2Fq@[::1]:99/x") == Broker("::1", 99, False, "u@x", "p/q", "x")
    assert parse("mqtt://u:p@q:r@h") == Broker("h", 1883, False, "u", "p@q:r", "soundsdk")
    assert str(parse("mqtt://[::1]")) == "mqtt://[::1]:1883/soundsdk"
    for wrong in ("h", "http://h", "mqtt://", "mqtt://h:x", "mqtt://h:99999", "mqtt://h/a+", "mqtt://h/%23",
                  "mqtt://h/a//b", "mqtt://h/a?b", "mqtt://:p@h", "mqtt://a b", "mqtt://[h"):  # fmt: skip
        with pytest.raises(UsageError):
            parse(wrong)


SECRET = "5ecret"
LEAKS = [
    f"mqtt://u:{mark.join(('a', SECRET))}@h{rest}" for mark in "/?#[:@%" for rest in ("", ":1883/x", "/x", ":x", "/+")
] + [
    f"mqtt://u:{SECRET}", f"mqtt://u:{SECRET}/x", f"mqtt://{SECRET}:/@h", f"http://u:{SECRET}@h", f"u:{SECRET}@h",
    f"mqtt:u:{SECRET}@h", f"mqtt://u:{SECRET}@", f"mqtt://u:{SECRET}@/x", f"mqtt://:{SECRET}@h", f"mqtt://u:{SECRET}@h:1/#",
]  # fmt: skip


@pytest.mark.parametrize("url", LEAKS)
def test_no_message_shows_a_password(url: str) -> None:
    """Neither an error, with --debug or without, nor the address as it is shown once it has been read."""
    shown = io.StringIO()
    try:
        broker = parse(url)
    except UsageError as error:
        shown.write(f"{error.message} {error.hint} {''.join(traceback.format_exception(error))}")
        # The lines of this test's own source are in a traceback; the secret is not written out there.
    else:
        shown.write(f"{broker} {broker!r}")
    assert SECRET not in shown.getvalue()
    with contextlib.redirect_stderr(shown), contextlib.suppress(UsageError):
        assert run(["monitor", "-p", "sim:none", "--mqtt", url]) == 2
    assert SECRET not in shown.getvalue()


def test_a_password_that_ends_the_address_is_told_how_to_be_written() -> None:
    for mark in "/?#":
        with pytest.raises(UsageError) as told:
            parse(f"mqtt://u:a{mark}b@h/x")
        assert "%2F for /" in told.value.hint
        assert "SOUNDSDK_MQTT_PASSWORD" in told.value.hint


def test_the_environment_gives_user_and_password_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDSDK_MQTT_USER", "me@home")
    monkeypatch.setenv("SOUNDSDK_MQTT_PASSWORD", "a/b%41#")
    assert parse("mqtt://h") == Broker("h", 1883, False, "me@home", "a/b%41#", "soundsdk")
    assert parse("mqtt://u@h") == Broker("h", 1883, False, "u", None, "soundsdk"), "the address comes first"
    monkeypatch.setenv("SOUNDSDK_MQTT_USER", "")
    with pytest.raises(UsageError, match="no user"):
        parse("mqtt://h")


def test_certificates_that_cannot_be_used_are_refused_before_any_connection(tmp_path: Path) -> None:
    empty = tmp_path / "with spaces.pem"
    empty.write_text("nothing\n")
    for authority, url in ((empty, "mqtts://h"), (tmp_path / "none", "mqtts://h"), (tmp_path, "mqtts://h"),
                           (empty, "mqtt://h")):  # fmt: skip
        with pytest.raises(UsageError) as told:
            parse(url, authority)
        assert "--mqtt-ca" in told.value.message
        assert told.value.hint


def test_every_label_is_a_level_of_its_own() -> None:
    labels = ["siren", "Siren", "smoke alarm", "smoke_alarm", "Ü", "Ö", "a/b", "a+b", "#", "…"]
    slugs = [slug(label) for label in labels]
    assert len(set(slugs)) == len(labels)
    assert slugs[0] == "siren"
    assert all(s and not set(s) - set("abcdefghijklmnopqrstuvwxyz0123456789_-") for s in slugs)


def test_discovery_names_topics_that_are_published() -> None:
    topics = Topics("soundsdk", "e661", "pc-1")
    topic, payload = of_label(topics, ["pc-1", "pi-2"], HELLO, "Pico", "siren")
    config = json.loads(payload)
    assert topic == "homeassistant/binary_sensor/soundsdk_e661/siren/config"
    assert config["state_topic"] == "soundsdk/e661/siren/state"
    assert [one["topic"] for one in config["availability"]] == [
        "soundsdk/e661/availability/pc-1",
        "soundsdk/e661/availability/pi-2",
    ]
    assert config["availability_mode"] == "any"
    assert config["unique_id"] == "soundsdk_e661_siren"
    assert config["device"]["identifiers"] == ["soundsdk_e661"]


def test_entities_are_named_by_default_entity_id() -> None:
    """Home Assistant takes object_id no longer, from 2026.4 on; default_entity_id holds the domain as well."""
    topics = Topics("home", "rpi_pico-e661", "pc-1")
    payloads = [of_label(topics, ["pc-1"], HELLO, "Pico", "Ü bell"), *of_board(topics, ["pc-1"], HELLO, "Pico")]
    for topic, payload in payloads:
        config = json.loads(payload)
        domain, _, name = config["default_entity_id"].partition(".")
        assert domain == topic.split("/")[1]
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789_")
        assert "object_id" not in config


def test_boards_of_one_kind_and_one_detector_share_no_topic_and_no_entity() -> None:
    """Two boards below one prefix differ by their node, one board below two prefixes by the prefix."""
    places = [("a", "b_c"), ("a/b", "c"), ("a_b", "c"), ("soundsdk", "c"), ("soundsdk", "b_c"), ("a", "b-c")]
    seen: set[str] = set()
    for prefix, node in places:
        topics = Topics(prefix, slug(node), "pc-1")
        configs = [of_label(topics, ["pc-1"], HELLO, "Pico", "siren"), *of_board(topics, ["pc-1"], HELLO, "Pico")]
        names = {topic for topic, _ in configs} | {topics.status, topics.state("siren"), topics.availability}
        names |= {json.loads(payload)["unique_id"] for _, payload in configs}
        assert not names & seen
        seen |= names


# ---- who a board is


class Port:
    def __init__(self, path: str, serial_number: str | None = None, location: str | None = None) -> None:
        self.path, self.serial_number = path, serial_number
        self.port = None
        if "://" not in path and not path.startswith("sim:"):
            self.port = PortInfo(path, "bridge", 0x10C4, 0xEA60, serial_number, location=location)


def names(*places: Port, host: str = "pc") -> list[Identity]:
    listed = [place.port for place in places if place.port]
    out: list[Identity] = []
    for place in places:
        out.append(distinct(identify("esp32", place, listed, host), out))
    return out


def test_a_serial_number_of_its_own_names_a_board_wherever_it_is() -> None:
    (one,) = names(Port("/dev/ttyACM0", "E6614103E7452D2F"))
    assert one == Identity("esp32-E6614103E7452D2F", "esp32-E6614103E7452D2F")
    assert names(Port("/dev/ttyACM7", "E6614103E7452D2F"), host="pi") == [one]


@pytest.mark.parametrize("number", [None, "0001", "00000000", "0123456789AB"])
def test_boards_without_a_serial_number_of_their_own_are_told_apart_by_computer_and_socket(number: str | None) -> None:
    """Two bridges of one maker: no serial number, the chip's default, or the same for both."""
    two = [Port("/dev/ttyUSB0", number, "1-1"), Port("/dev/ttyUSB1", number, "1-2")]
    here, there = names(*two), names(*two, host="pi")
    assert [one.name for one in here] == ["esp32-ttyUSB0", "esp32-ttyUSB1"]
    assert len({one.node for one in here + there}) == 4
    swapped = names(Port("/dev/ttyUSB1", number, "1-1"), Port("/dev/ttyUSB0", number, "1-2"))
    assert [one.node for one in swapped] == [one.node for one in here], "the socket, not the order of plugging in"


def test_boards_behind_addresses_and_virtual_boards_have_names() -> None:
    there = Port("rfc2217://pi.local:4000")
    assert names(there)[0].node == names(there, host="other")[0].node == "esp32-pi.local:4000"
    local = Port("socket://127.0.0.1:4000")
    assert names(local)[0].node != names(local, host="other")[0].node
    assert [one.name for one in names(Port("sim:sim"), Port("sim:sim,file=a.wav"))] == ["esp32", "esp32-2"]


# ---- what a broker keeps


def test_other_monitors_count_until_they_have_ended() -> None:
    topics = Topics("p", "n", "me-1")
    retained = Retained(topics)
    for monitor, said in (("a-1", "online"), ("b-2", "waiting"), ("c-3", "offline"), ("d-4", "")):
        assert retained.hear(topics.availability_of(monitor), said, "online")
    assert not retained.settled
    assert retained.hear(topics.availability, "online", "online")
    assert retained.settled
    assert retained.monitors() == ["a-1", "b-2", "me-1"]
    assert retained.ended() == ["p/n/availability/c-3"]
    assert retained.ended() == []
    assert not retained.hear(topics.availability, "offline", "online"), "the will of a connection that broke"


def test_a_label_that_is_called_availability_is_a_label() -> None:
    topics = Topics("p", "n", "me-1")
    retained = Retained(topics)
    retained.hear(topics.state("availability"), "ON", "online")
    assert retained.monitors() == ["me-1"]
    assert retained.stale(["availability"]) == []
    assert retained.stale(["siren"]) == ["p/n/availability/state"]
