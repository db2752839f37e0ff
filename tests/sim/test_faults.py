"""Faulty links have exactly the faults they were given."""

from __future__ import annotations

import time

import numpy as np
import pytest

from soundsdk.device.transport import ConnectionLost
from soundsdk_sim.faults import Faulty, Noise


class Wire:
    """A transport that sends `data` in pieces and keeps what it receives."""

    path = "wire"
    serial_number = None

    def __init__(self, data: bytes = b"", piece: int = 100) -> None:
        self.data, self.piece, self.received, self.open = data, piece, b"", True

    def read(self, timeout_s: float) -> bytes:
        out, self.data = self.data[: self.piece], self.data[self.piece :]
        return out

    def write(self, data: bytes) -> None:
        self.received += data

    def close(self) -> None:
        self.open = False

    def reopen(self) -> Wire:
        return Wire(self.data)


def test_noise_damages_the_given_share_of_bytes_and_knows_which() -> None:
    data = bytes(range(256)) * 400
    noise = Noise(replace=0.004, drop=0.003, double=0.003, seed=5)
    out = noise.apply(data)
    share = 1 - noise.kept.mean()
    assert 0.008 < share < 0.012
    assert noise.damaged == np.count_nonzero(~noise.kept)
    assert abs(len(out) - len(data)) < 0.003 * len(data)
    assert out == Noise(replace=0.004, drop=0.003, double=0.003, seed=5).apply(data)
    assert out != Noise(replace=0.004, drop=0.003, double=0.003, seed=6).apply(data)


@pytest.mark.parametrize(("chances", "expected"), [({"drop": 1}, b""), ({"double": 1}, b"aabbcc"), ({}, b"abc")])
def test_each_kind_of_noise_alone(chances: dict[str, float], expected: bytes) -> None:
    assert Noise(**chances).apply(b"abc") == expected


def test_a_replaced_byte_is_never_the_same() -> None:
    data = bytes(10000)
    assert 0 not in Noise(replace=1, seed=1).apply(data)


def test_probabilities_beyond_one_are_refused() -> None:
    with pytest.raises(ValueError, match="probabilities"):
        Noise(replace=0.6, drop=0.6)


@pytest.mark.parametrize("at", [0, 1, 99, 100, 101, 250])
def test_the_cable_is_pulled_at_the_byte(at: int) -> None:
    data = bytes(range(250)) + b"rest"
    link = Faulty(Wire(data), unplug_read=at)
    got = bytearray()

    def read_on() -> None:
        while True:
            got.extend(link.read(0))

    with pytest.raises(ConnectionLost):
        read_on()
    assert got == data[:at]
    with pytest.raises(ConnectionLost):
        link.write(b"x")


def test_the_cable_is_pulled_at_the_byte_written() -> None:
    wire = Wire()
    link = Faulty(wire, unplug_written=7)
    link.write(b"abcd")
    with pytest.raises(ConnectionLost):
        link.write(b"efgh")
    assert wire.received == b"abcdefg"
    with pytest.raises(ConnectionLost):
        link.read(0)


def test_unplugging_on_call_and_closing() -> None:
    wire = Wire(b"data")
    link = Faulty(wire)
    link.unplug()
    with pytest.raises(ConnectionLost):
        link.read(0)
    assert wire.open
    link.close()
    assert not wire.open
    assert link.reopen().read(0) == b"data"


def test_a_slow_line_is_as_slow_as_given_and_loses_nothing() -> None:
    data = b"x" * 300
    link = Faulty(Wire(data), bytes_s=2000)
    begin = time.monotonic()
    got = b""
    while len(got) < len(data):
        got += link.read(0)
    assert got == data
    assert time.monotonic() - begin >= 0.15


def test_a_silent_board_neither_receives_nor_sends() -> None:
    wire = Wire(b"hello")
    link = Faulty(wire, silent=True)
    link.write(b"x")
    assert link.read(0.01) == b""
    assert wire.received == b""
