"""What comes from a board, one item after the other, whatever happens to the cable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from soundsdk.device import Device
from soundsdk.messages import Hello, Message, parse
from soundsdk.protocol import Counts, Damaged, Missing, Restarted, Text


@dataclass(frozen=True)
class Gone:
    """The port has vanished. The board is looked for from now on."""

    path: str


@dataclass(frozen=True)
class Back:
    """The board is here again, at `path`, after gone_s seconds. What was missed comes as Missing or Restarted."""

    path: str
    gone_s: float


Item: TypeAlias = "Message | Text | Damaged | Missing | Restarted | Gone | Back"


class Source(Protocol):
    """A board that is watched. hello: its newest; counts: of lines, over all connections."""

    hello: Hello
    path: str
    serial_number: str | None

    @property
    def counts(self) -> Counts: ...

    def items(self, limit_s: float) -> list[Item]:
        """What has come in, waiting at most limit_s for the first of it."""

    def tell(self, kind: str, **members: Any) -> None:
        """Sends a command, without waiting; nothing happens while the board is away."""

    def close(self) -> None: ...


class DeviceSource:
    """A Source over one connection: an error of the port ends it."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.hello = device.hello
        self.path = device.transport.path
        self.serial_number = device.transport.serial_number

    @property
    def counts(self) -> Counts:
        return self._device.counts

    def items(self, limit_s: float) -> list[Item]:
        out: list[Item] = []
        for line in self._device._reader.lines(self._device.transport.read(limit_s)):
            if isinstance(line, dict):
                message = parse(line)
                if message is not None:
                    out.append(message)
            else:
                out.append(line)
        return out

    def tell(self, kind: str, **members: Any) -> None:
        self._device.tell(kind, **members)

    def close(self) -> None:
        self._device.close()
