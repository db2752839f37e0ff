"""soundsdk: teach a microcontroller to recognise your sounds.

from soundsdk import Device

with Device.open("auto") as device:
    for event in device.events():
        print(event.label, event.edge, event.score)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "Ack", "AsyncDevice", "AsyncWatch", "Audio", "Away", "Back", "Device", "DeviceError", "Event", "Gone", "Hello",
    "Missing", "PortError", "ProtocolError", "Refused", "Restarted", "SoundsdkError", "Status", "UsageError", "Watch",
    "__version__",
]  # fmt: skip

if TYPE_CHECKING:
    from soundsdk.device.aio import AsyncDevice, AsyncWatch
    from soundsdk.device.messages import Ack, Audio, Event, Hello, Status
    from soundsdk.device.protocol import Missing, Restarted
    from soundsdk.device.reconnect import Away, Back, Watch
    from soundsdk.device.session import Device, Refused
    from soundsdk.device.transport import Gone
    from soundsdk.errors import DeviceError, PortError, ProtocolError, SoundsdkError, UsageError

_HOMES = {
    "device.aio": ("AsyncDevice", "AsyncWatch"),
    "device.session": ("Device", "Refused"),
    "errors": ("DeviceError", "PortError", "ProtocolError", "SoundsdkError", "UsageError"),
    "device.messages": ("Ack", "Audio", "Event", "Hello", "Status"),
    "device.protocol": ("Missing", "Restarted"),
    "device.reconnect": ("Away", "Back", "Watch"),
    "device.transport": ("Gone",),
}


def __getattr__(name: str) -> object:
    # Imported when it is asked for: the command line pays only for what it uses.
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"soundsdk.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
