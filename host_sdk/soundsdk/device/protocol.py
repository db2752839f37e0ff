"""Lines from a board: messages, text, damage and losses, in order. `soundfw.wire.framing` holds the format of a line.

A line that does not start with `{` is log text; one whose CRC fails is damage. Neither is believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from soundfw.wire.framing import MAX_LINE_BYTES, MAX_RAW_BYTES, decode


@dataclass(frozen=True)
class Text:
    """A line that is no message: what else the board prints."""

    data: bytes  # without line ends

    @property
    def text(self) -> str:
        """For a person: what cannot be shown, terminal codes included, as a middle dot."""
        return "".join(c if c.isprintable() else " " if c == "\t" else "·" for c in self.data.decode(errors="replace"))


@dataclass(frozen=True)
class Damaged:
    """A line that starts as a message and is not to be believed; its first bytes."""

    data: bytes


@dataclass(frozen=True)
class LinesLost:
    """Lines the board sent that did not arrive: `seq` first to last."""

    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class DeviceReset:
    """The board has started anew: its `seq` counts from 0 again, and so does its time."""


Line: TypeAlias = "dict[str, Any] | Text | Damaged | LinesLost | DeviceReset"


@dataclass
class Counts:
    """What a Reader has seen. `missing` counts lines by the gaps in `seq`; `restarts`: how often it fell."""

    messages: int = 0
    text: int = 0
    damaged: int = 0
    missing: int = 0
    restarts: int = 0


class Reader:
    """Splits bytes into lines and decodes them; counts what is not a message.

    feed() and lines() take any number of bytes, and keep at most one line's.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self.first: int | None = None  # seq of the first line
        self.seq: int | None = None  # of the newest
        self._rest = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The messages that data completes, in order."""
        return [line for line in self.lines(data) if isinstance(line, dict)]

    def lines(self, data: bytes) -> list[Line]:
        """All that data completes, in order: messages, text, damage; and losses, before the line that shows them."""
        *lines, rest = (self._rest + data).split(b"\n")
        if lines and self._overlong:
            # The end of a line whose start was thrown away and counted.
            self._overlong = False
            del lines[0]
        out: list[Line] = []
        for line in lines:
            if line and line != b"\r":
                self._classify(line, out)
        if len(rest) > MAX_RAW_BYTES:
            if not self._overlong:
                self._refuse(rest, out)
            self._overlong = True
        self._rest = b"" if self._overlong else rest
        return out

    def _classify(self, line: bytes, out: list[Line]) -> None:
        message = decode(line)
        if message is None:
            if line.strip():
                self._refuse(line, out)
            return
        self.counts.messages += 1
        seq = message.get("seq")
        if type(seq) is int:
            if self.seq is None:
                self.first = seq
            elif seq != self.seq + 1:
                self._jump(seq, out)
            self.seq = seq
        out.append(message)

    def _refuse(self, line: bytes, out: list[Line]) -> None:
        line = line.strip(b"\r")[:MAX_LINE_BYTES]
        if line.startswith(b"{"):
            self.counts.damaged += 1
            out.append(Damaged(line))
        else:
            self.counts.text += 1
            out.append(Text(line))

    def _jump(self, seq: int, out: list[Line]) -> None:
        assert self.seq is not None
        first = self.seq + 1
        if seq < first:
            self.counts.restarts += 1
            out.append(DeviceReset())
            first = 0
        if seq > first:
            self.counts.missing += seq - first
            out.append(LinesLost(first, seq - 1))
