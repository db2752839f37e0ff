"""`soundsdk monitor --mqtt` with a real Mosquitto at a loopback port."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mosquitto import LIMIT_S, MOSQUITTO, Listener, Monitor, Mosquitto, free_port

from soundsdk.device.messages import Hello
from soundsdk.monitor.boards.board import monitored
from soundsdk.monitor.boards.identity import Identity
from soundsdk.monitor.mqtt.address import parse
from soundsdk.monitor.mqtt.topics import slug

NODE = slug(f"sim-{socket.gethostname()}")  # of a virtual board, which has no serial number

needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None, reason="there is no Mosquitto here (Debian: apt-get install mosquitto)"
)


@pytest.fixture
def closing() -> Iterator[Callable[[Any], Any]]:
    """Close what it is given, the newest first."""
    things: list[Any] = []

    def keep(thing: Any) -> Any:
        things.append(thing)
        return thing

    yield keep
    for thing in reversed(things):
        (thing.close if hasattr(thing, "close") else thing.stop)()


@needs_mosquitto
def test_events_status_and_discovery_reach_a_broker(tmp_path: Path, closing: Any) -> None:
    broker = closing(Mosquitto(tmp_path))
    listener = closing(Listener(broker.port))
    monitor = closing(Monitor(tmp_path, f"mqtt://127.0.0.1:{broker.port}/home/sounds"))
    base = f"home/sounds/{NODE}"
    listener.wait(lambda: len(listener.of(f"{base}/event")) >= 4, "four edges")
    first, second = (json.loads(payload) for payload in listener.of(f"{base}/event")[:2])
    assert (first["label"], first["edge"], second["edge"]) == ("high", "on", "off")
    states = listener.of(f"{base}/high/state")
    assert "".join(states).replace("OFFON", "ON").startswith("ONOFF"), states  # at first off, if it was not on already
    assert json.loads(listener.of(f"{base}/high/event")[0]) == first
    listener.wait(lambda: f"{base}/status" in listener.kept, "status")
    assert json.loads(listener.kept[f"{base}/status"])["lost"] == 0
    assert listener.monitors(base) == ["online"]
    sensors = {topic: json.loads(text) for topic, text in listener.kept.items() if topic.startswith("homeassistant/")}
    assert sorted(topic.split("/")[-2] for topic in sensors) == ["high", "level", "lost", "low"]
    for config in sensors.values():
        assert config["state_topic"] in listener.kept
        assert config["availability_mode"] == "any"
        assert [listener.kept[one["topic"]] for one in config["availability"]] == ["online"]
    assert len({json.dumps(config["device"]["identifiers"]) for config in sensors.values()}) == 1

    # Who comes later is told at once.
    late = closing(Listener(broker.port))
    late.wait(lambda: {t for t, _, kept in late.messages if kept} >= set(sensors), "retained configurations")

    # Ctrl-C says goodbye.
    monitor.process.send_signal(signal.SIGINT)
    assert monitor.process.wait(timeout=LIMIT_S) == 130
    listener.wait(lambda: listener.monitors(base) == ["offline"], "goodbye")


@needs_mosquitto
def test_the_last_will_says_that_a_monitor_has_died(tmp_path: Path, closing: Any) -> None:
    broker = closing(Mosquitto(tmp_path))
    listener = closing(Listener(broker.port))
    monitor = closing(Monitor(tmp_path, f"mqtt://127.0.0.1:{broker.port}"))
    base = f"soundsdk/{NODE}"
    listener.wait(lambda: listener.monitors(base) == ["online"], "online")
    monitor.process.kill()
    listener.wait(lambda: listener.monitors(base) == ["offline"], "last will")


@needs_mosquitto
def test_a_broker_that_comes_late_and_goes_away_stops_nothing(tmp_path: Path, closing: Any) -> None:
    port = free_port()
    monitor = closing(Monitor(tmp_path, f"mqtt://127.0.0.1:{port}/p", "--format", "jsonl"))
    monitor.wait_said("cannot be reached")

    def shown() -> int:
        return monitor.shown.read_text().count('"type":"event"')

    deadline = time.monotonic() + LIMIT_S
    while shown() < 2:  # the monitor goes on
        assert time.monotonic() < deadline
        time.sleep(0.05)
    broker = closing(Mosquitto(tmp_path, port=port))
    listener = closing(Listener(port))
    events = f"p/{NODE}/event"
    listener.wait(lambda: listener.of(events), "events that waited")
    assert json.loads(listener.of(events)[0])["id"] == 1, "none was lost"
    broker.stop()
    monitor.wait_said("is gone")
    before = shown()
    while shown() < before + 2:
        assert time.monotonic() < deadline + LIMIT_S
        time.sleep(0.05)
    broker.start()
    count = len(listener.of(events))
    listener.wait(lambda: len(listener.of(events)) >= count + 2, "events again")
    listener.wait(lambda: listener.messages[-1] and listener.monitors(f"p/{NODE}") == ["online"], "online again")
    ids = [json.loads(payload)["seq"] for payload in listener.of(events)]
    assert sorted(set(ids)) == sorted(set(ids), key=ids.index), "in order"


@needs_mosquitto
def test_a_wrong_password_is_reported_and_a_right_one_works(tmp_path: Path, closing: Any) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "me", "p@ss"], check=True, capture_output=True)
    passwords.chmod(0o644)
    broker = closing(Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}"))
    wrong = closing(Monitor(tmp_path, f"mqtt://me:no@127.0.0.1:{broker.port}"))
    wrong.wait_said("not authorized")
    wrong.wait_said("SOUNDSDK_MQTT_PASSWORD")
    assert ":no" not in wrong.said.read_text()
    assert wrong.process.poll() is None, "it goes on"
    wrong.close()
    listener = closing(Listener(broker.port, "me", "p@ss"))
    closing(Monitor(tmp_path, f"mqtt://me:p%40ss@127.0.0.1:{broker.port}"))
    listener.wait(lambda: listener.monitors(f"soundsdk/{NODE}") == ["online"], "online")


@needs_mosquitto
@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make a certificate with")
def test_mqtts_believes_a_known_certificate_and_no_other(tmp_path: Path, closing: Any) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(words, check=True, capture_output=True)
    key.chmod(0o644)
    broker = closing(Mosquitto(tmp_path, "allow_anonymous true", f"certfile {certificate}", f"keyfile {key}"))
    url = f"mqtts://localhost:{broker.port}"
    stranger = closing(Monitor(tmp_path, url))
    stranger.wait_said("CERTIFICATE_VERIFY_FAILED")
    stranger.wait_said("--mqtt-ca FILE")
    stranger.close()
    known = closing(Monitor(tmp_path, url, SSL_CERT_FILE=str(certificate)))
    known.wait_said("connected to the MQTT broker mqtts://")
    given = closing(Monitor(tmp_path, url, "--mqtt-ca", str(certificate)))
    given.wait_said("connected to the MQTT broker mqtts://")
    # Each kind of address at the other kind of port is told from a broker that is away.
    plain = closing(Monitor(tmp_path, f"mqtt://localhost:{broker.port}"))
    plain.wait_said("Should the address begin with mqtts://?")


def test_backgrounds_are_no_sensors_and_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector with a softmax head may have a class for all that is no event."""
    paho = pytest.importorskip("paho.mqtt.client")
    from soundsdk.device.messages import Event
    from soundsdk.monitor.mqtt.publisher import Mqtt

    published: list[str] = []
    clients: list[Any] = []

    class Client:
        """A client that is connected to nothing, and notes what is published."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self.on_connect: Any = None
            clients.append(self)

        def publish(self, topic: str, *arguments: Any, **options: Any) -> SimpleNamespace:
            published.append(topic)
            return SimpleNamespace(rc=0)

        def __getattr__(self, name: str) -> Any:
            return lambda *arguments, **options: None

    monkeypatch.setattr(paho, "Client", Client)
    labels = ("siren", "background", "neg_speech")
    hello = Hello(0, 1, "0.1", "sim", "x", "0" * 64, 16000)
    source = SimpleNamespace(hello=hello, path="sim", counts=None)
    board = monitored(source, Identity("sim", "sim"))  # type: ignore[arg-type]
    board.requests.classes = {i: {"label": label} for i, label in enumerate(labels)}
    board.requests.complete = True
    mqtt = Mqtt(parse("mqtt://127.0.0.1/home"), board, (), lambda text: None)
    (client,) = clients
    client.on_connect(client, None, None, SimpleNamespace(is_failure=False), None)
    for number, label in enumerate(labels):
        mqtt.handle(board, Event(number, number, label, "on", 16000, 0.9), None, 0.0)
    assert any("siren" in topic for topic in published)
    assert published.count("home/sim/event") == 1
    assert not [topic for topic in published if "background" in topic or "neg_speech" in topic]


def beginning(broker: Mosquitto, closing: Any, **kept: str) -> Listener:
    """Return a listener at a broker that has kept these messages from before, by topic."""
    listener = closing(Listener(broker.port))
    listener.wait(listener.is_connected, "connection")
    for topic, payload in kept.items():
        listener.publish(topic, payload)
    return listener


@needs_mosquitto
def test_what_a_broker_kept_of_labels_that_are_gone_is_cleared(tmp_path: Path, closing: Any) -> None:
    broker = closing(Mosquitto(tmp_path))
    base, device = f"home/{NODE}", f"homeassistant/binary_sensor/soundsdk_{slug(f'home/{NODE}')}"
    gone = {f"{base}/dog_bark/state": "ON", f"{base}/dog_bark/event": "{}", f"{device}/dog_bark/config": "{}"}
    foreign = {"home/other/dog_bark/state": "ON", f"homeassistant/binary_sensor/other/{NODE}/config": "{}"}
    dead = {f"{base}/availability/old-0123": "offline"}
    listener = beginning(broker, closing, **gone, **foreign, **dead)
    closing(Monitor(tmp_path, f"mqtt://127.0.0.1:{broker.port}/home"))
    listener.wait(lambda: not any(listener.kept[topic] for topic in [*gone, *dead]), "clearing")
    listener.wait(lambda: listener.kept.get(f"{device}/high/config"), "the labels that it has")
    assert {topic: listener.kept[topic] for topic in foreign} == foreign, "nothing of another board"
    late = closing(Listener(broker.port))
    late.wait(lambda: f"{device}/low/config" in late.kept, "what is kept")
    assert not set(late.kept) & {*gone, *dead}


@needs_mosquitto
def test_a_label_that_is_not_shown_is_cleared_unless_another_monitor_shows_it(tmp_path: Path, closing: Any) -> None:
    broker = closing(Mosquitto(tmp_path))
    listener = closing(Listener(broker.port))
    url, device = f"mqtt://127.0.0.1:{broker.port}", f"homeassistant/binary_sensor/soundsdk_{NODE}"
    first = closing(Monitor(tmp_path, url))
    listener.wait(lambda: f"{device}/high/config" in listener.kept, "the sensor")
    second = closing(Monitor(tmp_path, url, "--label", "low"))
    listener.wait(lambda: listener.monitors(f"soundsdk/{NODE}") == ["online"] * 2, "two monitors")
    listener.wait(lambda: len(json.loads(listener.kept[f"{device}/low/config"])["availability"]) == 2, "both counted")
    assert listener.kept[f"{device}/high/config"]
    second.close()
    # One of two has died: the board is available, and the topic of the dead one goes.
    listener.wait(lambda: listener.monitors(f"soundsdk/{NODE}") == ["online"], "one monitor")
    listener.wait(lambda: len(json.loads(listener.kept[f"{device}/low/config"])["availability"]) == 1, "one counted")
    first.close()
    closing(Monitor(tmp_path, url, "--label", "low"))
    listener.wait(lambda: not listener.kept[f"{device}/high/config"], "clearing")
    assert listener.kept[f"{device}/low/config"]


@needs_mosquitto
def test_user_and_password_come_from_the_environment_as_they_are(tmp_path: Path, closing: Any) -> None:
    passwords, secret = tmp_path / "passwords", "p@ss/%41:#?"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "me", secret], check=True, capture_output=True)
    passwords.chmod(0o644)
    broker = closing(Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}"))
    url = f"mqtt://127.0.0.1:{broker.port}"
    environment = {"SOUNDSDK_MQTT_USER": "me", "SOUNDSDK_MQTT_PASSWORD": secret}
    monitor = closing(Monitor(tmp_path, url, **environment))
    monitor.wait_said("connected to the MQTT broker")
    assert secret not in monitor.said.read_text()


@needs_mosquitto
def test_two_boards_of_one_monitor_with_one_detector_do_not_collide(tmp_path: Path, closing: Any) -> None:
    broker = closing(Mosquitto(tmp_path))
    listener = closing(Listener(broker.port))
    where = f"sim:sim,model={tmp_path / 'tones.tflite'},file={tmp_path / 'beeps.wav'}"
    monitor = closing(Monitor(tmp_path, f"mqtt://127.0.0.1:{broker.port}", "-p", where))
    nodes = [NODE, slug(f"sim-{socket.gethostname()}-2")]
    sensors = [f"homeassistant/binary_sensor/soundsdk_{node}/high/config" for node in nodes]
    listener.wait(lambda: all(topic in listener.kept for topic in sensors), "the sensors of both")
    listener.wait(lambda: all(listener.of(f"soundsdk/{node}/event") for node in nodes), "events of both")
    first, second = (json.loads(listener.kept[topic]) for topic in sensors)
    for member in ("unique_id", "default_entity_id", "state_topic", "availability", "device"):
        assert first[member] != second[member], member
    names = {json.loads(listener.of(f"soundsdk/{node}/event")[0])["device"] for node in nodes}
    assert names == {"sim", "sim-2"}
    assert monitor.said.read_text().count("connected to the MQTT broker") == 1, "said once for all"
