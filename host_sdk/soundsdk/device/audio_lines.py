"""Sound from the audio lines of a board: decoded by soundcore, which encoded them, and joined where none is missing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soundsdk.device.connection import CommandRejected, Connection
from soundsdk.device.messages import Ack, Audio, Event, Message
from soundsdk.device.transport import ConnectionLost
from soundsdk.errors import ProtocolError, SoundsdkError
from soundsdk.labels import LabelledSpan

SILENCE_S = 5.0  # a board that records sends several lines a second
MAX_BOARD_S = 3600  # the longest recording that a board makes at once
_MAX_LINE_SAMPLES = 65535
_EVENTS = 200  # the newest edges that are kept for a take on a trigger


def decode(line: Audio) -> NDArray[np.int16]:
    """Decode the samples of an audio line; ProtocolError if that fails."""
    import soundcore

    if line.codec == "adpcm":
        # Its length is in bytes 1 and 2.
        room = np.zeros(int.from_bytes(line.data[1:3], "little") or 1, np.int16)
        try:
            return room[: soundcore.adpcm_decode(line.data, room.data)]
        except soundcore.Error as error:
            raise ProtocolError(
                f"an audio line cannot be decoded: {error.args[1]}.", "Use one version of both."
            ) from error
    if line.codec == "pcm" and len(line.data) % 2 == 0 and len(line.data) <= 2 * _MAX_LINE_SAMPLES:
        return np.frombuffer(line.data, "<i2").astype(np.int16)
    raise ProtocolError(
        f"the board sends sound as {line.codec[:20]}.", "Update soundsdk: this version cannot decode it."
    )


@dataclass(eq=False)
class Piece:
    """Samples without a gap. at: time of the first, in samples since the start of the board."""

    at: int
    pcm: NDArray[np.int16]

    @property
    def end(self) -> int:
        """Time after the last sample."""
        return self.at + len(self.pcm)


class Joiner:
    """Pieces joined from lines; lines that arrive twice or out of order are ignored."""

    def __init__(self) -> None:
        self._parts: list[list[NDArray[np.int16]]] = []
        self._at: list[int] = []
        self.end = -1  # time after the newest sample, -1 before the first

    def add(self, at: int, pcm: NDArray[np.int16]) -> None:
        """Add the samples of a line that begins at a time."""
        if not len(pcm) or at < self.end:
            return
        if at != self.end:
            self._parts.append([])
            self._at.append(at)
        self._parts[-1].append(pcm)
        self.end = at + len(pcm)

    def pieces(self) -> list[Piece]:
        """Return all pieces so far, in order."""
        return [Piece(at, np.concatenate(parts)) for at, parts in zip(self._at, self._parts, strict=True)]

    @property
    def begin(self) -> int:
        """Time of the oldest sample; only valid when there is one."""
        return self._at[0]

    def forget(self, before: int) -> None:
        """Drop lines that end before that time."""
        while self._parts:
            parts = self._parts[0]
            while parts and self._at[0] + len(parts[0]) <= before:
                self._at[0] += len(parts.pop(0))
            if parts:
                return
            del self._parts[0], self._at[0]


@dataclass(eq=False)
class Take:
    """A stretch of sound as it arrived. at, samples: what was requested; pieces: what arrived.

    captured + lost == samples. lost_board: samples that the board itself lost (microphone, no room for lines), None
    if it did not report them. events: edges that the board's detector reported meanwhile.
    """

    at: int
    samples: int
    rate_hz: int
    pieces: list[Piece]
    lost_board: int | None = None
    trigger: Event | None = None
    whole: bool = True  # False if the board went away, or Ctrl-C came, before the end
    interrupted: bool = False  # by Ctrl-C or a signal; samples then ends with the newest that arrived
    events: list[Event] = field(default_factory=list)

    @property
    def captured(self) -> int:
        """Number of samples that arrived."""
        return sum(len(piece.pcm) for piece in self.pieces)

    @property
    def lost(self) -> int:
        """Number of samples that did not arrive."""
        return self.samples - self.captured

    def spans(self, at: int, samples: int) -> list[LabelledSpan]:
        """Return the events within at … at + samples, in seconds since `at`; those that go beyond are cut there."""
        begun: dict[int, Event] = {}
        found = []
        for event in self.events:
            if event.edge == "on":
                begun[event.id] = event
                continue
            start = begun.pop(event.id, None)
            found.append((start.time_samples if start else at, event.time_samples, event.label))
        found += [(event.time_samples, at + samples, event.label) for event in begun.values()]
        cut_to = [(max(begin, at) - at, min(end, at + samples) - at, label) for begin, end, label in found]
        rate = self.rate_hz
        return [LabelledSpan(begin / rate, end / rate, label) for begin, end, label in sorted(cut_to) if begin < end]

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Gaps, each as (samples since the start of the take, length in samples)."""
        found, at = [], self.at
        for piece in self.pieces:
            if piece.at > at:
                found.append((at - self.at, piece.at - at))
            at = piece.end
        if at < self.at + self.samples:
            found.append((at - self.at, self.at + self.samples - at))
        return found


class TakeInterrupted(KeyboardInterrupt):
    """Ctrl-C, or a signal that ends the program, during a take. take: what had arrived by then."""

    def __init__(self, take: Take) -> None:
        super().__init__()
        self.take = take


Progress = Callable[[int, int], None]  # samples so far, samples in all


class Receiver:
    """Audio of one recording on a board, message by message."""

    def __init__(self) -> None:
        self.joined = Joiner()
        self.done: Ack | None = None

    def add(self, message: Message) -> bool:
        """Add a message; return whether it belongs to the recording."""
        if isinstance(message, Audio):
            self.joined.add(message.at, decode(message))
            return True
        if isinstance(message, Ack) and message.re == "record.done":
            self.done = message
            return True
        return False


def stop(device: Connection) -> None:
    """Stop the recording on the board, if the board can still be reached."""
    with contextlib.suppress(SoundsdkError):
        device.send("record", stop=True)


def _number(done: Ack | None, key: str) -> int | None:
    value = done.extra.get(key) if done else None
    return value if isinstance(value, int) else None


def start(device: Connection, seconds: int, bits: int) -> None:
    """Start a recording on the board; one that is still running there for another host is stopped."""
    device.request("record", stop=True)
    # The end of that older recording is not the end of this one.
    deadline = time.monotonic() + 1
    for message in device.messages(timeout_s=0.1):
        if (isinstance(message, Ack) and message.re == "record.done") or time.monotonic() > deadline:
            break
    try:
        device.request("record", seconds=seconds, bits=bits)
    except CommandRejected:
        raise
    except ProtocolError:
        try:
            device.request("record", seconds=seconds, bits=bits)
        except CommandRejected as error:
            # Only the answer was lost: it is recording.
            if error.code != "record.busy":
                raise


def record(
    device: Connection, seconds: int, bits: int = 4, progress: Progress | None = None, silence_s: float = SILENCE_S
) -> Take:
    """Record for that many seconds from now on.

    CommandRejected if the board refuses; ProtocolError if it sends nothing for silence_s. If the board goes away, the
    take holds what had arrived and its `whole` is False.
    """
    rate_hz = device.hello.rate_hz
    samples = seconds * rate_hz
    receiver = Receiver()
    whole = True
    events: list[Event] = []
    start(device, seconds, bits)
    deadline = time.monotonic() + 2 * seconds + silence_s
    try:
        for message in _messages_until(device, deadline, silence_s):
            if receiver.add(message):
                if receiver.done:
                    break
                if progress and receiver.joined.end >= 0:  # a line without samples begins nothing
                    progress(min(samples, receiver.joined.end - receiver.joined.begin), samples)
            elif isinstance(message, Event):
                events.append(message)
    except ConnectionLost:
        whole = False
    except BaseException as error:
        stop(device)
        pieces = receiver.joined.pieces()
        if not isinstance(error, KeyboardInterrupt) or not pieces:
            raise
        begin, length = pieces[0].at, pieces[-1].end - pieces[0].at
        raise TakeInterrupted(
            Take(begin, length, rate_hz, pieces, whole=False, events=events, interrupted=True)
        ) from None
    pieces = receiver.joined.pieces()
    if not pieces and receiver.done is None:
        if not whole:
            raise ConnectionLost(f"the board at {device.transport.path} is gone.", "Plug it in again.")
        raise ProtocolError("the board accepts the command and sends no sound.", "Reset it and try again.")
    at = _number(receiver.done, "at")
    at = pieces[0].at if at is None else at
    if receiver.done is None and whole:
        whole = bool(pieces) and pieces[-1].end >= at + samples
    return Take(at, samples, rate_hz, pieces, _number(receiver.done, "lost"), whole=whole, events=events)


def _messages_until(device: Connection, deadline: float, silence_s: float) -> Iterator[Message]:
    """Iterate over messages until the board falls silent or the deadline has passed."""
    for message in device.messages(timeout_s=silence_s):
        yield message
        if time.monotonic() > deadline:
            return


def cut(pieces: list[Piece], at: int, samples: int) -> list[Piece]:
    """Return the parts of the pieces within at … at + samples."""
    out = []
    for piece in pieces:
        first, last = max(at, piece.at), min(at + samples, piece.end)
        if first < last:
            out.append(Piece(first, piece.pcm[first - piece.at : last - piece.at].copy()))
    return out


def triggered(
    device: Connection,
    label: str,
    seconds: float,
    pre_roll_s: float,
    bits: int = 4,
    timeout_s: float | None = None,
) -> Generator[Take, None, None]:
    """Yield a take for every event of that label, from pre_roll_s before its onset; without end, or for timeout_s.

    The board records without a break and the newest sound is kept here, because an event is reported a moment after
    its onset. An onset within a take starts no other. label: one that the detector has, by check_labels().
    ConnectionLost if the board goes away.
    """
    rate_hz = device.hello.rate_hz
    samples, before = round(seconds * rate_hz), round(pre_roll_s * rate_hz)
    kept = before + samples + 10 * rate_hz  # an event is reported within a few seconds
    receiver = Receiver()
    wanted: Event | None = None
    busy_until = 0
    events: list[Event] = []
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    start(device, MAX_BOARD_S, bits)
    try:
        for message in device.messages(timeout_s=SILENCE_S):
            if deadline is not None and time.monotonic() > deadline:
                stop(device)
                return
            if isinstance(message, Event):
                events = [*events[-_EVENTS:], message]
            if isinstance(message, Event) and message.edge == "on" and message.label == label:
                if wanted is None and message.time_samples >= busy_until:
                    wanted = message
            elif not receiver.add(message):
                continue
            if receiver.done:
                receiver.done = None
                device.request("record", seconds=MAX_BOARD_S, bits=bits)
            if wanted is not None and receiver.joined.end >= wanted.time_samples - before + samples:
                at = wanted.time_samples - before
                busy_until = at + samples
                pieces = cut(receiver.joined.pieces(), at, samples)
                yield Take(at, samples, rate_hz, pieces, trigger=wanted, events=list(events))
                wanted = None
            receiver.joined.forget(receiver.joined.end - kept)
        raise ProtocolError(f"the board has sent nothing for {SILENCE_S:g} s.", "Reset it and try again.")
    except ConnectionLost:
        raise
    except BaseException as error:
        # Ctrl-C, or the caller stops iterating.
        stop(device)
        if not isinstance(error, KeyboardInterrupt) or wanted is None:
            raise
        pieces = cut(receiver.joined.pieces(), wanted.time_samples - before, samples)
        if not pieces:
            raise
        at, end = pieces[0].at, pieces[-1].end
        raise TakeInterrupted(
            Take(at, end - at, rate_hz, pieces, trigger=wanted, whole=False, interrupted=True, events=list(events))
        ) from None
