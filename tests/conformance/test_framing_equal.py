"""The board and the host accept the same lines: 100,000 random ones through both, in CPython and MicroPython."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
from binascii import crc32
from collections.abc import Callable
from pathlib import Path
from typing import Any

import framing as program
import pytest

from images import image_of
from soundfw.wire import MAX_DEPTH, MAX_DIGITS
from soundfw.wire.framing import MAX_LINE_BYTES, decode, encode
from soundsdk.device.protocol import Reader

LINES = 100_000
SEED = int(os.environ.get("SOUNDSDK_SEED", "20261125"))

_NUMBERS = [
    "0", "-0", "1", "-1", "00", "01", "-01", "1.", ".5", "-", "+1", "1e5", "1E5", "1e400", "0.0", "-0.0", "0.930",
    "1.5.2", "1-2", "--1", "0x10", "1_0", "NaN", "Infinity", "-Infinity", "inf", "1073741823", "1073741824",
    "-1073741825", "2147483648", "9223372036854775807", "9" * MAX_DIGITS, "9" * (MAX_DIGITS + 1),
    "-" + "9" * MAX_DIGITS, "0." + "3" * (MAX_DIGITS - 1), "0." + "3" * MAX_DIGITS, "1" * 400, "12345678901234567.8",
    "١",
]  # fmt: skip
_PARTS = [
    "", "a", "siren", "über", "警報", "🚨", "\u2028", "\x7f", '\\"', "\\\\", "\\/", "\\b\\f\\n\\r\\t", "\\u0041",
    "\\u00e9", "\\u0000", "\\ud83d\\ude00", "\\ud83d", "\\ude00", "\\ud83d\\u0041", "\\uD83D\\uDE00", "\\u12G4",
    "\\u+123", "\\u 123", "\\x41", "\\a", "\\'", "'", "\t", "\n", "\r", "\0", "\x1f", "{", "}", "[", ",", ":", "crc",
    " ", "\\u123", "\\",
]  # fmt: skip
_BYTES = [
    b"\xff", b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xc2", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xed\xa0\x80",
    b"\xef\xbf\xbf", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80", b"\xf8\x80", b"\xfe", b"\x00", b"\t", b" ", b"\r", b"\n", b"\v", b"\\", b'"', b",", b":",
    b"[", b"]", b"{", b"}", b"0", b"-", b".", b"e5", b"null", b"nul", b"True", b"//", b"#", b"\xef\xbb\xbf",
]  # fmt: skip


def _value(rng: random.Random, depth: int) -> str:
    kind = rng.randrange(10)
    if kind < 2:
        return rng.choice(_NUMBERS)
    if kind < 4:
        return (
            str(rng.randint(-(10**6), 10**6))
            if rng.random() < 0.5
            else f"{rng.uniform(-1000, 1000):.{rng.randint(1, 9)}f}"
        )
    if kind < 7 or depth == 0:
        return _string(rng)
    if kind < 8:
        return rng.choice(["true", "false", "null"])
    space = " " * (rng.random() < 0.1)
    if kind < 9:
        return "[" + f",{space}".join(_value(rng, depth - 1) for _ in range(rng.randrange(4))) + space + "]"
    return "{" + ",".join(_member(rng, depth - 1) for _ in range(rng.randrange(3))) + "}"


def _string(rng: random.Random) -> str:
    if rng.random() < 0.6:
        return json.dumps(rng.choice(["on", "siren", "über", "🚨", "a\nb", '"', "\\"]), ensure_ascii=rng.random() < 0.3)
    return '"' + "".join(rng.choice(_PARTS) for _ in range(rng.randrange(4))) + '"'


def _member(rng: random.Random, depth: int) -> str:
    space = " " * (rng.random() < 0.1)
    key = rng.choice(['"seq"', '"label"', '"t"', '"on"', '"a"', '"b"', '"c"', '"type"', '"crc"', '"\\u0061"', "1", "a"])
    return key + space + ":" + space + _value(rng, depth)


def _body(rng: random.Random) -> bytes:
    """Return an object without its last brace; most are sound."""
    if rng.random() < 0.1:
        return b'{"type":"x","a":' + b"[" * (n := rng.randint(1, MAX_DEPTH + 2)) + b"]" * n
    members = ['"type":"' + rng.choice(["event", "set", "status", "x"]) + '"'] if rng.random() < 0.95 else []
    members += [f'"{name}":{_value(rng, 3)}' for name in rng.sample("abcdefgh", rng.randrange(5))]
    if rng.random() < 0.2:
        members.append(_member(rng, 3))
    if rng.random() < 0.03:
        members.append('"pad":"' + "x" * rng.randint(900, 1000) + '"')
    rng.shuffle(members)
    return ("{" + ",".join(members)).encode()


def signed(body: bytes) -> bytes:
    """Return the line for a body with the right CRC."""
    return body + b',"crc":"%08x"}' % crc32(body)


def random_line(rng: random.Random) -> bytes:
    """Return a line: sound, odd under a right CRC, damaged, cut short, or with something around it."""
    body = _body(rng)
    kind = rng.random()
    if kind < 0.35:
        # Odd in one place, and signed: what the CRC cannot show.
        at = rng.randrange(len(body))
        cut = rng.randrange(3)
        body = body[:at] + rng.choice([b"", rng.choice(_BYTES), rng.choice(_BYTES)]) + body[at + cut :]
    line = signed(body)
    if 0.35 <= kind < 0.42:
        line = bytearray(line)
        line[rng.randrange(len(line))] ^= 1 << rng.randrange(8)
    elif 0.42 <= kind < 0.45:
        line = line[: rng.randrange(len(line))]
    elif 0.45 <= kind < 0.48:
        line = line.replace(b'"crc"', b'"CRC"') if rng.random() < 0.5 else line[:-10] + line[-10:].upper()
    elif 0.48 <= kind < 0.52:
        line = (
            rng.choice([b"\r", b"\r\r", b" ", b"\n", b"\t", b"log "])
            + line
            + rng.choice([b"", b"\r", b"\r\r", b" ", b"}"])
        )
    elif 0.52 <= kind < 0.53:
        line = rng.randbytes(rng.randrange(40))
    return bytes(line)


def host_side() -> Callable[[bytes], list[dict[str, Any]]]:
    """Return a function that gives the messages a line brings to the host."""
    reader = Reader()
    return lambda line: reader.feed(line + b"\n")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    print(f"SOUNDSDK_SEED={SEED}")
    rng = random.Random(SEED)
    path = tmp_path_factory.mktemp("framing") / "lines"
    with path.open("wb") as f:
        for _ in range(LINES):
            line = random_line(rng)
            f.write(len(line).to_bytes(2, "little") + line)
    return path


@pytest.fixture(scope="module")
def host(lines: Path) -> list[tuple[list[str], int, list[float]]]:
    return list(program.blocks(str(lines), host_side()))


def test_the_lines_are_worth_sending(host: list[tuple[list[str], int, list[float]]]) -> None:
    """A good part is accepted and a good part is refused, in every block."""
    assert len(host) == LINES // program.BLOCK_LINES
    assert all(250 < messages < 750 for _, messages, _ in host)
    assert all(len(decimals) > 50 for _, _, decimals in host)


def test_board_and_host_accept_the_same_lines_in_cpython(
    lines: Path, host: list[tuple[list[str], int, list[float]]]
) -> None:
    for number, (board, there) in enumerate(zip(program.blocks(str(lines), program.board_side()), host, strict=True)):
        differing = [(i, a, b) for i, (a, b) in enumerate(zip(board[0], there[0], strict=True)) if a != b]
        assert not differing, f"SOUNDSDK_SEED={SEED}, block {number}: {differing[0]}"
        assert board[2] == there[2]


def test_the_board_in_micropython_accepts_what_the_host_does(
    lines: Path, host: list[tuple[list[str], int, list[float]]], tmp_path: Path
) -> None:
    image = image_of("unix", tmp_path)
    script = Path(program.__file__)

    def board(*words: str) -> list[str]:
        command = [str(image), "-X", "heapsize=32m", str(script), str(lines), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        assert done.stderr == ""
        return done.stdout.split("\n")[:-1]

    printed = board()
    assert len(printed) == len(host)
    for number, (line, (results, messages, decimals)) in enumerate(zip(printed, host, strict=True)):
        check, count, *values = line.split()
        if (check, int(count)) != (program.digest(results), messages):
            ours = [f"{crc32(result.encode())} {result}" for result in results]
            pairs = zip("\n".join(board(str(number))).split("\n"), "\n".join(ours).split("\n"), strict=False)
            first = next(pair for pair in pairs if pair[0] != pair[1])
            pytest.fail(f"SOUNDSDK_SEED={SEED}, block {number}: the board has {first[0]!r}, the host {first[1]!r}")
        assert len(values) == len(decimals)
        assert all(math.isclose(float(a), b, rel_tol=1e-12) for a, b in zip(values, decimals, strict=True))


def test_what_is_accepted_is_json_with_the_same_value(lines: Path) -> None:
    """The reference is CPython's own parser, which neither side uses."""
    accepted = 0
    for line in program.records(str(lines)):
        message = decode(line)
        if message is not None:
            whole = json.loads(line.decode())
            assert whole.pop("crc")
            assert message == whole, line
            accepted += 1
    assert accepted > LINES // 4


@pytest.mark.parametrize("ensure_ascii", [False, True])
def test_what_json_writes_is_accepted_within_the_bounds(ensure_ascii: bool) -> None:
    """A host in any language may use its own JSON library."""
    message = {"type": "set", "label": "über 🚨\n\"'\\/", "n": [0, -5, 10**17, 0.93, -41.2, True, False, None, {}, []]}
    body = json.dumps(message, ensure_ascii=ensure_ascii)[:-1].encode()
    assert decode(signed(body)) == message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e-7, 10**MAX_DIGITS, "\ud800", {"a": [[[[[[[[]]]]]]]]}])
def test_what_would_be_refused_is_not_encoded(value: Any) -> None:
    with pytest.raises(ValueError, match=r"bounds|surrogates"):
        encode({"type": "x", "value": value})
    assert len(encode({"type": "x", "value": "y" * (MAX_LINE_BYTES - 45)})) <= MAX_LINE_BYTES
