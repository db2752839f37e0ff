"""Boards in asyncio: the same as Device and Watch, awaited.

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
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from soundsdk.device.messages import Ack, Event, Hello, Message, Status
from soundsdk.device.protocol import Counts, Damaged, Missing, Restarted, Text
from soundsdk.device.reconnect import Watch, WatchItem
from soundsdk.device.session import ANSWER_S, HELLO_S, Device, Item
from soundsdk.device.transport import Transport

if TYPE_CHECKING:
    from soundsdk.device.system import System

_TURN_S = 0.1  # the longest a command waits for its turn

_T = TypeVar("_T")
_I = TypeVar("_I")


class _Feed(Generic[_I]):
    """Items that a thread of their own fetches."""

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

    async def take(self, timeout_s: float | None = None) -> _I | None:
        """The next item; None if none comes within timeout_s (None: however long it takes)."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._ready:
            left = _TURN_S if end is None else end - time.monotonic()
            await self._run(self._fetch, max(0.0, min(_TURN_S, left)))
            if left <= 0 and not self._ready:
                return None
        return self._ready.popleft()

    async def close(self) -> None:
        """Closes the port; the board goes on."""
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
        """See open()."""
        super().__init__(pool, device.poll, device.close)
        self._device = device

    @classmethod
    async def open(
        cls, where: str | Transport | None = None, hello_s: float = HELLO_S, system: System | None = None
    ) -> AsyncDevice:
        """Opens the board at an address or behind a transport, which it closes; raises what Device.open raises."""

        def work() -> Device:
            if where is None or isinstance(where, str):
                return Device.open(where, hello_s, system)
            try:
                return Device(where, hello_s)
            except BaseException:
                where.close()
                raise

        return cls(*await _opened(work))

    @property
    def hello(self) -> Hello:
        """The newest the board has said."""
        return self._device.hello

    @property
    def counts(self) -> Counts:
        """Of the lines so far."""
        return self._device.counts

    async def messages(self, timeout_s: float | None = None) -> AsyncIterator[Message]:
        """What the board says, as it comes, until timeout_s without an item (None: for ever); Gone if the port goes."""
        while (item := await self.take(timeout_s)) is not None:
            if not isinstance(item, (Text, Damaged, Missing, Restarted)):
                yield item

    async def events(self, timeout_s: float | None = None) -> AsyncIterator[Event]:
        """The events among messages()."""
        async for message in self.messages(timeout_s):
            if isinstance(message, Event):
                yield message

    async def ask(self, kind: str, timeout_s: float = ANSWER_S, tries: int = 1, **members: Any) -> Hello | Status | Ack:
        """Sends a command; its answer."""
        return await self._run(self._device.ask, kind, timeout_s, tries, **members)

    async def tell(self, kind: str, **members: Any) -> None:
        """Sends a command and waits for nothing."""
        await self._run(self._device.tell, kind, **members)

    async def status(self, timeout_s: float = ANSWER_S) -> Status:
        """The board's counters now."""
        return await self._run(self._device.status, timeout_s)

    async def set(
        self,
        label: str | None = None,
        on: float | None = None,
        off: float | None = None,
        min_ms: int | None = None,
        hold_ms: int | None = None,
        keep: bool = False,
    ) -> Ack:
        """Changes how a class is decided."""
        return await self._run(self._device.set, label, on, off, min_ms, hold_ms, keep)

    async def reboot(self, hello_s: float = 10.0) -> Hello:
        """Restarts the board and waits for its hello."""
        return await self._run(self._device.reboot, hello_s)

    async def __aenter__(self) -> AsyncDevice:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class AsyncWatch(_Feed[WatchItem]):
    """A Watch in asyncio: a board that comes back.

    async with await AsyncWatch.open("auto") as watch:
        async for item in watch: ...
    """

    def __init__(self, watch: Watch, pool: ThreadPoolExecutor) -> None:
        """See open()."""
        super().__init__(pool, watch.poll, watch.close)
        self._watch = watch

    @classmethod
    async def open(
        cls, where: str | Transport | None = None, hello_s: float = HELLO_S, system: System | None = None
    ) -> AsyncWatch:
        """Opens a board; raises what Watch raises."""
        return cls(*await _opened(lambda: Watch(where, hello_s, system)))

    @property
    def hello(self) -> Hello:
        """The newest the board has said."""
        return self._watch.hello

    @property
    def counts(self) -> Counts:
        """Of the lines over all connections."""
        return self._watch.counts

    async def __aiter__(self) -> AsyncIterator[WatchItem]:
        while True:
            item = await self.take()
            assert item is not None
            yield item

    async def __aenter__(self) -> AsyncWatch:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
