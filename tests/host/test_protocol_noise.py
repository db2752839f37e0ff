"""A million lines with one percent of their bytes damaged: nothing wrong is accepted, nothing undamaged is lost."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np

from soundfw.wire.framing import encode
from soundsdk.device.protocol import Damaged, LinesLost, Reader, Text
from soundsdk_sim.faults import Noise

LINES = 1_000_000
CHUNK = 20_000
# What a board prints besides lines: with and without line ends, and such as looks like a line.
TEXTS = [
    b"rst:0x1 (POWERON_RESET),boot:0x13\r\n",
    b"Traceback (most recent call last):\r\n",
    b">>> ",
    b'{"type":"status","seq":5',
    b'{"type":"event"}\n',
    b"}\n{\n",
    b"\xff\x00\xfe",
]


def _message(seq: int, rng: random.Random) -> dict[str, Any]:
    kind = rng.random()
    if kind < 0.2:
        return {
            "type": "status", "seq": seq, "captured": 256 * seq, "lost": seq % 7, "step_us": rng.randrange(9999),
            "heap_free": 91232, "level_dbfs": -41.2, "dropped": 0, "damaged": 0,
        }  # fmt: skip
    if kind < 0.25:
        return {"type": "ack", "seq": seq, "re": "push", "ok": False, "error": "model.op", "detail": 'no "operator" é'}
    edge = "on" if kind < 0.6 else "off"
    return {"type": "event", "seq": seq, "id": seq % 9, "label": "siren", "edge": edge, "t": 512 * seq, "score": 0.93}


def test_clean_lines_survive_one_percent_noise() -> None:
    """Undamaged is a line whose every byte arrives, the line ends it brings itself included."""
    seed = 20261122
    print(f"seed {seed}")
    rng = random.Random(seed)
    noise = Noise(replace=0.0034, drop=0.0033, double=0.0033, seed=seed)
    reader = Reader()
    accepted = undamaged = reported = text = 0
    newest = -1
    last: dict[str, Any] = {}
    reading_s = 0.0
    for begin in range(0, LINES, CHUNK):
        sent = [_message(seq, rng) for seq in range(begin, begin + CHUNK)]
        lines = [b"\n" + encode(message) + b"\n" for message in sent]
        between = [rng.choice(TEXTS) if rng.random() < 0.05 else b"" for _ in lines]
        sizes = np.array([(len(a), len(b)) for a, b in zip(between, lines, strict=True)])
        data = noise.apply(b"".join(a + b for a, b in zip(between, lines, strict=True)))
        starts = np.cumsum(sizes.sum(1)) - sizes[:, 1]
        harmed = np.concatenate([[0], np.cumsum(~noise.kept)])
        clean = {begin + int(i) for i in np.flatnonzero(harmed[starts + sizes[:, 1]] == harmed[starts])}
        undamaged += len(clean)
        at = 0
        while at < len(data):
            n = rng.randrange(1, 8192)
            before = time.perf_counter()
            got = reader.lines(data[at : at + n])
            reading_s += time.perf_counter() - before
            at += n
            for line in got:
                if isinstance(line, dict):
                    seq = line["seq"]
                    # The last line of a chunk may be completed by the line end that starts the next.
                    assert line == (sent[seq - begin] if seq >= begin else last), f"seed {seed}: accepted {line}"
                    assert seq > newest
                    newest = seq
                    accepted += 1
                    clean.discard(seq)
                elif isinstance(line, LinesLost):
                    reported += line.count
                else:
                    assert isinstance(line, (Text, Damaged)), f"seed {seed}: {line}"
                    text += isinstance(line, Text)
        last = sent[-1]
        assert not clean, f"seed {seed}: undamaged and lost: {sorted(clean)[:5]}"
    print(
        f"{LINES} lines, {noise.damaged} bytes damaged: {undamaged} undamaged, {accepted} accepted, 0 wrong, "
        f"{reported} reported missing; {reading_s:.1f} s to read, {1e6 * reading_s / LINES:.1f} us a line"
    )
    assert 0.2 * LINES < undamaged <= accepted < 0.6 * LINES
    assert accepted + reported + (LINES - 1 - newest) == LINES, "every line is accepted or reported, none both"
    assert reader.counts.messages == accepted
    assert reader.counts.missing == reported
    assert text > LINES / 100
