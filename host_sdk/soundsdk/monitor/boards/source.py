"""The source of a monitor: the items of a board, across disconnections."""

from __future__ import annotations

import contextlib
from typing import Any, Protocol

from soundsdk.device.messages import Hello
from soundsdk.device.protocol import Counts
from soundsdk.device.reconnect import ReconnectingDevice, ReconnectingItem
from soundsdk.errors import DeviceError, PortError


class Source(Protocol):
    """A monitored board."""

    @property
    def hello(self) -> Hello:
        """The newest hello."""

    @property
    def path(self) -> str:
        """The port of the board, or its last one."""

    @property
    def counts(self) -> Counts:
        """Counts of the lines over all connections."""

    def read_all(self, timeout_s: float) -> list[ReconnectingItem]:
        """Read all items, waiting about timeout_s for the first."""

    def send(self, kind: str, **members: Any) -> None:
        """Send a command without waiting for its answer; do nothing while the board is away."""


class DeviceSource:
    """A Source that is a ReconnectingDevice."""

    def __init__(self, device: ReconnectingDevice) -> None:
        self._device = device

    @property
    def hello(self) -> Hello:
        """The newest hello."""
        return self._device.hello

    @property
    def path(self) -> str:
        """The port of the board, or its last one."""
        return self._device.path

    @property
    def counts(self) -> Counts:
        """Counts of the lines over all connections."""
        return self._device.counts

    @property
    def sound_over(self) -> bool:
        """Return True once the recording of a virtual board is over, and silence follows."""
        return bool(getattr(self._device.transport, "sound_over", False))

    def read_all(self, timeout_s: float) -> list[ReconnectingItem]:
        """Read all items, waiting about timeout_s for the first."""
        return self._device.read_all(timeout_s)

    def send(self, kind: str, **members: Any) -> None:
        """Send a command without waiting for its answer; do nothing while the board is away."""
        if self._device.device is not None:
            # The next read_all() reports that it has gone.
            with contextlib.suppress(DeviceError, PortError):
                self._device.device.send(kind, **members)
