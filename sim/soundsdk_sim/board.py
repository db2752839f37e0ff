"""A virtual board: soundfw itself, with a recording for a microphone and a function for a serial port."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundfw.main import App, open_stream
from soundfw.settings import Settings
from soundfw.wire import framing
from soundsdk.errors import ModelError
from soundsdk_sim.scenes.matching import Found

BLOCK_SAMPLES = 2048  # a step at a time: what is sent does not depend on it
STATUS_S = 10


class Recording:
    """Samples as a microphone's `readinto`; ends with the recording."""

    def __init__(self, pcm: NDArray[np.int16]) -> None:
        self._pcm = np.ascontiguousarray(pcm, np.int16).data
        self._at = 0

    def readinto(self, buf: memoryview) -> int:
        n = min(len(buf), len(self._pcm) - self._at)
        buf[:n] = self._pcm[self._at : self._at + n]
        self._at += n
        return 2 * n


class Tap:
    """A stream that keeps the features of every step as well: what the plot shows is what the model got."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.features: list[bytes] = []

    def feed(self, pcm: Any) -> int:
        needed = self._stream.needed
        if len(pcm) < needed:
            return int(self._stream.feed(pcm))
        # To the end of the step first: the frames after it are written over its features.
        view = memoryview(pcm)
        self._stream.feed(view[:needed])
        self.features.append(bytes(self._stream.features))
        return 1 + int(self._stream.feed(view[needed:]))

    def frames(self) -> NDArray[np.int8] | None:
        """Features (frames, width) so far; None before the first step."""
        if not self.features:
            return None
        hop_frames = int(json.loads(bytes(self._stream.metadata))["hop_frames"])
        return np.frombuffer(b"".join(self.features), np.int8).reshape(len(self.features) * hop_frames, -1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class VirtualBoard:
    """One power-on of the firmware. write, read: the serial port, as soundfw.wire.link.Link wants them. folder: its files,
    such as models that are pushed; without one it has none.

    ModelError if the firmware refuses the model.
    """

    def __init__(
        self,
        model: bytes,
        recording: Recording,
        write: Callable[[Any], int | None],
        read: Callable[[], bytes] | None = None,
        tap: bool = False,
        block_samples: int = BLOCK_SAMPLES,
        folder: str = "",
    ) -> None:
        self.tap: Tap | None = None

        def opened(data: bytes) -> Any:
            stream = open_stream(data)
            if tap:
                self.tap = Tap(stream)
                return self.tap
            return stream

        values = {"board": "sim", "status_s": STATUS_S, "block_samples": block_samples, "folder": folder}
        settings = Settings(values)
        self.app = App(settings, lambda rate_hz: recording, write, read, model=model, open_stream=opened)
        self.app.start()
        if self.app.error:
            code, detail = self.app.error
            raise ModelError(f"the firmware refuses the model: {detail} ({code}).")

    @property
    def heard_samples(self) -> int:
        """Samples taken from the microphone so far."""
        return int(self.app.pipeline.mic.captured)


@dataclass
class Run:
    """What a virtual board did with a recording. lines: as sent, without their ends."""

    lines: list[bytes] = field(default_factory=list)
    events: list[Found] = field(default_factory=list)  # by onset
    features: NDArray[np.int8] | None = None  # (frames, width)


def run(
    model: bytes,
    pcm: NDArray[np.int16],
    rate_hz: int,
    on_line: Callable[[bytes], None] | None = None,
    realtime: bool = False,
    features: bool = False,
) -> Run:
    """Runs the firmware over a recording at the model's rate, as fast as possible or as fast as time goes by.

    on_line sees each line as soon as it is sent.
    """
    result = Run()
    rest = bytearray()

    def write(data: Any) -> int:
        rest.extend(data)
        while (end := rest.find(b"\n")) >= 0:
            if line := bytes(rest[:end]):
                result.lines.append(line)
                if on_line:
                    on_line(line)
            del rest[: end + 1]
        return len(data)

    begin = time.monotonic()
    board = VirtualBoard(model, Recording(pcm), write, tap=features, block_samples=256 if realtime else BLOCK_SAMPLES)
    while board.app.step():
        if realtime:
            time.sleep(max(0.0, begin + board.heard_samples / rate_hz - time.monotonic()))
    result.events = events_of(result.lines, rate_hz)
    if board.tap is not None:
        result.features = board.tap.frames()
    return result


def features_of(model: bytes, pcm: NDArray[np.int16]) -> NDArray[np.int8] | None:
    """Features (frames, width) of a recording, as a board computes them; None if it is shorter than a step."""
    tap = Tap(open_stream(model))
    block = min(BLOCK_SAMPLES, tap.step_samples)
    for at in range(0, len(pcm), block):
        tap.feed(np.ascontiguousarray(pcm[at : at + block], np.int16))
    return tap.frames()


def events_of(lines: list[bytes], rate_hz: int) -> list[Found]:
    """The events in a board's lines, by onset. An event without an end is left out."""
    onsets: dict[int, float] = {}
    found = []
    for line in lines:
        message = framing.decode(line)
        if message is None or message["type"] != "event":
            continue
        seconds = message["t"] / rate_hz
        if message["edge"] == "on":
            onsets[message["id"]] = seconds
        else:
            found.append(Found(onsets.pop(message["id"]), seconds, message["label"], message["peak"]))
    return sorted(found, key=lambda f: (f.onset_s, f.label))
