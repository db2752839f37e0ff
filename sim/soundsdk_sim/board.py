"""A virtual board: soundfw itself, with a recording as its microphone and functions as its serial port."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundfw.main import App
from soundfw.settings import SETTINGS, Settings
from soundfw.starting import open_stream
from soundfw.wire import framing
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import ModelError, UsageError
from soundsdk.labels import LabelledSpan
from soundsdk_sim.outputs import OutputChange, WatchedOutputs, led_for

Sound = NDArray[np.int16] | Iterable[NDArray[np.int16]]  # a recording, or blocks of it

BLOCK_SAMPLES = 2048  # about a step of the model: the lines do not depend on it
REALTIME_BLOCK_SAMPLES = 256
STATUS_S = 10


def made_folder() -> tempfile.TemporaryDirectory[str]:
    """Make the folder of a virtual board's files, until cleanup(). UsageError if the firmware takes no path so long."""
    _, _, most = next(rule for rule in SETTINGS if rule[0] == "folder")
    folder = tempfile.TemporaryDirectory(prefix="soundsdk-flash-")
    if len(folder.name) > most:
        folder.cleanup()
        raise UsageError(
            f"the folder for temporary files has too long a path for a virtual board, which takes {most} characters: "
            f"{folder.name}.",
            "Set TMPDIR (on Windows TEMP) to another folder.",
        )
    return folder


class PcmSource:
    """A microphone that delivers a recording, or the blocks of one as they are decoded, and nothing after it."""

    def __init__(self, pcm: Sound) -> None:
        self._blocks = iter([pcm] if isinstance(pcm, np.ndarray) else pcm)
        self._pcm = memoryview(b"").cast("h")
        self._at = 0

    def readinto(self, buf: memoryview) -> int:
        """Fill buf with samples and return the number of bytes; 0 at the end."""
        done = 0
        while done < len(buf):
            if self._at == len(self._pcm):
                block = next(self._blocks, None)
                if block is None:
                    break
                self._pcm, self._at = np.ascontiguousarray(block, np.int16).data, 0
            n = min(len(buf) - done, len(self._pcm) - self._at)
            buf[done : done + n] = self._pcm[self._at : self._at + n]
            done += n
            self._at += n
        return 2 * done


class FeatureTap:
    """A stream that also keeps the features of every step: the plot shows what the model got."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.kept: list[bytes] = []

    def feed(self, pcm: Any, start: int = 0) -> int:
        """Feed the stream and keep the features of a step that ends."""
        taken = int(self._stream.feed(pcm, start))
        if self._stream.stepped:
            self.kept.append(bytes(self._stream.features))
        return taken

    def frames(self) -> NDArray[np.int8] | None:
        """Return the features (frames, width) so far; None before the first step."""
        if not self.kept:
            return None
        hop_frames = int(json.loads(bytes(self._stream.metadata))["hop_frames"])
        return np.frombuffer(b"".join(self.kept), np.int8).reshape(len(self.kept) * hop_frames, -1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class VirtualBoard:
    """One power-on of the firmware.

    write, read: the serial port, as soundfw.wire.link.Link expects them. tap: keep the features. folder: where it
    stores files, such as pushed models; by default it has no storage. rules: of actions by label; on_output: gets what
    they switch. Raises ModelError if the firmware refuses the model, UsageError if it refuses a rule.
    """

    def __init__(
        self,
        model: bytes,
        source: PcmSource,
        write: Callable[[Any], int | None],
        read: Callable[[], bytes] | None = None,
        tap: bool = False,
        block_samples: int = BLOCK_SAMPLES,
        folder: str = "",
        rules: Mapping[str, str] | None = None,
        on_output: Callable[[OutputChange], None] | None = None,
    ) -> None:
        self.tap: FeatureTap | None = None

        def open_tapped(data: bytes) -> Any:
            self.tap = FeatureTap(open_stream(data))
            return self.tap

        values = {"board": "sim", "status_s": STATUS_S, "block_samples": block_samples, "folder": folder}
        pins = None
        if rules:
            values |= {"actions": dict(rules), "led": led_for(rules)}
            pins = WatchedOutputs(self._seconds, on_output) if on_output else None
        settings = Settings(values)
        opener = open_tapped if tap else open_stream
        self.app = App(settings, lambda rate_hz: source, write, read, model=model, open_stream=opener, pins=pins)
        self.app.start()
        if self.app.error:
            code, detail = self.app.error
            raise ModelError(f"the firmware refuses the model: {detail} ({code}).")
        for sentence in self.app.actions.broken.values():
            raise UsageError(f"{sentence}.", "soundsdk set --help shows how actions are written.")

    def _seconds(self) -> float:
        """Return the end of the block of sound that the firmware is at."""
        mic = self.app.pipeline.mic
        return min(mic.start + self.app.settings.block_samples, mic.captured + mic.lost) / self.app.rate_hz

    @property
    def captured_samples(self) -> int:
        """Samples read from the microphone so far."""
        return int(self.app.pipeline.mic.captured)


@dataclass
class RunResult:
    """The output of the firmware for a recording. lines: as sent, without their ends."""

    lines: list[bytes] = field(default_factory=list)
    events: list[LabelledSpan] = field(default_factory=list)  # by onset
    features: NDArray[np.int8] | None = None  # (frames, width)


def run_recording(
    model: bytes,
    pcm: Sound,
    rate_hz: int,
    on_line: Callable[[bytes], None] | None = None,
    realtime: bool = False,
    features: bool = False,
    prompt: bool = False,
    rules: Mapping[str, str] | None = None,
    on_output: Callable[[OutputChange], None] | None = None,
) -> RunResult:
    """Run the firmware over a recording at the model's rate, as fast as possible or in real time.

    Of a recording that comes in blocks no more than one is in memory. on_line gets each line as soon as it is sent.
    features: keep them in the result. prompt: for sound that comes in real time and may never end: run as soon as 16 ms
    have come, and keep no lines. rules: of actions by label; on_output gets what they switch, before the event's line.
    """
    result = RunResult()
    rest = bytearray()

    def write(data: Any) -> int:
        rest.extend(data)
        while (end := rest.find(b"\n")) >= 0:
            if line := bytes(rest[:end]):
                if not prompt:
                    result.lines.append(line)
                if on_line:
                    on_line(line)
            del rest[: end + 1]
        return len(data)

    begin = time.monotonic()
    # Outputs are switched between blocks: short ones, as on a board.
    block = REALTIME_BLOCK_SAMPLES if realtime or prompt or rules else BLOCK_SAMPLES
    board = VirtualBoard(
        model, PcmSource(pcm), write, tap=features, block_samples=block, rules=rules, on_output=on_output
    )
    while board.app.step():
        if realtime:
            time.sleep(max(0.0, begin + board.captured_samples / rate_hz - time.monotonic()))
    result.events = events_of(result.lines, rate_hz)
    if board.tap is not None:
        result.features = board.tap.frames()
    return result


def find_events(detector: DetectorFile, path: Path) -> list[LabelledSpan]:
    """Play a sound file to a detector and return the events, by onset: what soundsdk.detect() calls."""
    from soundsdk.recording.audio_file import SoundReader

    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    return run_recording(detector.data, SoundReader(path, rate_hz).blocks(), rate_hz).events


class EdgePairs:
    """The onsets and offsets in a board's lines, joined to events. begun: those without an end so far, by their id."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self.begun: dict[int, LabelledSpan] = {}

    def add(self, line: bytes) -> LabelledSpan | None:
        """Read a line; return the event that it ends, else None."""
        message = framing.decode(line)
        if message is None or message["type"] != "event":
            return None
        seconds = message["t"] / self._rate_hz
        if message["edge"] == "on":
            self.begun[message["id"]] = LabelledSpan(seconds, seconds, message["label"], message["score"])
            return None
        return LabelledSpan(self.begun.pop(message["id"]).onset_s, seconds, message["label"], message["peak"])


def events_of(lines: list[bytes], rate_hz: int, end_s: float | None = None) -> list[LabelledSpan]:
    """Return the events in a board's lines, by onset.

    Without end_s an event with no end is left out. With it every event ends there at the latest, one with no end has
    the score of its onset as its peak, and one that begins later is left out.
    """
    edges = EdgePairs(rate_hz)
    found = [event for line in lines if (event := edges.add(line)) is not None]
    if end_s is not None:
        found += [replace(event, offset_s=end_s) for event in edges.begun.values()]
        found = [replace(event, offset_s=min(event.offset_s, end_s)) for event in found if event.onset_s < end_s]
    return sorted(found, key=lambda f: (f.onset_s, f.label))
