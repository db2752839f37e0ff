"""Events and status to an MQTT broker (`--mqtt`), without waiting: messages are queued up to a bound."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Collection
from typing import Any

from soundsdk.device.messages import Event, Hello, Status
from soundsdk.device.protocol import DeviceReset
from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingItem
from soundsdk.errors import UsageError
from soundsdk.labels import counted, is_background
from soundsdk.monitor import mqtt_topics
from soundsdk.monitor.mqtt_topics import Broker, Topics
from soundsdk.monitor.records import line, record
from soundsdk.monitor.state import EventSpan, State
from soundsdk.monitor.telemetry_requests import TelemetryRequests

QUEUED = 1000  # events that wait for the broker; more are dropped and counted
RECONNECT_S = (1, 60)  # first and longest wait
_BYE_S = 2.0


class Mqtt:
    """A Sink that connects, and reconnects, in a thread of its own; say() gets a sentence when that changes.

    UsageError if paho-mqtt is not installed. only: the labels that may have a sensor (empty: all).
    """

    def __init__(
        self,
        broker: Broker,
        state: State,
        requests: TelemetryRequests,
        serial_number: str | None,
        only: Collection[str],
        say: Callable[[str], None],
    ) -> None:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise UsageError("--mqtt needs paho-mqtt.", "Install it: pip install 'soundsdk[mqtt]'.") from error
        self._broker = broker
        self._state = state
        self._requests = requests
        self._only = frozenset(only)
        self._say = say
        self._board_name = _board_name(state.hello.board)
        self.topics = Topics(broker.prefix, mqtt_topics.slug(serial_number or state.hello.board))
        self.dropped = 0
        self._lock = threading.Lock()
        self._kept: dict[str, str] = {}  # retained messages: topic, payload
        self._connected = False
        self._reported = ""
        self._described: tuple[Any, ...] = ()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.max_queued_messages_set(QUEUED)
        self._client.reconnect_delay_set(*RECONNECT_S)
        if broker.user is not None:
            self._client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            self._client.tls_set()
        self._client.will_set(self.topics.availability, "offline", qos=1, retain=True)
        self._keep(self.topics.availability, "online")
        self._describe()
        self._client.connect_async(broker.host, broker.port, keepalive=30)
        self._client.loop_start()

    # In the thread of paho:

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._report(f"the MQTT broker {self._broker} refuses the connection: {str(reason).lower()}; trying again.")
            return
        self._report(f"connected to the MQTT broker {self._broker}.")
        with self._lock:
            self._connected = True
            for topic, payload in self._kept.items():
                client.publish(topic, payload, qos=1, retain=True)

    def _on_disconnect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        with self._lock:
            was, self._connected = self._connected, False
        if was and reason.is_failure:
            self._report(f"the MQTT broker {self._broker} is gone; trying again.")

    def _on_connect_fail(self, client: Any, data: Any) -> None:
        # paho calls this while it handles the error.
        self._report(f"the MQTT broker {self._broker} cannot be reached: {sys.exc_info()[1]}; trying again.")

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

    def _describe(self) -> None:
        """Publish discovery, again whenever another detector or more labels are known."""
        hello = self._state.hello
        labels = [c["label"] for _, c in sorted(self._requests.classes.items())] if self._requests.complete else []
        described = (hello.board, hello.model, hello.fw, tuple(labels))
        if described == self._described:
            return
        self._described = described
        for topic, payload in mqtt_topics.of_board(self.topics, hello, self._board_name):
            self._keep(topic, payload)
        for label in labels:
            if (not self._only or label in self._only) and not is_background(label):
                self._describe_label(label)

    def _describe_label(self, label: str) -> None:
        topic, payload = mqtt_topics.of_label(self.topics, self._state.hello, self._board_name, label)
        self._keep(topic, payload)
        if self.topics.state(label) not in self._kept:
            self._keep(self.topics.state(label), "OFF")

    def handle(self, item: ReconnectingItem, span: EventSpan | None, now: float) -> None:
        """Publish an item."""
        if isinstance(item, Event) and is_background(item.label):
            return  # the class of all else that some detectors have is no event, and no sensor
        if isinstance(item, Event):
            payload = line(record(item, now, self._state.hello.rate_hz) or {})
            # The label of a board that does not report its classes is known with its first event.
            self._describe_label(item.label)
            self._keep(self.topics.state(item.label), "ON" if item.edge == "on" else "OFF")
            self._keep(self.topics.last(item.label), payload)
            if self._client.publish(self.topics.event, payload, qos=1).rc == _QUEUE_FULL:
                self.dropped += 1
        elif isinstance(item, Status):
            self._keep(self.topics.status, line(record(item, now, self._state.hello.rate_hz) or {}))
        elif isinstance(item, Disconnected):
            self._keep(self.topics.availability, "offline")
        elif isinstance(item, Reconnected):
            if item.restarted:
                self._all_off()
            self._keep(self.topics.availability, "online")
        elif isinstance(item, DeviceReset):
            self._all_off()
        if isinstance(item, (Hello, Reconnected)):
            self._describe()

    def _all_off(self) -> None:
        for topic in [topic for topic in self._kept if topic.endswith("/state")]:
            self._keep(topic, "OFF")

    def tick(self) -> None:
        """Publish discovery that has become known."""
        self._describe()

    def close(self) -> None:
        """Publish offline and disconnect, within a few seconds even if the broker does not answer."""
        self._disconnect()
        if self.dropped:
            self._say(f"{counted(self.dropped, 'event')} did not reach the MQTT broker.")

    def _disconnect(self) -> None:
        with self._lock:
            connected = self._connected
        if not connected:
            return  # the thread ends with the program; the broker has published the last will
        with contextlib.suppress(RuntimeError, ValueError):
            self._client.publish(self.topics.availability, "offline", qos=1, retain=True).wait_for_publish(_BYE_S)
        self._client.disconnect()
        self._client.loop_stop()


_QUEUE_FULL = 15  # paho.mqtt.enums.MQTTErrorCode.MQTT_ERR_QUEUE_SIZE


def _board_name(board: str) -> str:
    from soundsdk.boards import find_board
    from soundsdk.errors import SoundsdkError

    try:
        return find_board(board).name
    except SoundsdkError:
        return board
