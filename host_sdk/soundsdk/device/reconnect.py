"""A device that reconnects: a board that was unplugged is found again, and the lines lost meanwhile are counted.

with ReconnectingDevice("auto") as device:
    for item in device:
        if isinstance(item, Disconnected):
            print("gone")
        elif isinstance(item, Reconnected):
            print("back after", item.away_s, "s; lost", item.lines_lost)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

from soundsdk.device import address
from soundsdk.device.messages import Event, Hello, Status
from soundsdk.device.protocol import Counts, DeviceReset, LinesLost
from soundsdk.device.session import HELLO_S, Device, Item
from soundsdk.device.transport import FIRST_WAIT_S, LONGEST_WAIT_S, ConnectionLost, Transport, open_transport
from soundsdk.errors import DeviceError, PortError, ProtocolError

if TYPE_CHECKING:
    from soundsdk.device.system import System

_TRY_S = 1.5  # for a hello; then the port is opened again
_STATUS_S = 1.0
_SLACK_S = 0.5


@dataclass(frozen=True)
class Disconnected:
    """The loss of the board: unplugged, or its port closed from the other end."""

    path: str


@dataclass(frozen=True)
class Reconnected:
    """The return of the board.

    restarted: it has restarted meanwhile, so times count from 0 again and events that were on will not end. lines_lost:
    the lines of this start that did not arrive (without a restart, of the start before); None if none is known.
    """

    path: str
    hello: Hello
    away_s: float
    restarted: bool
    lines_lost: LinesLost | None


ReconnectingItem: TypeAlias = "Item | Disconnected | Reconnected"


class ReconnectingDevice:
    """A Device that reconnects. Use it in a `with` statement, from one thread.

    device: None while the board is away. The board is found again by its USB serial number, else by its path.
    """

    def __init__(
        self, where: str | PathLike[str] | Transport | None = None, hello_s: float = HELLO_S,
        system: System | None = None,
    ) -> None:
        """Open the board; raises what Device.open raises. where: an address, or a transport that is open."""
        if where is None or isinstance(where, (str, PathLike)):
            where = open_transport(address.parse(where), system)
        transport = where
        self._transport = transport
        self._before = Counts()
        self._seq: int | None = None
        self._heard_samples: int | None = None  # a time of the board
        self._heard_at = 0.0  # and ours, then
        self._gone_at = 0.0
        self._next_try = 0.0
        self._wait_s = FIRST_WAIT_S
        self.device: Device | None = None
        try:
            self.device = Device(transport, hello_s)
            self.hello = self.device.hello
            self._request_status(self.device)
        except BaseException:
            transport.close()
            raise

    @property
    def transport(self) -> Transport:
        """The way to the board, or the last one."""
        return self._transport

    @property
    def path(self) -> str:
        """The port of the board, or its last one."""
        return self._transport.path

    @property
    def counts(self) -> Counts:
        """Counts of the lines over all connections; `missing` includes those of the gaps between them."""
        return _sum(self._before, self.device.counts) if self.device else _sum(self._before, Counts())

    def read_all(self, timeout_s: float = 0.2) -> list[ReconnectingItem]:
        """Read all items, waiting about timeout_s for the first (up to 3 s longer while the board comes back)."""
        if self.device is None:
            return self._try(timeout_s)
        try:
            items = self.device.read_all(timeout_s)
        except ConnectionLost:
            self._leave()
            return [Disconnected(self._transport.path)]
        for item in items:
            self._note(item)
        self.hello = self.device.hello
        return list(items)

    def __iter__(self) -> Iterator[ReconnectingItem]:
        """Iterate over the items, without end."""
        while True:
            yield from self.read_all()

    def _note(self, item: Item) -> None:
        samples = None
        if isinstance(item, DeviceReset):
            self._heard_samples = None
        if isinstance(item, Status):
            samples = item.captured + item.lost
        elif isinstance(item, Event) and item.time_samples > (self._heard_samples or 0):
            samples = item.time_samples
        if samples is not None:
            self._heard_samples, self._heard_at = samples, time.monotonic()

    def _request_status(self, device: Device) -> Status | None:
        """Request the counters, which come among the items as well; None if it has none (safe mode)."""
        try:
            return device.status(_STATUS_S, queued=True)
        except ProtocolError:
            return None

    def _leave(self) -> None:
        assert self.device is not None
        self._seq = self.device.seq if self.device.seq is not None else self._seq
        self._before = _sum(self._before, self.device.counts)
        self.device = None
        self._transport.close()
        self._gone_at = time.monotonic()
        self._wait_s = FIRST_WAIT_S
        self._next_try = self._gone_at + self._wait_s

    def _try(self, timeout_s: float) -> list[ReconnectingItem]:
        wait_s = self._next_try - time.monotonic()
        if wait_s > 0:
            time.sleep(min(wait_s, timeout_s))
            if wait_s > timeout_s:
                return []
        try:
            transport = self._transport.reopen()
        except (DeviceError, PortError):
            self._again_later()
            return []
        try:
            device = Device(transport, _TRY_S)
            hello = device.hello
            status = self._request_status(device)
        except (DeviceError, PortError, ProtocolError):
            transport.close()
            self._again_later()
            return []
        except BaseException:
            transport.close()
            raise
        self._transport, self.device, self.hello = transport, device, hello
        return self._welcome(device, status)

    def _again_later(self) -> None:
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
        self._next_try = time.monotonic() + self._wait_s

    def _welcome(self, device: Device, status: Status | None) -> list[ReconnectingItem]:
        now = time.monotonic()
        first = device.first_seq
        restarted = self._has_restarted(first, status, now)
        missing = None
        if first is not None and self._seq is not None:
            expected = 0 if restarted else self._seq + 1
            if first > expected:
                missing = LinesLost(expected, first - 1)
                self._before.missing += missing.count
        self._before.restarts += restarted
        if restarted:
            self._heard_samples = None
        return [Reconnected(self._transport.path, self.hello, now - self._gone_at, restarted, missing)]

    def _has_restarted(self, first: int | None, status: Status | None, now: float) -> bool:
        """Detect a restart: by `seq`, else by the board's time, which then lags behind ours.

        A board may send as many lines in a long absence as it had sent before, so `seq` alone is not enough.
        """
        if first is not None and self._seq is not None and first <= self._seq:
            return True
        if status is None or self._heard_samples is None or not self.hello.rate_hz:
            return False
        rate_hz = self.hello.rate_hz
        samples = status.captured + status.lost
        youngest = rate_hz * (now - self._gone_at)  # the most it can have heard if it started while away
        oldest = self._heard_samples + rate_hz * (now - self._heard_at)  # what it has heard if it went on
        if samples > youngest + rate_hz * _SLACK_S:
            return False
        return samples < max(self._heard_samples, (youngest + oldest) / 2)

    def close(self) -> None:
        """Close the port; the board goes on."""
        self._transport.close()

    def __enter__(self) -> ReconnectingDevice:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _sum(a: Counts, b: Counts) -> Counts:
    return Counts(**{f.name: getattr(a, f.name) + getattr(b, f.name) for f in fields(Counts)})
