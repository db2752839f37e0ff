"""`soundsdk monitor --mqtt`: addresses, topics, and a real Mosquitto at a loopback port."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from tone_boards import MODEL, beeps

from soundsdk.device.messages import Hello
from soundsdk.errors import UsageError
from soundsdk.monitor import mqtt_topics
from soundsdk.monitor.mqtt_topics import Broker, Topics, parse, slug

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
LIMIT_S = 30.0

needs_mosquitto = pytest.mark.skipif(
    MOSQUITTO is None, reason="there is no Mosquitto here (Debian: apt-get install mosquitto)"
)


def test_addresses() -> None:
    assert parse("mqtt://h") == Broker("h", 1883, False, None, None, "soundsdk")
    assert parse("mqtts://h/a/b/") == Broker("h", 8883, True, None, None, "a/b")
    assert parse("mqtt://u%40x:p%2Fq@[::1]:99/x") == Broker("::1", 99, False, "u@x", "p/q", "x")
    assert "secret" not in str(parse("mqtt://u:secret@h"))
    for wrong in (
        "h",
        "http://h",
        "mqtt://",
        "mqtt://h:x",
        "mqtt://h/a+",
        "mqtt://h/%23",
        "mqtt://h/a//b",
        "mqtt://h/a?b",
    ):
        with pytest.raises(UsageError):
            parse(wrong)


def test_every_label_is_a_level_of_its_own() -> None:
    labels = ["siren", "Siren", "smoke alarm", "smoke_alarm", "Ü", "Ö", "a/b", "a+b", "#", "…"]
    slugs = [slug(label) for label in labels]
    assert len(set(slugs)) == len(labels)
    assert slugs[0] == "siren"
    assert all(s and not set(s) - set("abcdefghijklmnopqrstuvwxyz0123456789_-") for s in slugs)


def test_discovery_names_topics_that_are_published() -> None:
    topics = Topics("home", "e661")
    topic, payload = mqtt_topics.of_label(topics, Hello(0, 1, "0.1", "rpi_pico", "m", "", 16000), "Pico", "siren")
    config = json.loads(payload)
    assert topic == "homeassistant/binary_sensor/soundsdk_e661/siren/config"
    assert config["state_topic"] == "home/e661/siren/state"
    assert config["availability_topic"] == "home/e661/availability"
    assert config["unique_id"] == "soundsdk_e661_siren"
    assert config["device"]["identifiers"] == ["soundsdk_e661"]


# ---- with a broker


class Mosquitto:
    """A broker of this test. options: lines of its configuration."""

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        self._folder = folder
        self._options = options
        self.port = port or _free_port()
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        config = self._folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", *(self._options or ["allow_anonymous true"]), "user root"]
        config.write_text("\n".join(lines) + "\n")
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "the broker does not start"
                time.sleep(0.05)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Listener:
    """A client that hears everything. messages: (topic, payload, retained) as they came; kept: the newest by topic."""

    def __init__(self, port: int, user: str | None = None, password: str | None = None) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.messages: list[tuple[str, str, bool]] = []
        self.kept: dict[str, str] = {}
        self._client = Client(CallbackAPIVersion.VERSION2)
        if user:
            self._client.username_pw_set(user, password)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = self._take
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def _take(self, client: Any, data: Any, message: Any) -> None:
        self.messages.append((message.topic, message.payload.decode(), message.retain))
        self.kept[message.topic] = message.payload.decode()

    def wait(self, done: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not done():
            assert time.monotonic() < deadline, f"no {what}; kept: {self.kept}"
            time.sleep(0.05)

    def of(self, topic: str) -> list[str]:
        return [payload for name, payload, _ in self.messages if name == topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def hears_sigint() -> None:
    """SIGINT as on a terminal: a background job of a shell inherits it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Monitor:
    """`soundsdk monitor --mqtt` as a process, at a virtual board that hears beeps."""

    def __init__(self, folder: Path, url: str, *options: str, **environment: str) -> None:
        sound, model = folder / "beeps.wav", folder / "tones.tflite"
        soundfile.write(sound, np.tile(beeps(10), 12), 16000, subtype="PCM_16")
        model.write_bytes(MODEL)
        where = f"sim:sim,file={sound},model={model}"
        words = [sys.executable, "-m", "soundsdk", "monitor", "-p", where, "--mqtt", url, *options]
        self.said = folder / "said.txt"
        self.shown = folder / "shown.txt"
        with self.said.open("w") as said, self.shown.open("w") as shown:
            self.process = subprocess.Popen(
                words, stdout=shown, stderr=said, env={**os.environ, **environment}, preexec_fn=hears_sigint
            )

    def wait_said(self, words: str) -> None:
        deadline = time.monotonic() + LIMIT_S
        while words not in self.said.read_text():
            assert time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.05)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


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
    base = "home/sounds/sim"
    listener.wait(lambda: len(listener.of(f"{base}/event")) >= 4, "four edges")
    first, second = (json.loads(payload) for payload in listener.of(f"{base}/event")[:2])
    assert (first["label"], first["edge"], second["edge"]) == ("high", "on", "off")
    assert listener.of(f"{base}/high/state")[:3] == ["OFF", "ON", "OFF"]
    assert json.loads(listener.of(f"{base}/high/event")[0]) == first
    listener.wait(lambda: f"{base}/status" in listener.kept, "status")
    assert json.loads(listener.kept[f"{base}/status"])["lost"] == 0
    assert listener.kept[f"{base}/availability"] == "online"
    sensors = {topic: json.loads(text) for topic, text in listener.kept.items() if topic.startswith("homeassistant/")}
    assert sorted(topic.split("/")[-2] for topic in sensors) == ["high", "level", "lost", "low"]
    for config in sensors.values():
        assert config["state_topic"] in listener.kept
        assert config["availability_topic"] in listener.kept
        assert config["device"]["identifiers"] == ["soundsdk_sim"]

    # Who comes later is told at once.
    late = closing(Listener(broker.port))
    late.wait(lambda: {t for t, _, kept in late.messages if kept} >= set(sensors), "retained configurations")

    # Ctrl-C says goodbye.
    monitor.process.send_signal(signal.SIGINT)
    assert monitor.process.wait(timeout=20) == 130
    listener.wait(lambda: listener.kept[f"{base}/availability"] == "offline", "goodbye")


@needs_mosquitto
def test_the_last_will_says_that_a_monitor_has_died(tmp_path: Path, closing: Any) -> None:
    broker = closing(Mosquitto(tmp_path))
    listener = closing(Listener(broker.port))
    monitor = closing(Monitor(tmp_path, f"mqtt://127.0.0.1:{broker.port}"))
    topic = "soundsdk/sim/availability"
    listener.wait(lambda: listener.kept.get(topic) == "online", "online")
    monitor.process.kill()
    listener.wait(lambda: listener.kept[topic] == "offline", "last will")


@needs_mosquitto
def test_a_broker_that_comes_late_and_goes_away_stops_nothing(tmp_path: Path, closing: Any) -> None:
    port = _free_port()
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
    listener.wait(lambda: listener.of("p/sim/event"), "events that waited")
    assert json.loads(listener.of("p/sim/event")[0])["id"] == 1, "none was lost"
    broker.stop()
    monitor.wait_said("is gone")
    before = shown()
    while shown() < before + 2:
        assert time.monotonic() < deadline + LIMIT_S
        time.sleep(0.05)
    broker.start()
    count = len(listener.of("p/sim/event"))
    listener.wait(lambda: len(listener.of("p/sim/event")) >= count + 2, "events again")
    listener.wait(lambda: listener.messages[-1] and listener.kept["p/sim/availability"] == "online", "online again")
    ids = [json.loads(payload)["seq"] for payload in listener.of("p/sim/event")]
    assert sorted(set(ids)) == sorted(set(ids), key=ids.index), "in order"


@needs_mosquitto
def test_a_wrong_password_is_reported_and_a_right_one_works(tmp_path: Path, closing: Any) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "me", "p@ss"], check=True, capture_output=True)
    passwords.chmod(0o644)
    broker = closing(Mosquitto(tmp_path, "allow_anonymous false", f"password_file {passwords}"))
    wrong = closing(Monitor(tmp_path, f"mqtt://me:no@127.0.0.1:{broker.port}"))
    wrong.wait_said("not authorized")
    assert ":no@" not in wrong.said.read_text()
    assert wrong.process.poll() is None, "it goes on"
    wrong.close()
    listener = closing(Listener(broker.port, "me", "p@ss"))
    closing(Monitor(tmp_path, f"mqtt://me:p%40ss@127.0.0.1:{broker.port}"))
    listener.wait(lambda: listener.kept.get("soundsdk/sim/availability") == "online", "online")


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
    stranger.close()
    known = closing(Monitor(tmp_path, url, SSL_CERT_FILE=str(certificate)))
    known.wait_said("connected to the MQTT broker mqtts://")


def test_backgrounds_are_no_sensors_and_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector with a softmax head may have a class for all that is no event."""
    paho = pytest.importorskip("paho.mqtt.client")
    from soundsdk.device.messages import Event
    from soundsdk.monitor.mqtt import Mqtt
    from soundsdk.monitor.state import State

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
    requests = SimpleNamespace(classes={i: {"label": label} for i, label in enumerate(labels)}, complete=True)
    mqtt = Mqtt(parse("mqtt://127.0.0.1/home"), State(hello, "sim"), requests, None, (), lambda text: None)  # type: ignore[arg-type]
    (client,) = clients
    client.on_connect(client, None, None, SimpleNamespace(is_failure=False), None)
    for number, label in enumerate(labels):
        mqtt.handle(Event(number, number, label, "on", 16000, 0.9), None, 0.0)
    assert any("siren" in topic for topic in published)
    assert published.count("home/sim/event") == 1
    assert not [topic for topic in published if "background" in topic or "neg_speech" in topic]
