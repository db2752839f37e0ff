"""Lines from a board: messages, text, damage and losses, in order. `soundfw.wire.framing` holds the format of a line.

A line that does not start with `{` is log text; one whose CRC fails is damage. Neither is used as a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from soundfw.wire.framing import MAX_LINE_BYTES, MAX_RAW_BYTES, decode


@dataclass(frozen=True)
class Text:
    """A line that is not a message, such as log text."""

    data: bytes  # without line ends

    @property
    def text(self) -> str:
        """The line as printable text: a middle dot for every other character, terminal codes included."""
        return "".join(c if c.isprintable() else " " if c == "\t" else "·" for c in self.data.decode(errors="replace"))


@dataclass(frozen=True)
class Damaged:
    """A damaged line, which starts as a message; its first bytes."""

    data: bytes


@dataclass(frozen=True)
class LinesLost:
    """Lines that the board sent and that did not arrive: `seq` first to last."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """Number of lines."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class DeviceReset:
    """A restart of the board: its `seq` and its time count from 0 again."""


Line: TypeAlias = "dict[str, Any] | Text | Damaged | LinesLost | DeviceReset"


@dataclass
class Counts:
    """Counts of the lines that a Reader has read. missing: by gaps in `seq`; restarts: how often `seq` fell."""

    messages: int = 0
    text: int = 0
    damaged: int = 0
    missing: int = 0
    restarts: int = 0


class Reader:
    """Bytes split into lines and decoded; lines that are not messages are counted.

    feed() and lines() accept any number of bytes, and keep at most those of one line.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self.first: int | None = None  # seq of the first line
        self.seq: int | None = None  # of the newest
        self._rest = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Return the messages that data completes, in order."""
        return [line for line in self.lines(data) if isinstance(line, dict)]

    def lines(self, data: bytes) -> list[Line]:
        """Return all lines that data completes, in order, and each loss before the line that shows it."""
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
