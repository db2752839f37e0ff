"""From the bytes of a target's serial port to its lines."""

from __future__ import annotations

from collections.abc import Callable

from soundfw.wire import framing
from soundsdk.errors import ModelError

SILENCE_S = 300.0  # a target sends a status line for each 10 s of sound: without any for this long it is stuck


class Lines:
    """Collects the wire's lines (without their ends) and hands each on as soon as it is whole; text is kept apart."""

    def __init__(self, on_line: Callable[[bytes], None] | None = None) -> None:
        self.lines: list[bytes] = []
        self.text: list[str] = []
        self._on_line = on_line
        self._rest = b""
        self._refused = False

    def add(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes. ModelError if the firmware says that it refuses its model."""
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

    def said(self) -> str:
        """The last text that was no line of the wire, for an error's message."""
        return (self.text or [self._rest.decode(errors="replace").strip() or "it said nothing"])[-1].strip()

    def _is_refusal(self, line: bytes) -> bool:
        """After a failed start hello has no model, and the next line says why."""
        message = framing.decode(line) or {"type": ""}
        if self._refused:
            raise ModelError(f"the firmware refuses the model: {message.get('detail')} ({message.get('error')}).")
        self._refused = message["type"] == "hello" and not message["sha256"]
        return self._refused
