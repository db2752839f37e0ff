"""The address sim:<board>, with faults on demand."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from soundsdk import ConnectionLost, Device, ReconnectingDevice
from soundsdk.device.reconnect import Disconnected, Reconnected
from soundsdk.errors import ProtocolError, UsageError
from waiting import PATIENCE_S


def test_the_board_hears_the_recording_with_the_model(wav: Path, model_file: Path) -> None:
    with Device.open(f"sim:rpi_pico,file={wav},model={model_file}") as device:
        assert (device.hello.board, device.hello.model) == ("rpi_pico", "tones")
        event = next(device.events(timeout_s=PATIENCE_S))
    assert (event.label, event.edge) == ("high", "on")


@pytest.mark.parametrize("text", ["sim:none", "sim:sim,colour=red", "sim:sim,noise=x", "sim:sim,noise=2", "sim:"])
def test_addresses_of_no_virtual_board_are_rejected(text: str) -> None:
    with pytest.raises(UsageError):
        Device.open(text)


def test_noise_slowness_and_a_pulled_cable() -> None:
    with Device.open("sim:sim,noise=0.002,seed=3,bytes_s=20000") as device:
        for _ in range(10):
            device.status()
    assert device.counts.damaged + device.counts.text > 0
    with pytest.raises(ProtocolError):
        Device.open("sim:sim,noise=1", hello_s=0.5)
    with Device.open("sim:sim,unplug_read=2000") as device:

        def request_on() -> None:
            for _ in range(100):
                device.status()

        with pytest.raises(ConnectionLost):
            request_on()


def test_a_watch_outlives_the_pulled_cable() -> None:
    with ReconnectingDevice("sim:sim,unplug_read=1500") as watch:
        kinds: list[type] = []
        for _ in range(3000):
            if watch.device is not None:
                with contextlib.suppress(ConnectionLost):
                    watch.device.status()
            kinds += [type(item) for item in watch.read_all(0.02)]
            if kinds.count(Reconnected) >= 2:
                break
    assert kinds.count(Disconnected) >= 2
    assert kinds.count(Reconnected) >= 2
