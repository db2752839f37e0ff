"""The wire: what is believed, what is counted."""

import json
import random

import pytest

from soundsdk.protocol import MAX_LINE_BYTES, Reader, decode, encode


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


def test_clean_lines_survive_one_percent_noise():
    seed = 20
    rng = random.Random(seed)
    sent, data, clean = [], bytearray(), []
    for seq in range(20000):
        message = {"type": "event", "seq": seq, "id": seq // 2, "label": "siren", "t": 512 * seq}
        line = encode(message)
        noisy = bytearray()
        for byte in line:
            roll = rng.random()
            if roll < 0.0034:
                noisy.append(rng.randrange(256))
            elif roll < 0.0067:
                continue
            elif roll < 0.01:
                noisy += bytes((byte, byte))
            else:
                noisy.append(byte)
        sent.append(message)
        if noisy == line:
            clean.append(message)
        text = b"boot: text in between" if rng.random() < 0.05 else b""
        data += text + b"\n" + noisy + b"\n"
    reader, got = Reader(), []
    while data:
        n = rng.randrange(1, 3000)
        got += reader.feed(bytes(data[:n]))
        del data[:n]
    known = {json.dumps(m) for m in sent}
    assert all(json.dumps(m) in known for m in got), f"seed {seed}"
    believed = {m["seq"] for m in got}
    assert {m["seq"] for m in clean} <= believed, f"seed {seed}"


def test_overlong_line_is_counted_once_and_the_next_line_read():
    reader = Reader()
    for _ in range(50):
        assert reader.feed(b"{" + b"x" * 500) == []
    assert len(reader._buffer) <= MAX_LINE_BYTES
    assert reader.feed(b'"}\n\n' + encode({"type": "status", "seq": 1}) + b"\n") == [{"type": "status", "seq": 1}]
    assert reader.counts.damaged == 1


def test_gap_in_seq_is_counted_and_a_restart_is_not():
    reader = Reader()
    for seq in (0, 1, 5, 6, 0, 1):
        reader.feed(encode({"type": "status", "seq": seq}) + b"\n")
    assert reader.counts.missing == 3


def test_encode_refuses_what_would_not_fit():
    with pytest.raises(ValueError, match="longer"):
        encode({"type": "event", "label": "x" * MAX_LINE_BYTES})
    with pytest.raises(ValueError, match="crc"):
        encode({"type": "event", "crc": "0"})
