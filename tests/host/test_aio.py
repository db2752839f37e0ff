"""Boards in asyncio: nothing blocks the loop, nothing is lost by cancelling."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tone_boards import beeps, board

from soundsdk import AsyncDevice, AsyncReconnectingDevice
from soundsdk.device.messages import Event
from soundsdk.device.reconnect import Disconnected, Reconnected
from soundsdk.device.session import CommandRejected
from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import DeviceError, PortError, ProtocolError
from soundsdk_sim.faults import Faulty
from soundsdk_sim.sim_transport import SimTransport
from virtual_boards.virtual_port import VirtualPorts
from waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[VirtualPorts]:
    with VirtualPorts(tmp_path) as ports:
        yield ports


def in_process(sound: np.ndarray | None = None, speed: float = 1.0) -> SimTransport:
    return SimTransport("sim", board(sound, speed))


def test_events_and_commands_at_the_same_time() -> None:
    async def main() -> None:
        async with await AsyncDevice.open(in_process(beeps(6), speed=8)) as device:
            assert device.hello.model == "tones"

            async def listen() -> list[Event]:
                events: list[Event] = []
                async for event in device.events():
                    events.append(event)
                    if len(events) == 12:
                        break
                return events

            task = asyncio.create_task(listen())
            for _ in range(5):
                assert (await device.status()).lost == 0
            assert (await device.set("low", off=0.39)).ok
            assert (await device.set("low", action="tone:15,880hz")).ok
            with pytest.raises(CommandRejected):
                await device.set("siren", on=0.5)
            events = await asyncio.wait_for(task, PATIENCE_S)
            assert [event.edge for event in events] == ["on", "off"] * 6
            assert device.counts.missing == 0

    asyncio.run(main())


def test_cancelling_loses_nothing() -> None:
    async def main() -> list[Event]:
        events: list[Event] = []

        async def listen() -> None:
            async for event in device.events():
                events.append(event)

        async with await AsyncDevice.open(in_process(beeps(6), speed=8)) as device:
            end = time.monotonic() + PATIENCE_S
            while len(events) < 12 and time.monotonic() < end:
                task = asyncio.create_task(listen())
                await asyncio.sleep(0.01)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
        return events

    events = asyncio.run(main())
    assert [event.edge for event in events] == ["on", "off"] * 6


def test_the_loop_goes_on_while_a_board_is_silent(ports: VirtualPorts) -> None:
    port = ports.add(lambda: board(status_s=3600))

    async def main() -> None:
        async with await AsyncDevice.open(port.path, system=ports) as device:
            while await device.read(0.5) is not None:
                pass
            silent = asyncio.create_task(device.read(PATIENCE_S))
            for _ in range(25):
                await asyncio.sleep(0.01)
            assert not silent.done(), "the loop stood still while the board was silent"
            silent.cancel()

    asyncio.run(main())


def test_errors_are_those_of_device(ports: VirtualPorts) -> None:
    async def fails(error: type[Exception], where: object = "auto") -> None:
        with pytest.raises(error):
            await AsyncDevice.open(where, hello_s=0.4, system=ports)  # type: ignore[arg-type]

    async def main() -> None:
        await fails(DeviceError)
        port = ports.add(board)
        with port.held():
            await fails(PortError)
        await fails(ProtocolError, Faulty(in_process(), silent=True))
        async with await AsyncDevice.open("auto", system=ports) as device:
            port.unplug()
            with pytest.raises(ConnectionLost):
                async for _ in device.messages(timeout_s=PATIENCE_S):
                    pass

    asyncio.run(main())


def test_a_watch_comes_back(ports: VirtualPorts) -> None:
    port = ports.add(lambda: board(np.tile(beeps(2), 50), 8), serial_number="SN")

    async def main() -> None:
        async with await AsyncReconnectingDevice.open(system=ports) as watch:
            kinds: list[type] = []
            async for item in watch:
                kinds.append(type(item))
                if isinstance(item, Event) and Disconnected not in kinds:
                    port.unplug()
                elif isinstance(item, Disconnected):
                    port.plug("ttyACM5")
                elif isinstance(item, Event) and Reconnected in kinds:
                    break
            assert kinds.index(Disconnected) < kinds.index(Reconnected)
            assert watch.counts.restarts == 1

    asyncio.run(asyncio.wait_for(main(), PATIENCE_S))


def test_opening_that_is_cancelled_leaves_no_port_open_and_no_thread(ports: VirtualPorts) -> None:
    slow = Faulty(in_process(), silent=True)

    async def main() -> None:
        task = asyncio.create_task(AsyncDevice.open(slow, hello_s=3.0))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    wait_until(lambda: not any(t.name.startswith("soundsdk") for t in threading.enumerate()))
    with pytest.raises(ConnectionLost):
        slow.read(0)
