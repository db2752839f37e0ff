"""A real Mosquitto at a loopback port, a client that hears everything, and `soundsdk monitor --mqtt` as a process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from tone_boards import MODEL, beeps

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
LIMIT_S = 60.0


class Mosquitto:
    """A broker of this test. options: lines of its configuration."""

    def __init__(self, folder: Path, *options: str, port: int = 0) -> None:
        self._folder = folder
        self._options = options
        self.port = port or free_port()
        self.start()

    def start(self) -> None:
        assert MOSQUITTO is not None
        config = self._folder / "mosquitto.conf"
        lines = [f"listener {self.port} 127.0.0.1", *(self._options or ["allow_anonymous true"]), "user root"]
        config.write_text("\n".join(lines) + "\n")
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + LIMIT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "the broker does not start"
                time.sleep(0.05)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=LIMIT_S)


def free_port() -> int:
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

    def is_connected(self) -> bool:
        return bool(self._client.is_connected())

    def wait(self, done: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not done():
            assert time.monotonic() < deadline, f"no {what}; kept: {self.kept}"
            time.sleep(0.05)

    def publish(self, topic: str, payload: str) -> None:
        """Publish a retained message; an empty one clears the topic."""
        self._client.publish(topic, payload, qos=1, retain=True).wait_for_publish(LIMIT_S)

    def monitors(self, base: str) -> list[str]:
        """Return what the monitors of a board say, those whose topic was cleared left out."""
        there = f"{base}/availability/"
        return sorted(payload for topic, payload in self.kept.items() if topic.startswith(there) and payload)

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
