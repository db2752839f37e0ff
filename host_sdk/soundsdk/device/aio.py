"""Boards in asyncio: Device and ReconnectingDevice, awaited.

async with await AsyncDevice.open("auto") as device:
    async for event in device.events():
        print(event.label, event.edge)

Each board has a thread of its own that alone touches its port; the event loop never waits for it. A task may be
cancelled at any time: what had come by then is there for the next.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from soundsdk.device.messages import Ack, Event, Hello, Message, Status
from soundsdk.device.protocol import Counts, Damaged, DeviceReset, LinesLost, Text
from soundsdk.device.reconnect import ReconnectingDevice, ReconnectingItem
from soundsdk.device.session import HELLO_S, Device, Item
from soundsdk.device.transport import Transport

if TYPE_CHECKING:

    from soundsdk.detector_file import DetectorFile
    from soundsdk.device.audio_lines import Take
    from soundsdk.device.push import Pushed
    from soundsdk.device.system import System

_TURN_S = 0.1  # the longest a command waits for its turn

_T = TypeVar("_T")
_I = TypeVar("_I")


class _Feed(Generic[_I]):
    """Items that a thread of their own reads."""

    def __init__(self, pool: ThreadPoolExecutor, poll: Callable[[float], list[_I]], close: Callable[[], None]) -> None:
        self._pool = pool
        self._poll = poll
        self._close = close
        self._ready: deque[_I] = deque()

    async def _run(self, work: Callable[..., _T], *args: Any, **named: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args, **named))

    def _fetch(self, timeout_s: float) -> None:
        # In the thread: a task that no longer waits must not take items with it.
        self._ready.extend(self._poll(timeout_s))

    async def read(self, timeout_s: float | None = None) -> _I | None:
        """Read the next item; None if none comes within timeout_s (None: wait without end)."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._ready:
            left = _TURN_S if end is None else end - time.monotonic()
            await self._run(self._fetch, max(0.0, min(_TURN_S, left)))
            if left <= 0 and not self._ready:
                return None
        return self._ready.popleft()

    async def close(self) -> None:
        """Close the port; the board goes on."""
        await self._run(self._close)
        self._pool.shutdown(wait=False)


async def _opened(work: Callable[[], _T]) -> tuple[_T, ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="soundsdk")
    opening = pool.submit(work)
    try:
        return await asyncio.wrap_future(opening), pool
    except BaseException:
        # Cancelled while it was opened: what then opens is closed again.
        opening.add_done_callback(_close_late)
        pool.shutdown(wait=False)
        raise


def _close_late(opening: Any) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


class AsyncDevice(_Feed[Item]):
    """A Device in asyncio; its methods and errors are the same, and are documented there."""

    def __init__(self, device: Device, pool: ThreadPoolExecutor) -> None:
        """Use open()."""
        super().__init__(pool, device.read_all, device.close)
        self._device = device

    @classmethod
    async def open(
        cls, where: str | PathLike[str] | Transport | None = None, hello_s: float = HELLO_S,
        system: System | None = None,
    ) -> AsyncDevice:
        """Open the board at an address or behind a transport, which it closes; raises what Device.open raises."""

        def work() -> Device:
            if where is None or isinstance(where, (str, PathLike)):
                return Device.open(where, hello_s, system)
            try:
                return Device(where, hello_s)
            except BaseException:
                where.close()
                raise

        return cls(*await _opened(work))

    @property
    def hello(self) -> Hello:
        """The newest hello of the board."""
        return self._device.hello

    @property
    def counts(self) -> Counts:
        """Counts of the lines so far."""
        return self._device.counts

    async def messages(self, timeout_s: float | None = None) -> AsyncIterator[Message]:
        """Iterate over the messages, until no item arrives for timeout_s (None: without end).

        ConnectionLost if the port goes.
        """
        while (item := await self.read(timeout_s)) is not None:
            if not isinstance(item, (Text, Damaged, LinesLost, DeviceReset)):
                yield item

    async def events(self, timeout_s: float | None = None) -> AsyncIterator[Event]:
        """Iterate over the events among messages()."""
        async for message in self.messages(timeout_s):
            if isinstance(message, Event):
                yield message

    async def read_event(self, timeout_s: float | None = None) -> Event | None:
        """Read up to the next event; None if no item at all arrives for timeout_s."""
        async for event in self.events(timeout_s):
            return event
        return None

    async def request(
        self, kind: str, timeout_s: float | None = None, tries: int = 1, **members: Any
    ) -> Hello | Status | Ack:
        """Send a command and return its answer."""
        return await self._run(self._device.request, kind, timeout_s, tries, **members)

    async def send(self, kind: str, **members: Any) -> None:
        """Send a command without waiting for its answer."""
        await self._run(self._device.send, kind, **members)

    async def status(self, timeout_s: float | None = None) -> Status:
        """Return the current counters."""
        return await self._run(self._device.status, timeout_s)

    async def set(
        self,
        label: str | None = None,
        on: float | None = None,
        off: float | None = None,
        min_ms: int | None = None,
        hold_ms: int | None = None,
        keep: bool = False,
        *,
        action: str | None = None,
    ) -> Ack:
        """Change the thresholds and the rule of a class."""
        return await self._run(self._device.set, label, on, off, min_ms, hold_ms, keep, action)

    async def record(self, seconds: int, bits: int = 4, progress: Callable[[int, int], None] | None = None) -> Take:
        """Record the board's sound for that many seconds; progress is called from another thread."""
        return await self._run(self._device.record, seconds, bits, progress)

    async def push(
        self, detector: str | PathLike[str] | DetectorFile, progress: Callable[[str, int, int], None] | None = None
    ) -> Pushed:
        """Send the board another detector; progress is called from another thread."""
        return await self._run(self._device.push, detector, progress)

    async def reboot(self, hello_s: float = 10.0) -> Hello:
        """Restart the board and wait for its hello."""
        return await self._run(self._device.reboot, hello_s)

    async def __aenter__(self) -> AsyncDevice:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncReconnectingDevice(_Feed[ReconnectingItem]):
    """A ReconnectingDevice in asyncio.

    async with await AsyncReconnectingDevice.open("auto") as device:
        async for item in device: ...
    """

    def __init__(self, device: ReconnectingDevice, pool: ThreadPoolExecutor) -> None:
        """Use open()."""
        super().__init__(pool, device.read_all, device.close)
        self._device = device

    @classmethod
    async def open(
        cls, where: str | PathLike[str] | Transport | None = None, hello_s: float = HELLO_S,
        system: System | None = None,
    ) -> AsyncReconnectingDevice:
        """Open a board; raises what ReconnectingDevice raises."""
        return cls(*await _opened(lambda: ReconnectingDevice(where, hello_s, system)))

    @property
    def hello(self) -> Hello:
        """The newest hello of the board."""
        return self._device.hello

    @property
    def counts(self) -> Counts:
        """Counts of the lines over all connections."""
        return self._device.counts

    async def __aiter__(self) -> AsyncIterator[ReconnectingItem]:
        while True:
            item = await self.read()
            assert item is not None
            yield item

    async def __aenter__(self) -> AsyncReconnectingDevice:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
