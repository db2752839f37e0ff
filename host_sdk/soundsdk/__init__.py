"""soundsdk: teach a four-dollar board to recognise your sounds.

Boards that are connected, and the events of one:

    import soundsdk

    for found in soundsdk.discover():
        print(found.path, found.state, found.board)

    with soundsdk.Device.open("auto") as device:         # or id:SERIAL, a path, rfc2217://…, sim:BOARD, mic:
        for event in device.events():
            print(event.label, event.edge, event.time_s)

Its sound, and another detector for it:

    with soundsdk.Device.open() as device:
        take = device.record(5)
        device.push("my_detector.tflite")

Events of a recording, without a board:

    for event in soundsdk.detect("clip.wav"):
        print(event.label, event.onset_s, event.offset_s)

Names end in their units: _s seconds, _ms milliseconds, _us microseconds, _samples samples, _hz hertz, _bytes bytes,
_dbfs decibels below full scale; scores and peaks are probabilities, 0 to 1. Every error is a SoundsdkError with a
sentence, `message`, and what to do next, `hint`. In asyncio use AsyncDevice, whose methods are those of Device; across
unplugged cables ReconnectingDevice. Training is `soundsdk train`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "Ack", "AsyncDevice", "AsyncReconnectingDevice", "Audio", "CheckError", "CommandRejected", "ConnectionLost",
    "DataError", "Device", "DeviceError", "DeviceReset", "Disconnected", "Event", "Found", "Hello", "LabelledSpan",
    "LinesLost", "ModelError", "Piece", "PortError", "ProtocolError", "Pushed", "Reconnected", "ReconnectingDevice",
    "SoundsdkError", "Status", "Take", "ToolError", "UsageError", "__version__", "detect", "discover",
]  # fmt: skip

if TYPE_CHECKING:
    from soundsdk.device.aio import AsyncDevice, AsyncReconnectingDevice
    from soundsdk.device.audio_lines import Piece, Take
    from soundsdk.device.connection import CommandRejected
    from soundsdk.device.discovery import Found, discover
    from soundsdk.device.messages import Ack, Audio, Event, Hello, Status
    from soundsdk.device.protocol import DeviceReset, LinesLost
    from soundsdk.device.push import Pushed
    from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingDevice
    from soundsdk.device.session import Device
    from soundsdk.device.transport import ConnectionLost
    from soundsdk.errors import (
        CheckError,
        DataError,
        DeviceError,
        ModelError,
        PortError,
        ProtocolError,
        SoundsdkError,
        ToolError,
        UsageError,
    )
    from soundsdk.labels import LabelledSpan
    from soundsdk.models.detection import detect

_HOMES = {
    "device.aio": ("AsyncDevice", "AsyncReconnectingDevice"),
    "device.audio_lines": ("Piece", "Take"),
    "device.connection": ("CommandRejected",),
    "device.discovery": ("Found", "discover"),
    "device.messages": ("Ack", "Audio", "Event", "Hello", "Status"),
    "device.protocol": ("LinesLost", "DeviceReset"),
    "device.push": ("Pushed",),
    "device.reconnect": ("Disconnected", "Reconnected", "ReconnectingDevice"),
    "device.session": ("Device",),
    "device.transport": ("ConnectionLost",),
    "errors": (
        "CheckError", "DataError", "DeviceError", "ModelError", "PortError", "ProtocolError", "SoundsdkError",
        "ToolError", "UsageError",
    ),
    "labels": ("LabelledSpan",),
    "models.detection": ("detect",),
}  # fmt: skip


def __getattr__(name: str) -> object:
    # Imported when it is asked for: the command line pays only for what it uses.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"soundsdk.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})  # help() and completion show what is imported later
