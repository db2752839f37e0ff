"""The messages of a board, as dataclasses. Times count samples from the start of the board."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from soundsdk.labels import printable


@dataclass(frozen=True)
class Hello:
    """The answer to `hello`, and the first line of a start. In safe mode model and sha256 are empty, rate_hz is 0."""

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
    """One edge of a sound event, on (onset) or off (offset), as a board sends it.

    An onset and its offset have the same id and label, and no other onset of that label in between. Times count from
    the start of the board: time_samples in samples of its detector's rate (Hello.rate_hz), time_s in seconds. peak is a
    probability, 0 to 1. seq counts the board's lines.
    """

    seq: int
    id: int  # number of the event, the same at both its edges
    label: str
    edge: Literal["on", "off"]
    time_samples: int  # since the start of the board
    peak: float  # 0-1, highest so far: at an onset the one that decided it, at an offset that of the whole event
    time_s: float = 0.0  # time_samples in seconds; 0 if the rate is not known yet


@dataclass(frozen=True)
class Status:
    """The counters of a board, sent every few seconds of sound."""

    seq: int
    captured: int  # samples since the start
    lost: int  # samples that the board missed since the start
    step_us: int  # longest step since the last status, microseconds; 0 without a clock
    heap_free: int  # bytes
    level_dbfs: float  # sound level since the last status, dB below a full-scale sine
    dropped: int  # lines that the board could not send
    damaged: int  # lines from the host with a wrong CRC or form
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Audio:
    """A piece of sound. at: time of its first sample, in samples since the start."""

    seq: int
    at: int
    codec: str
    data: bytes  # decoded from base64
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """The scores of one step, sent while the host asks for telemetry."""

    seq: int
    time_samples: int  # end of the step, since the start
    level_dbfs: float  # of the step, dB below a full-scale sine
    scores: tuple[int, ...]  # per class, 1/1000: what the thresholds are compared with


@dataclass(frozen=True)
class Mel:
    """The features of one step, or a part of them, sent while the host asks for telemetry."""

    seq: int
    time_samples: int  # end of the step, since the start
    frame: int  # index in the step of the first frame of data
    data: bytes  # whole frames of int8, decoded from base64


@dataclass(frozen=True)
class Ack:
    """The answer to a command. error and detail: the reason of a rejection; extra: the other members of the answer."""

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
_NUMBERS = {"peak", "level_dbfs"}


def parse(line: dict[str, Any], rate_hz: int = 0) -> Message | None:
    """Return the message of a decoded line; None if its type is unknown or a member is missing or wrong.

    rate_hz: samples per second of the board, for Event.time_s.
    """
    kind = _TYPES.get(line["type"])
    if kind is None:
        return None
    rest = {key: value for key, value in line.items() if key != "type"}
    values: dict[str, Any] = {}
    wire_names = {"time_samples": "t", "peak": "score" if line.get("edge") == "on" else "peak"}
    for name, info in kind.__dataclass_fields__.items():
        if name in ("extra", "time_s"):
            continue
        member = wire_names.get(name, name)
        if member not in rest:
            if info.default == "":
                continue
            return None
        value = rest.pop(member)
        if not _fits(name, value, str(info.type)):
            return None
        values[name] = value
    if kind is Hello:  # these go to terminals and tables, and no board of ours has such characters in them
        values, rest = ({key: _clean(value) for key, value in members.items()} for members in (values, rest))
    if kind is Scores:
        values["scores"] = tuple(values["scores"])
    if kind in (Audio, Mel):
        try:
            values["data"] = base64.b64decode(values["data"], validate=True)
        except (binascii.Error, ValueError):
            return None
    if "extra" in kind.__dataclass_fields__:
        values["extra"] = rest
    if kind is Event and rate_hz:
        values["time_s"] = values["time_samples"] / rate_hz
    message: Message = kind(**values)
    return message


def _clean(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value


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
