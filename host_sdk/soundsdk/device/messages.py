"""What boards say, as dataclasses. Times are samples since the board started; `Hello.rate_hz` makes seconds of them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True)
class Hello:
    """The board's answer to `hello`, and its first line. In safe mode model and sha256 are empty and rate_hz is 0."""

    seq: int
    proto: int
    fw: str  # version of the firmware
    board: str  # id of its board file
    model: str  # name of the detector
    sha256: str  # of the detector's file, 64 hex digits
    rate_hz: int  # samples per second
    extra: dict[str, Any] = field(default_factory=dict)  # members this version does not know


@dataclass(frozen=True)
class Event:
    """One edge of a sound event. An onset and its offset have the same label, and no other onset of it in between."""

    seq: int
    id: int  # number of the event, the same at both its edges
    label: str
    edge: Literal["on", "off"]
    t: int  # samples since the start
    score: float  # on: probability when it was decided; off: the highest during the event


@dataclass(frozen=True)
class Status:
    """The board's counters, sent every few seconds of sound."""

    seq: int
    captured: int  # samples heard since the start
    lost: int  # samples the board missed since the start
    step_us: int  # longest step since the last status, microseconds; 0 without a clock
    heap_free: int  # bytes
    level_dbfs: float  # sound level since the last status, dB below a full-scale sine
    dropped: int  # lines the board could not send
    damaged: int  # lines from the host it did not believe
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Audio:
    """A piece of sound. at: position of its first sample, in samples since the start."""

    seq: int
    at: int
    codec: str
    data: bytes  # decoded from base64
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """The detector's view of one step, sent while a host watches."""

    seq: int
    t: int  # end of the step, samples since the start
    level_dbfs: float  # of the step, dB below a full-scale sine
    scores: tuple[int, ...]  # per class, 1/1000: what the thresholds are compared with


@dataclass(frozen=True)
class Mel:
    """The features of one step, or a part of them, sent while a host watches."""

    seq: int
    t: int  # end of the step, samples since the start
    frame: int  # which frame of the step data begins with
    data: bytes  # whole frames of int8, decoded from base64


@dataclass(frozen=True)
class Ack:
    """The answer to a command. error and detail say why it was refused; extra holds what a command answers besides."""

    seq: int
    re: str  # type of the command
    ok: bool
    error: str = ""
    detail: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


Message: TypeAlias = "Hello | Event | Status | Audio | Scores | Mel | Ack"
_TYPES: dict[str, type[Any]] = {
    "hello": Hello,
    "event": Event,
    "status": Status,
    "audio": Audio,
    "scores": Scores,
    "mel": Mel,
    "ack": Ack,
}
_NUMBERS = {"score", "level_dbfs"}


def parse(line: dict[str, Any]) -> Message | None:
    """The message of a decoded line (see protocol); None if its type is unknown or a member is missing or wrong."""
    kind = _TYPES.get(line["type"])
    if kind is None:
        return None
    rest = {key: value for key, value in line.items() if key != "type"}
    values: dict[str, Any] = {}
    if kind is Event and rest.get("edge") == "off" and "peak" in rest:
        rest["score"] = rest.pop("peak")
    for name, info in kind.__dataclass_fields__.items():
        if name == "extra":
            continue
        if name not in rest:
            if info.default == "":
                continue
            return None
        value = rest.pop(name)
        if not _fits(name, value, str(info.type)):
            return None
        values[name] = value
    if kind is Scores:
        values["scores"] = tuple(values["scores"])
    if kind in (Audio, Mel):
        try:
            values["data"] = base64.b64decode(values["data"], validate=True)
        except (binascii.Error, ValueError):
            return None
    if "extra" in kind.__dataclass_fields__:
        values["extra"] = rest
    message: Message = kind(**values)
    return message


def _fits(name: str, value: object, annotation: str) -> bool:
    if name in _NUMBERS:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if annotation == "int":
        return isinstance(value, int) and not isinstance(value, bool)
    if annotation == "bool":
        return isinstance(value, bool)
    if name == "scores":
        return isinstance(value, list) and all(type(score) is int for score in value)
    if name == "edge":
        return value in ("on", "off")
    return isinstance(value, str)
