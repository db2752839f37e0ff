"""Events and status to an MQTT broker (`--mqtt`), without waiting: messages are queued up to a bound."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Collection
from typing import Any

from soundsdk.device.messages import Event, Hello, Status
from soundsdk.device.protocol import DeviceReset
from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingItem
from soundsdk.install.packages import need
from soundsdk.labels import counted, is_background
from soundsdk.monitor.boards.board import MonitoredBoard
from soundsdk.monitor.mqtt import topics as mqtt_topics
from soundsdk.monitor.mqtt.address import ENCODED, Broker
from soundsdk.monitor.mqtt.retained import Retained
from soundsdk.monitor.mqtt.topics import OFFLINE, ONLINE, WAITING, Topics, slug
from soundsdk.monitor.records import line, record
from soundsdk.monitor.state import EventSpan

QUEUED = 1000  # events that wait for the broker; more are dropped and counted
RECONNECT_S = (1, 60)  # first and longest wait
_BYE_S = 2.0
_QUEUE_FULL = 15  # paho.mqtt.enums.MQTTErrorCode.MQTT_ERR_QUEUE_SIZE


class Mqtt:
    """A Sink that connects, and reconnects, in a thread of its own; say() gets a sentence when that changes.

    It publishes the items of one board. MissingPackageError if paho-mqtt is not installed. only: the labels that may
    have a sensor (empty: all).
    """

    def __init__(
        self,
        broker: Broker,
        board: MonitoredBoard,
        only: Collection[str],
        say: Callable[[str], None],
    ) -> None:
        need("--mqtt", "mqtt")
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self._broker = broker
        self._board = board
        self._state = board.state
        self._requests = board.requests
        self._only = frozenset(only)
        self._say = say
        self._board_name = _board_name(board.state.hello.board)
        monitor = f"{slug(socket.gethostname())}-{secrets.token_hex(4)}"
        self.topics = Topics(broker.prefix, slug(board.identity.node), monitor)
        self.dropped = 0
        self._lock = threading.Lock()
        self._kept: dict[str, str] = {}  # retained messages: topic, payload
        self._retained = Retained(self.topics)
        self._connected = False
        self._reported = ""
        self._described: tuple[Any, ...] = ()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_message = self._on_message
        self._client.max_queued_messages_set(QUEUED)
        self._client.reconnect_delay_set(*RECONNECT_S)
        if broker.user is not None:
            self._client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            self._client.tls_set(str(broker.authority) if broker.authority else None)
        self._client.will_set(self.topics.availability, OFFLINE, qos=1, retain=True)
        self._keep(self.topics.availability, ONLINE)
        self._describe()
        self._client.connect_async(broker.host, broker.port, keepalive=30)
        self._client.loop_start()

    # In the thread of paho:

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            why = str(reason).lower()
            more = f" {ENCODED}" if self._broker.user is not None and "authori" in why else ""
            self._report(f"the MQTT broker {self._broker} refuses the connection: {why}; trying again.{more}")
            return
        self._report(f"connected to the MQTT broker {self._broker}.")
        # Before what this monitor publishes, so that it hears what the broker has kept first, then itself.
        self._retained.begin()
        client.subscribe([(name, 1) for name in self.topics.filters])
        with self._lock:
            self._connected = True
            for topic, payload in self._kept.items():
                client.publish(topic, payload, qos=1, retain=True)

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._lock:
            was, self._connected = self._connected, False
        if was and reason.is_failure:
            self._report(f"the MQTT broker {self._broker} is gone; trying again.")
        elif not was and not self._reported:
            # It has accepted the connection and closed it without a word, as one does that expects TLS.
            self._report(f"what is at {self._broker} does not answer as an MQTT broker; trying again.{self._other()}")

    def _on_connect_fail(self, client: Any, data: Any) -> None:
        # paho calls this while it handles the error.
        error = sys.exc_info()[1]
        more = ""
        if isinstance(error, ssl.SSLCertVerificationError):
            more = " Name the certificates of its authority with --mqtt-ca FILE." if not self._broker.authority else ""
        elif isinstance(error, ssl.SSLError) or (self._broker.tls and isinstance(error, ConnectionResetError)):
            more = self._other()
        self._report(f"the MQTT broker {self._broker} cannot be reached: {error}; trying again.{more}")

    def _other(self) -> str:
        return f" Should the address begin with {'mqtt' if self._broker.tls else 'mqtts'}://?"

    def _on_message(self, client: Any, data: Any, message: Any) -> None:
        payload = message.payload.decode("utf-8", "replace")
        with self._lock:
            mine = self._kept[self.topics.availability]
        if not self._retained.hear(message.topic, payload, mine) and mine != OFFLINE:
            # The last will of a connection that broke came after this one had begun.
            client.publish(self.topics.availability, mine, qos=1, retain=True)

    def _report(self, sentence: str) -> None:
        if sentence != self._reported:
            self._reported = sentence
            self._say(sentence)

    # In the thread of the monitor:

    def _keep(self, topic: str, payload: str) -> None:
        with self._lock:
            if self._kept.get(topic) != payload:
                self._kept[topic] = payload
                if self._connected:
                    self._client.publish(topic, payload, qos=1, retain=True)

    def _clear(self, topic: str) -> None:
        with self._lock:
            self._kept.pop(topic, None)
            if self._connected:
                self._client.publish(topic, b"", qos=1, retain=True)

    def _labels(self) -> list[str]:
        """Return the labels of the board that are events, as far as they are known."""
        if not self._requests.complete:
            return []
        labels = [c["label"] for _, c in sorted(self._requests.classes.items())]
        return [label for label in labels if not is_background(label)]

    def _describe(self) -> None:
        """Publish discovery, again whenever another detector, more labels or other monitors are known."""
        hello = self._state.hello
        labels, monitors = self._labels(), self._retained.monitors()
        described = (hello.board, hello.model, hello.fw, tuple(labels), tuple(monitors), self._retained.settled)
        if described == self._described:
            return
        self._described = described
        for topic, payload in mqtt_topics.of_board(self.topics, monitors, hello, self._board_name):
            self._keep(topic, payload)
        for label in labels:
            if not self._only or label in self._only:
                self._describe_label(label)

    def _describe_label(self, label: str) -> None:
        monitors = self._retained.monitors()
        self._keep(*mqtt_topics.of_label(self.topics, monitors, self._state.hello, self._board_name, label))
        topic = self.topics.state(label)
        if topic not in self._kept and self._retained.settled:
            # Another monitor of this board knows whether the sound is on.
            known = self._retained.get(topic) if len(monitors) > 1 else None
            self._keep(topic, known or "OFF")

    def _tidy(self) -> None:
        """Clear what the broker has kept of monitors that have ended, and of labels that are gone."""
        if not self._retained.settled:
            return
        for topic in self._retained.ended():
            self._clear(topic)
        if not self._requests.complete:
            return
        labels = self._labels()
        if self._only and len(self._retained.monitors()) == 1:
            labels = [label for label in labels if label in self._only]
        for topic in self._retained.stale(labels):
            self._clear(topic)

    def handle(self, board: MonitoredBoard, item: ReconnectingItem, span: EventSpan | None, now: float) -> None:
        """Publish an item of its board."""
        if board is not self._board or (isinstance(item, Event) and is_background(item.label)):
            return  # the class of all else that some detectors have is no event, and no sensor
        if isinstance(item, Event):
            payload = line(record(item, now, self._state.hello.rate_hz, board.name) or {})
            # The label of a board that does not report its classes is known with its first event.
            self._describe_label(item.label)
            self._keep(self.topics.state(item.label), "ON" if item.edge == "on" else "OFF")
            self._keep(self.topics.last(item.label), payload)
            if self._client.publish(self.topics.event, payload, qos=1).rc == _QUEUE_FULL:
                self.dropped += 1
        elif isinstance(item, Status):
            self._keep(self.topics.status, line(record(item, now, self._state.hello.rate_hz, board.name) or {}))
        elif isinstance(item, Disconnected):
            self._keep(self.topics.availability, WAITING)
        elif isinstance(item, Reconnected):
            if item.restarted:
                self._all_off()
            self._keep(self.topics.availability, ONLINE)
        elif isinstance(item, DeviceReset):
            self._all_off()
        if isinstance(item, (Hello, Reconnected)):
            self._describe()

    def _all_off(self) -> None:
        for topic in [topic for topic in self._kept if topic.endswith("/state")]:
            self._keep(topic, "OFF")

    def tick(self) -> None:
        """Publish discovery that has become known, and clear what no longer holds."""
        self._describe()
        self._tidy()

    def close(self) -> None:
        """Publish offline and disconnect, within a few seconds even if the broker does not answer."""
        self._disconnect()
        if self.dropped:
            self._say(f"{counted(self.dropped, 'event')} did not reach the MQTT broker.")

    def _disconnect(self) -> None:
        with self._lock:
            connected = self._connected
            self._kept[self.topics.availability] = OFFLINE
        if not connected:
            # Its thread may wait for long, until the program ends; of the board behind this it must hold nothing, or
            # what is written in C is still there after Python. The broker has published the last will.
            self._client.on_connect = self._client.on_disconnect = self._client.on_connect_fail = None
            self._client.on_message = None
            self._client.disconnect()
            return
        with contextlib.suppress(RuntimeError, ValueError):
            self._client.publish(self.topics.availability, OFFLINE, qos=1, retain=True).wait_for_publish(_BYE_S)
        self._client.disconnect()
        self._client.loop_stop()


def _board_name(board: str) -> str:
    from soundsdk.boards import find_board
    from soundsdk.errors import SoundsdkError

    try:
        return find_board(board).name
    except SoundsdkError:
        return board
