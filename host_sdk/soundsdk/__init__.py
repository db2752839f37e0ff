"""soundsdk: teach a microcontroller to recognise your sounds.

from soundsdk import Device

with Device.open("auto") as device:
    for event in device.events():
        print(event.label, event.edge, event.score)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Device", "__version__"]

if TYPE_CHECKING:
    from soundsdk.device import Device


def __getattr__(name: str) -> object:
    # Imported when it is asked for: the command line pays only for what it uses.
    if name == "Device":
        from soundsdk.device import Device

        return Device
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
