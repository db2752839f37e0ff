"""soundsdk: teach a microcontroller to recognise your sounds.

from soundsdk import Device

with Device.open("auto") as device:
    for event in device.events():
        print(event.label, event.edge, event.time_s)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "Ack", "AsyncDevice", "AsyncReconnectingDevice", "Audio", "CommandRejected", "ConnectionLost", "Device",
    "DeviceError", "DeviceReset", "Disconnected", "Event", "Hello", "LinesLost", "PortError", "ProtocolError",
    "Reconnected", "ReconnectingDevice", "SoundsdkError", "Status", "UsageError", "__version__",
]  # fmt: skip

if TYPE_CHECKING:
    from soundsdk.device.aio import AsyncDevice, AsyncReconnectingDevice
    from soundsdk.device.messages import Ack, Audio, Event, Hello, Status
    from soundsdk.device.protocol import DeviceReset, LinesLost
    from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingDevice
    from soundsdk.device.session import CommandRejected, Device
    from soundsdk.device.transport import ConnectionLost
    from soundsdk.errors import DeviceError, PortError, ProtocolError, SoundsdkError, UsageError

_HOMES = {
    "device.aio": ("AsyncDevice", "AsyncReconnectingDevice"),
    "device.session": ("Device", "CommandRejected"),
    "errors": ("DeviceError", "PortError", "ProtocolError", "SoundsdkError", "UsageError"),
    "device.messages": ("Ack", "Audio", "Event", "Hello", "Status"),
    "device.protocol": ("LinesLost", "DeviceReset"),
    "device.reconnect": ("Disconnected", "Reconnected", "ReconnectingDevice"),
    "device.transport": ("ConnectionLost",),
}


def __getattr__(name: str) -> object:
    # Imported when it is asked for: the command line pays only for what it uses.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"soundsdk.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
