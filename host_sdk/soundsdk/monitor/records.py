"""Items as JSON objects with the time of the host, for `--format jsonl` and `--log`."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from soundsdk.device.messages import Event, Hello, Status
from soundsdk.device.protocol import DeviceReset, LinesLost, Text
from soundsdk.device.reconnect import Disconnected, Reconnected, ReconnectingItem


def iso(now: float) -> str:
    """Format Unix seconds as UTC with milliseconds, ISO 8601."""
    return datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def record(item: ReconnectingItem, now: float, rate_hz: int, device: str) -> dict[str, Any] | None:
    """Return the object for an item that arrived at `now`; None for scores, features, answers and damaged lines.

    Its members are those of the wire, and time (UTC), device (the name of the board) and t_s (seconds since the board
    started).
    """
    members = _members(item, rate_hz)
    return None if members is None else {"time": iso(now), "device": device, **members}


def _members(item: ReconnectingItem, rate_hz: int) -> dict[str, Any] | None:
    if isinstance(item, Event):
        seconds = {"t_s": round(item.time_samples / rate_hz, 3)} if rate_hz else {}
        score = {"score" if item.edge == "on" else "peak": item.peak}
        name = {"seq": item.seq, "id": item.id, "label": item.label, "edge": item.edge, "t": item.time_samples}
        return {"type": "event", **name, **seconds, **score}
    if isinstance(item, (Status, Hello)):
        known = {key: value for key, value in vars(item).items() if key != "extra"}
        return {"type": "status" if isinstance(item, Status) else "hello", **known, **item.extra}
    if isinstance(item, LinesLost):
        return {"type": "missing", "first": item.first, "last": item.last}
    if isinstance(item, DeviceReset):
        return {"type": "restarted"}
    if isinstance(item, Text):
        return {"type": "text", "text": item.text}
    if isinstance(item, Disconnected):
        return {"type": "gone", "path": item.path}
    if isinstance(item, Reconnected):
        lines = {"missing": [item.lines_lost.first, item.lines_lost.last]} if item.lines_lost else {}
        return {
            "type": "back",
            "path": item.path,
            "gone_s": round(item.away_s, 3),
            "restarted": item.restarted,
            **lines,
        }
    return None


def line(members: dict[str, Any]) -> str:
    """Return one line of JSON, without its end; escaped if a label could end a line or steer a terminal."""
    text = json.dumps(members, separators=(",", ":"), ensure_ascii=False)
    return text if text.isprintable() else json.dumps(members, separators=(",", ":"))
