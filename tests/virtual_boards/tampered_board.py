"""A board whose lines are changed on their way, as one would send them that computes, counts or behaves wrongly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from soundfw.wire import framing
from virtual_boards.virtual_port import PortBoard

Change = Callable[[dict[str, Any]], "dict[str, Any] | None"]


class TamperedBoard:
    """A PortBoard whose messages go through `change`: it returns the message to send, or None for none.

    deaf: what is written to it is lost from now on.
    """

    def __init__(self, board: PortBoard, change: Change) -> None:
        self.board = board
        self.change = change
        self.deaf = False
        self._rest = b""

    def read(self, timeout_s: float) -> bytes:
        """Return whole lines of the board, changed; b"" if none came."""
        *lines, self._rest = (self._rest + self.board.read(timeout_s)).split(b"\n")
        out = []
        for line in lines:
            message = framing.decode(line) if line else None
            if message is not None:
                changed = self.change({key: value for key, value in message.items() if key != "crc"})
                line = framing.encode(changed) if changed is not None else b""
            out.append(line)
        return b"".join(line + b"\n" for line in out)

    def write(self, data: bytes) -> None:
        """Send bytes to the board."""
        if not self.deaf:
            self.board.write(data)

    def stop(self) -> None:
        """Switch the board off."""
        self.board.stop()
