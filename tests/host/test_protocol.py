"""The wire: what is accepted, what is counted."""

import binascii
import json
import random

import pytest

from soundfw.wire.framing import MAX_LINE_BYTES, decode, encode
from soundsdk.device.protocol import Damaged, DeviceReset, LinesLost, Reader, Text


def test_known_line():
    line = encode({"type": "status", "seq": 7, "lost": 0})
    assert line == b'{"type":"status","seq":7,"lost":0,"crc":"3f570dc3"}'
    assert decode(line) == {"type": "status", "seq": 7, "lost": 0}
    assert json.loads(line)["crc"] == "3f570dc3"


@pytest.mark.parametrize("split", [1, 2, 3, 7, 1000])
def test_any_split_of_the_bytes_gives_the_same_messages(split):
    messages = [{"type": "event", "seq": i, "label": "ä" * i} for i in range(40)]
    data = b"".join(b"\n" + encode(m) + b"\n" for m in messages)
    reader = Reader()
    got = [m for at in range(0, len(data), split) for m in reader.feed(data[at : at + split])]
    assert got == messages
    assert (reader.counts.damaged, reader.counts.text, reader.counts.missing) == (0, 0, 0)


def test_every_single_byte_change_is_refused():
    line = bytearray(encode({"type": "event", "seq": 17, "id": 3, "label": "siren", "edge": "on", "t": 204800}))
    for at in range(len(line)):
        for flip in (1, 2, 32, 128):
            line[at] ^= flip
            assert decode(bytes(line)) is None, (at, flip)
            line[at] ^= flip


def test_overlong_line_is_counted_once_and_the_next_line_read():
    reader = Reader()
    for _ in range(50):
        assert reader.feed(b"{" + b"x" * 500) == []
    # Private: no caller needs the bound of the memory, which is the promise here.
    assert len(reader._rest) <= MAX_LINE_BYTES + 2
    assert reader.feed(b'"}\n\n' + encode({"type": "status", "seq": 1}) + b"\n") == [{"type": "status", "seq": 1}]
    assert reader.counts.damaged == 1


@pytest.mark.parametrize("split", [1, 1024, 1025, 1026, 1027])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_longest_line_is_read_however_it_arrives(split, end):
    filler = MAX_LINE_BYTES - len(encode({"type": "event", "label": ""}))
    line = encode({"type": "event", "label": "x" * filler})
    assert len(line) == MAX_LINE_BYTES
    data = b"\r\n" + line + end
    reader = Reader()
    got = [m for at in range(0, len(data), split) for m in reader.feed(data[at : at + split])]
    assert [m["label"] for m in got] == ["x" * filler]
    assert reader.counts.damaged == 0


def test_gap_in_seq_is_reported_with_its_ends_and_a_restart_is_told_apart():
    reader = Reader()
    lines = []
    for seq in (3, 4, 8, 9, 0, 1, 2, 1, 9):
        lines += reader.lines(encode({"type": "status", "seq": seq}) + b"\n")
    short = [line["seq"] if isinstance(line, dict) else line for line in lines]
    # The last restart: 0 was sent and not seen.
    expected = [3, 4, LinesLost(5, 7), 8, 9, DeviceReset(), 0, 1, 2]
    expected += [DeviceReset(), LinesLost(0, 0), 1, LinesLost(2, 8), 9]
    assert short == expected
    assert (reader.counts.missing, reader.counts.restarts) == (3 + 1 + 7, 2)


def test_text_and_damage_come_in_order_with_the_messages():
    reader = Reader()
    good = encode({"type": "status", "seq": 1})
    lines = reader.lines(b"\rboot: ok\r\n\n" + good + b"\n" + good[:-1] + b"\n\x1b[31mred\t\xff\n")
    assert lines == [Text(b"boot: ok"), {"type": "status", "seq": 1}, Damaged(good[:-1]), Text(b"\x1b[31mred\t\xff")]
    assert lines[3].text == "·[31mred \N{REPLACEMENT CHARACTER}"
    assert (reader.counts.text, reader.counts.damaged) == (2, 1)


def _signed(body: bytes) -> bytes:
    return body + b',"crc":"%08x"}' % binascii.crc32(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"type":"status","x":NaN',
        b'{"type":"status","x":-Infinity',
        b'{"type":"status","x":"\xff"',
        b'{"type":7',
        b'{"kind":"status"',
        b'{"type":"status","x":' + b"[" * 990,
        b'{"type":"status","x":' + b"[" * 450 + b"]" * 450 + b"]",
    ],
)
def test_what_is_not_json_is_refused_even_with_a_right_crc(body):
    assert decode(_signed(body)) is None


def test_encode_refuses_what_would_not_fit():
    with pytest.raises(ValueError, match="longer"):
        encode({"type": "event", "label": "x" * MAX_LINE_BYTES})
    with pytest.raises(ValueError, match="crc"):
        encode({"type": "event", "crc": "0"})


@pytest.mark.parametrize("seed", range(20))
def test_any_bytes_in_any_pieces_are_the_same_lines_and_no_error(seed):
    rng = random.Random(seed)
    pieces = [b"\n", b"{", b"\r\n", encode({"type": "status", "seq": seed}), b"x" * 1030, b"\xff\x00", b"\n{" * 3]
    data = b"".join(rng.choice(pieces) if rng.random() < 0.8 else rng.randbytes(5) for _ in range(400))
    whole = Reader()
    expected = whole.lines(data)
    parts, got, at = Reader(), [], 0
    while at < len(data):
        n = rng.choice([1, 2, 50, 1500])
        got += parts.lines(data[at : at + n])
        # Private: no caller needs the bound of the memory, which is a promise here.
        assert len(parts._rest) <= MAX_LINE_BYTES + 2
        at += n
    # What is too long is told when that is known, so its first bytes may differ in number.
    assert [line if isinstance(line, dict) else type(line) for line in got] == [
        line if isinstance(line, dict) else type(line) for line in expected
    ]
    assert parts.counts == whole.counts
