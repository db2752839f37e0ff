"""Wrong arguments of a program, and a device that it has closed: a SoundsdkError with a sentence, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tone_boards import beeps, board

import soundsdk
from soundsdk import Device, DeviceError, UsageError
from soundsdk.device import address
from soundsdk.models.shipped import find_model
from soundsdk_sim.sim_transport import SimTransport


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    with Device(SimTransport("sim", board(beeps(1), 8))) as device:
        yield device


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda d: d.push(5), "a detector is a name or a path, not 5."),
        (lambda d: d.push(None), "a detector is a name or a path, not None."),
        (lambda d: d.push(b"x"), "a detector is a name or a path, not b'x'."),
        (lambda d: d.push(""), "the name of a detector is empty."),
        (lambda d: d.push("a\0b.tflite"), "a detector has a NUL in its name"),
        (lambda d: d.record("5"), "a number of seconds is a whole number, not '5'."),
        (lambda d: d.record(True), "a number of seconds is a whole number, not True."),
        (lambda d: d.record(1, bits="4"), "a number of bits is a whole number, not '4'."),
        (lambda d: d.set(on="0.5"), "on is a number, not '0.5'."),
        (lambda d: d.set(off=float("nan")), "off is a finite number, not nan."),
        (lambda d: d.set(min_ms="5"), "min_ms is a number, not '5'."),
        (lambda d: d.set(hold_ms=float("inf")), "hold_ms is a finite number, not inf."),
        (lambda d: d.set(label=5, on=0.5), "a label is text, not 5."),
        (lambda d: d.set(action=5), "an action is text, not 5."),
        (lambda d: d.send("set", on=object()), "set cannot be sent"),
    ],
)
def test_a_wrong_argument_is_one_sentence(call: Callable[[Any], object], says: str, device: Device) -> None:
    with pytest.raises(UsageError) as refused:
        call(device)
    assert says in refused.value.message


def test_numbers_of_numpy_are_numbers(device: Device) -> None:
    assert device.set("high", on=np.float32(0.5), off=np.float64(0.25)).ok


@pytest.mark.parametrize("path", ["a\0b", b"clip.wav", 5, None, ""])
def test_detect_refuses_what_is_no_path(path: Any) -> None:
    with pytest.raises(UsageError, match="a recording"):
        soundsdk.detect(path)


def test_a_path_is_an_address(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="ttyNONE"):
        Device.open(tmp_path / "ttyNONE")
    assert address.parse(tmp_path / "x") == address.parse(str(tmp_path / "x"))
    with pytest.raises(UsageError, match="the address of a board"):
        Device.open(5)  # type: ignore[arg-type]


def test_an_empty_name_is_not_the_default_detector() -> None:
    with pytest.raises(UsageError, match="name of a detector is empty"):
        find_model("")
    assert find_model() == find_model("home")


@pytest.mark.parametrize(
    "call",
    [
        lambda d: d.status(), lambda d: d.push("home"), lambda d: d.record(1), lambda d: d.reboot(),
        lambda d: d.set(on=0.5), lambda d: d.read(60.0), lambda d: next(d.events()), lambda d: d.send("hello"),
    ],
)  # fmt: skip
def test_a_closed_device_says_so_at_once(call: Callable[[Device], object]) -> None:
    device = Device(SimTransport("sim", board(beeps(1), 8)))
    device.read_all()  # else what has come already is read
    device.close()
    with pytest.raises(UsageError, match="the board at sim:sim was closed by this program"):
        call(device)
