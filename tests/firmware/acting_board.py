"""A board whose pins a test can see: the application with a scripted stream, turned until a block has come in."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

from fake_stream import FIRST, STEP, FakeStream, Source, metadata

from soundfw.act.pins import NoPins
from soundfw.main import App
from soundfw.settings import Settings, load
from soundfw.storage import files
from soundfw.wire import framing
from soundsdk.device import protocol

RATE = 16000
BLOCK = 512
ON_AT = FIRST + 10 * STEP  # the step that reaches the threshold ends there
OFF_AT = FIRST + 20 * STEP
MIC = {"kind": "i2s", "sck": 16, "ws": 17, "sd": 18}
LED = {"kind": "gpio", "pin": 25}


def burst(step: int) -> list[int]:
    """Return the logits of a step: the first class is on from step 10 to step 20."""
    return [100, -100] if 10 <= step < 20 else [-100, -100]


class ActingBoard:
    """folder: of its files, or "" for none; settings: of its settings, where there is no file."""

    def __init__(
        self,
        folder: Path | str = "",
        settings: dict[str, Any] | None = None,
        seconds: float = 10,
        labels: tuple[str, ...] = ("a", "b"),
        script: Any = burst,
        hook: bool = True,
    ) -> None:
        self.out = bytearray()
        self.incoming = bytearray()
        self.pins = NoPins()
        self.stream = FakeStream(script, metadata(labels))
        values = {"board": "bench", "folder": str(folder), "mic": MIC, **(settings or {})}
        if folder:
            files.finish(f"{folder}/settings.json")  # as board_app() does
        self.app = App(
            load(f"{folder}/settings.json", values) if folder else Settings(values),
            lambda rate_hz: Source(array("h", [1000, -1000] * int(RATE * seconds / 2))),
            self._write,
            self._read,
            b"model",
            open_stream=lambda data: self.stream,
            pins=self.pins,
            hook=hook,
        )

    def _write(self, data: bytes) -> int:
        self.out += data
        return len(data)

    def _read(self) -> bytes:
        data = bytes(self.incoming)
        self.incoming.clear()
        return data

    def messages(self) -> list[dict[str, Any]]:
        """Return every message so far; text between the lines, as print() makes it, is not counted."""
        reader = protocol.Reader()
        messages = reader.feed(bytes(self.out))
        assert (reader.counts.damaged, reader.counts.missing) == (0, 0)
        return messages

    def request(self, **message: Any) -> dict[str, Any]:
        """Send a command, run one turn of the loop and return the answer."""
        seen = len(self.messages())
        self.incoming += b"\n" + framing.encode(message) + b"\n"
        self.app.step()
        return next(m for m in self.messages()[seen:] if m.get("re") == message["type"] or m["type"] == message["type"])

    def levels(self, pin: int) -> list[tuple[int, int]]:
        """Run to the end of the sound and return (end of the block, level of a pin) of each block."""
        found = []
        while self.app.step():
            mic = self.app.pipeline.mic
            found.append((mic.captured + mic.lost, self.pins.state.get(pin, 0)))
        return found

    def run(self) -> list[dict[str, Any]]:
        """Run to the end of the sound and return every message."""
        while self.app.step():
            pass
        return self.messages()
