"""Splits what a target's serial port sends into the lines of the wire."""

from __future__ import annotations

from collections.abc import Callable

from soundfw.wire import framing
from soundsdk.errors import ModelError

SILENCE_S = 300.0  # a target sends a status line per 10 s of sound: one that is silent for so long is stuck


class LineCollector:
    """The lines of the wire that a target has sent, without their ends, and apart from them any other text.

    on_line is called with each line as soon as it is complete.
    """

    def __init__(self, on_line: Callable[[bytes], None] | None = None) -> None:
        self.lines: list[bytes] = []
        self.text: list[str] = []
        self._on_line = on_line
        self._rest = b""
        self._refused = False

    def add(self, data: bytes) -> list[bytes]:
        """Add bytes and return the lines they complete. Raises ModelError if the firmware refuses its model."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        new = []
        for line in (part.rstrip(b"\r") for part in whole):
            if line and not line.startswith(b"{"):
                self.text.append(line.decode(errors="replace"))
            elif line and not self._is_refusal(line):
                new.append(line)
                self.lines.append(line)
                if self._on_line:
                    self._on_line(line)
        return new

    def last_text(self) -> str:
        """Return the last text that was not a line of the wire, for an error message."""
        return (self.text or [self._rest.decode(errors="replace").strip() or "it sent nothing"])[-1].strip()

    def _is_refusal(self, line: bytes) -> bool:
        """Detect a failed start: `hello` names no model, and the next line gives the reason."""
        message = framing.decode(line) or {"type": ""}
        if self._refused:
            raise ModelError(f"the firmware refuses the model: {message.get('detail')} ({message.get('error')}).")
        self._refused = message["type"] == "hello" and not message["sha256"]
        return self._refused
