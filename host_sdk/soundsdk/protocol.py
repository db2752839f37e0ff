"""The wire: one JSON object per line, its last member the CRC-32 of all bytes before `,"crc"`.

A line that does not start with `{` is log text; one whose CRC fails is damage. Neither is believed.
"""

from __future__ import annotations

import binascii
import json
from dataclasses import dataclass
from typing import Any

MAX_LINE_BYTES = 1024
_TAIL = len(',"crc":"01234567"}')


def encode(message: dict[str, Any]) -> bytes:
    """The line for a message, without line ends. ValueError if it is longer than MAX_LINE_BYTES or has a `crc`."""
    if "crc" in message:
        raise ValueError("a message must not bring its own crc")
    body = json.dumps(message, separators=(",", ":"), ensure_ascii=False)[:-1].encode()
    line = body + b',"crc":"%08x"}' % binascii.crc32(body)
    if len(line) > MAX_LINE_BYTES:
        raise ValueError(f"a line of {len(line)} bytes is longer than {MAX_LINE_BYTES}")
    return line


def decode(line: bytes) -> dict[str, Any] | None:
    """The message in a line, or None if the line is not an undamaged message."""
    line = line.strip(b"\r\n")
    if len(line) > MAX_LINE_BYTES or len(line) <= _TAIL or not line.startswith(b"{"):
        return None
    body, tail = line[:-_TAIL], line[-_TAIL:]
    if tail != b',"crc":"%08x"}' % binascii.crc32(body):
        return None
    try:
        message = json.loads(line)
    except ValueError:
        return None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return None
    del message["crc"]
    return message


@dataclass
class Counts:
    """What a Reader has seen. `missing` counts lines by the gaps in `seq`."""

    messages: int = 0
    text: int = 0
    damaged: int = 0
    missing: int = 0


class Reader:
    """Splits bytes into lines and decodes them; counts what is not a message.

    feed() takes any number of bytes and returns the messages they complete, and keeps at most one line's bytes.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self._buffer = bytearray()
        self._overlong = False
        self._seq: int | None = None

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Messages completed by data, in order."""
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        if lines and self._overlong:
            # The end of a line whose start was thrown away and counted.
            self._overlong = False
            del lines[0]
        if len(rest) > MAX_LINE_BYTES:
            self.counts.damaged += not self._overlong
            self._overlong = True
        self._buffer = bytearray() if self._overlong else rest
        return [message for line in lines if (message := self._take(bytes(line))) is not None]

    def _take(self, line: bytes) -> dict[str, Any] | None:
        if not line.strip():
            return None
        message = decode(line)
        if message is None:
            if line.lstrip(b"\r").startswith(b"{"):
                self.counts.damaged += 1
            else:
                self.counts.text += 1
            return None
        self.counts.messages += 1
        seq = message.get("seq")
        if isinstance(seq, int):
            # A smaller number is a restart, not a loss.
            if self._seq is not None and seq > self._seq + 1:
                self.counts.missing += seq - self._seq - 1
            self._seq = seq
        return message
