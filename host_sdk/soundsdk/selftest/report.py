"""The report of a self-test: one JSON file, with nothing in it that names a person, a computer or a port."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from soundsdk import __version__
from soundsdk.selftest.outcome import FAILED, NOT_POSSIBLE, PASSED

FORMAT = 1


@dataclass(frozen=True)
class CheckResult:
    """One check as the report has it. outcome: passed, failed or not possible here; says: what was found, or why."""

    name: str
    promise: str
    outcome: str
    says: str
    figure: float | None = None
    unit: str = ""
    bound: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    took_s: float = 0.0


def default_path(board: str, now: datetime) -> Path:
    """Return the name of a report, in the working folder: its board and the time, UTC."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", board)[:40] or "board"
    return Path(f"selftest-{name}-{now:%Y%m%d-%H%M%S}.json")


def counts(results: list[CheckResult]) -> dict[str, int]:
    """Return how many checks ended in which way."""
    return {word: sum(one.outcome == word for one in results) for word in (PASSED, FAILED, NOT_POSSIBLE)}


def report_of(results: list[CheckResult], began: datetime, took_s: float, ended: str, hide: tuple[str, ...]) -> bytes:
    """Return the report as JSON. ended: why it ended early, "" if it did not. hide: words that are not to be in it."""
    values = {
        "soundsdk_selftest": FORMAT,
        "soundsdk": __version__,
        "date": began.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "took_s": round(took_s, 1),
        "host": {"system": platform.system(), "machine": platform.machine(), "python": platform.python_version()},
        "ended_early": ended,
        "counts": counts(results),
        "checks": [asdict(one) for one in results],
    }
    return (json.dumps(_without(values, hide), indent=1) + "\n").encode()


def _without(value: Any, hide: tuple[str, ...]) -> Any:
    """Return a value of JSON in which the words to hide are replaced in every text."""
    if isinstance(value, dict):
        return {key: _without(one, hide) for key, one in value.items()}
    if isinstance(value, list):
        return [_without(one, hide) for one in value]
    if isinstance(value, str):
        for word in sorted(filter(None, hide), key=len, reverse=True):
            value = value.replace(word, "…")
    return value
