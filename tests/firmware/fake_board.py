"""Runs the firmware as on a board; the working directory is its file system.

`machine`, `network` and `umqtt` are stand-ins that append what they are made to do to calls.jsonl. The port is standard
input and output. A reset or a deep sleep ends the process.
"""

from __future__ import annotations

import json
import sys
import types
from typing import Any


def log(*call: Any) -> None:
    with open("calls.jsonl", "a") as file:
        file.write(json.dumps(call) + "\n")


class Pin:
    IN = 0
    OUT = 1

    def __init__(self, pin: int, mode: int | None = None, value: int = 0) -> None:
        self.pin = pin
        if mode is not None:
            log("pin", pin, value)

    def value(self, value: int) -> None:
        log("pin", self.pin, value)

    __call__ = value


class PWM:
    def __init__(self, pin: Pin, freq: int, duty_u16: int) -> None:
        self.pin = pin.pin

    def freq(self, hz: int) -> None:
        log("freq", self.pin, hz)

    def duty_u16(self, duty: int) -> None:
        log("duty", self.pin, duty)


def end(*call: Any) -> Any:
    def stop(*arguments: Any) -> None:
        log(*call, *arguments)
        raise SystemExit(0)

    return stop


class Wlan:
    def __init__(self, kind: int) -> None:
        self.tries = 0

    def active(self, on: bool) -> None:
        log("wlan", on)

    def connect(self, name: str, password: str) -> None:
        log("connect", name)

    def isconnected(self) -> bool:
        self.tries += 1
        return self.tries > 2


class MQTTClient:
    """Loses its connection at the second message."""

    def __init__(self, name: str, broker: str) -> None:
        self.sent = 0

    def connect(self) -> None:
        log("broker")

    def publish(self, topic: bytes, message: bytes) -> None:
        self.sent += 1
        if self.sent == 2:
            raise OSError(104)
        log("publish", topic.decode(), json.loads(message))


def module(name: str, **members: Any) -> None:
    made = types.ModuleType(name)
    made.__dict__.update(members)
    sys.modules[name] = made


module(
    "machine",
    Pin=Pin,
    PWM=PWM,
    bitstream=lambda pin, kind, times, data: log("pixel", pin.pin, list(data)),
    reset=end("reset"),
    soft_reset=end("soft_reset"),
    deepsleep=end("deepsleep"),
)
module("network", WLAN=Wlan, STA_IF=0)
module("umqtt")
module("umqtt.simple", MQTTClient=MQTTClient)

if __name__ == "__main__":
    import machine

    from soundfw import platform
    from soundfw.main import start
    from soundfw.platform.machine_pins import MachinePins

    platform.pins = MachinePins
    platform.reset, platform.restart = machine.reset, machine.soft_reset

    start()
