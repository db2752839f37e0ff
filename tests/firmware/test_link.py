"""Lines out and in, against the host's own reader of the wire."""

from __future__ import annotations

import binascii
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundfw.wire import framing
from soundfw.wire.framing import MAX_LINE_BYTES, decimal, decode, text
from soundfw.wire.link import Link
from soundsdk.device import protocol


class Wire:
    """A port that collects what is written: at most `room` bytes a call, nothing while `open` is false."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.data = bytearray()
        self.room = room
        self.open = True
        self.incoming: list[bytes] = []

    def write(self, data: bytes) -> int | None:
        if not self.open:
            return None
        n = min(len(data), self.room)
        self.data += data[:n]
        return n

    def read(self) -> bytes:
        return self.incoming.pop(0) if self.incoming else b""

    def lines(self) -> list[bytes]:
        return [line for line in self.data.split(b"\n") if line]


def test_a_line_is_what_the_design_shows() -> None:
    wire = Wire()
    link = Link(wire.write)
    link.seq = 17
    link.send('"type":"event",', ',"id":3,"label":"siren","edge":"on","t":204800,"score":0.930')
    assert link.pump()
    body = b'{"type":"event","seq":17,"id":3,"label":"siren","edge":"on","t":204800,"score":0.930'
    assert bytes(wire.data) == b"\n" + body + b',"crc":"%08x"}\n' % binascii.crc32(body)
    assert framing.decode(wire.lines()[0])["score"] == 0.93


def test_seq_counts_lines_and_the_host_sees_a_dropped_one() -> None:
    wire = Wire()
    wire.open = False
    link = Link(wire.write, lines=4)
    assert [link.send('"type":"x",') for _ in range(6)] == [True] * 4 + [False] * 2
    assert link.dropped == 2
    assert not link.pump()
    wire.open = True
    link.pump()
    assert link.send('"type":"x",')
    link.pump()
    reader = protocol.Reader()
    assert [m["seq"] for m in reader.feed(bytes(wire.data))] == [0, 1, 2, 3, 6]
    assert reader.counts.missing == 2


@pytest.mark.parametrize("room", [1, 2, 17, 64])
def test_a_port_that_accepts_little_at_a_time_gets_every_byte_once(room: int) -> None:
    wire, whole = Wire(room), Wire()
    for w in (wire, whole):
        link = Link(w.write)
        for n in range(5):
            link.send('"type":"x",', f',"n":{n}')
        assert link.pump()
    assert wire.data == whole.data


def test_a_line_longer_than_allowed_is_not_sent_and_counted() -> None:
    wire = Wire()
    link = Link(wire.write)
    link.send('"type":"x",', ',"a":"%s"' % ("a" * 2000))
    assert link.dropped == 1
    most = MAX_LINE_BYTES - len('{"type":"x","seq":1,"a":"","crc":"01234567"}')
    assert link.send('"type":"x",', ',"a":"%s"' % ("a" * most))
    assert not link.send('"type":"x",', ',"a":"%s"' % ("a" * (most + 1)))
    link.pump()
    assert max(len(line) for line in wire.lines()) == MAX_LINE_BYTES


@given(st.text(max_size=80))
def test_any_text_is_a_json_string(value: str) -> None:
    value = value.encode("utf-8", "ignore").decode()
    assert json.loads(text(value)) == value
    assert "\n" not in text(value)


@given(st.integers(-(10**9), 10**9), st.integers(1, 4))
def test_decimals_are_exact(value: int, digits: int) -> None:
    shown = decimal(value, digits)
    assert round(json.loads(shown) * 10**digits) == value
    assert len(shown.split(".")[1]) == digits


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(930, 3, "0.930"), (-4, 1, "-0.4"), (-412, 1, "-41.2"), (1000, 3, "1.000"), (0, 1, "0.0")],
)
def test_decimals_as_shown(value: int, digits: int, shown: str) -> None:
    assert decimal(value, digits) == shown


def receive(link: Link) -> list[dict]:
    out = []
    while (message := link.poll()) is not None:
        out.append(message)
    return out


@pytest.mark.parametrize("chunk", [1, 3, 50, 10000])
def test_commands_are_read_in_pieces_of_any_size(chunk: int) -> None:
    sent = [{"type": "hello", "seq": 0}, {"type": "set", "label": "über", "on": 700}, {"type": "status"}]
    data = b"".join(b"\n" + framing.encode(m) + b"\r\n" for m in sent)
    wire = Wire()
    link = Link(wire.write, wire.read)
    got = []
    for at in range(0, len(data), chunk):
        wire.incoming.append(data[at : at + chunk])
        got += receive(link)
    assert [{k: v for k, v in m.items() if k != "crc"} for m in got] == sent
    assert link.damaged == 0


def test_damage_and_text_are_counted_and_never_accepted() -> None:
    good = framing.encode({"type": "reboot"})
    wire = Wire()
    link = Link(wire.write, wire.read)
    for bad in (
        b"hello there",
        good[:-1],
        good.replace(b"reboot", b"rebood"),
        good.replace(b'"}', b'0"}'),
        b"{}",
        b'{"a":1,"crc":"%08x"}' % binascii.crc32(b'{"a":1'),
        b'{"type":5,"crc":"%08x"}' % binascii.crc32(b'{"type":5'),
        b"\xff\xfe{",
        b"x" * 5000,
        framing.encode({"type": "x" * 900}) + b" " * 500,
    ):
        before = link.damaged
        wire.incoming.append(bad + b"\n")
        assert receive(link) == []
        assert link.damaged == before + 1, bad
    wire.incoming.append(b"\n\r\n \n" + good + b"\n")
    assert [m["type"] for m in receive(link)] == ["reboot"]


def test_deep_nesting_is_damage_not_a_crash() -> None:
    body = b'{"type":' + b"[" * 900
    assert decode(body + b',"crc":"%08x"}' % binascii.crc32(body)) is None


def test_random_bytes_neither_crash_nor_pass() -> None:
    rng = random.Random(5)
    wire = Wire()
    link = Link(wire.write, wire.read)
    for _ in range(500):
        wire.incoming.append(bytes(rng.choice(b'{}",:crctype\n\r01ab\xff') for _ in range(rng.randint(0, 200))))
        assert receive(link) == []


def test_one_poll_reads_a_bounded_amount() -> None:
    reads = 0

    def flood() -> bytes:
        nonlocal reads
        reads += 1
        return b"x\n" * 10

    assert Link(lambda b: len(b), flood).poll() is None
    assert reads <= 8
