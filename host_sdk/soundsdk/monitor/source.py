"""What comes from a board, one item after the other, whatever happens to the cable."""

from __future__ import annotations

import contextlib
from typing import Any, Protocol

from soundsdk.device.messages import Hello
from soundsdk.device.protocol import Counts
from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingDevice, ReconnectingItem
from soundsdk.errors import DeviceError, PortError

Item = ReconnectingItem


class Source(Protocol):
    """A board that is watched. hello: its newest; counts: of lines, over all connections."""

    @property
    def hello(self) -> Hello: ...
    @property
    def path(self) -> str: ...
    @property
    def counts(self) -> Counts: ...

    def read_all(self, timeout_s: float) -> list[Item]:
        """What has come in, waiting about timeout_s for the first of it."""

    def send(self, kind: str, **members: Any) -> None:
        """Sends a command, without waiting for an answer; nothing happens while the board is away."""


class WatchSource:
    """A Source from soundsdk.device.reconnect.ReconnectingDevice."""

    def __init__(self, watch: ReconnectingDevice) -> None:
        self._watch = watch

    @property
    def hello(self) -> Hello:
        return self._watch.hello

    @property
    def path(self) -> str:
        return self._watch.path

    @property
    def counts(self) -> Counts:
        return self._watch.counts

    @property
    def serial_number(self) -> str | None:
        """Of the USB device; None where there is none."""
        device = self._watch.device
        return device.transport.serial_number if device else None

    def read_all(self, timeout_s: float) -> list[Item]:
        return self._watch.read_all(timeout_s)

    def send(self, kind: str, **members: Any) -> None:
        if self._watch.device is not None:
            # The next poll() says that it has gone.
            with contextlib.suppress(DeviceError, PortError):
                self._watch.device.send(kind, **members)


__all__ = ["Disconnected", "Reconnected", "Item", "Source", "WatchSource"]
