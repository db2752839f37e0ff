"""The limits of --fail-over on the figures of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from soundsdk.errors import UsageError

BYTES = ("arena", "flash", "ram")
# key: the figure it limits
KEYS = {
    "ms": "time of a hop in ms",
    "rt": "share of real time",
    "cycles": "cycles of a hop",
    "instructions": "instructions of a hop",
    "arena": "memory of frontend and network in bytes",
    "flash": "size of the image in bytes",
    "ram": "RAM in use in bytes",
    "ma": "mean current in mA",
    "mw": "mean power in mW",
}


@dataclass(frozen=True)
class LimitCheck:
    """A figure and its limit, in the same unit."""

    key: str
    limit: float
    value: float
    exceeded: bool


def parse(text: str) -> dict[str, float]:
    """Return the limits in `ms=20,ram=60k`, by key; UsageError names what is wrong.

    k and M are powers of 1024 for bytes, of 1000 for the rest.
    """
    limits: dict[str, float] = {}
    for part in text.split(","):
        key, equals, value = (word.strip() for word in part.partition("="))
        if key not in KEYS:
            raise UsageError(f"--fail-over knows no figure {key or part!r}.", f"It knows: {', '.join(KEYS)}.")
        if key in limits:
            raise UsageError(f"--fail-over names {key} twice.", "Give one limit for each figure.")
        limits[key] = _number(value, 1024 if key in BYTES else 1000) if equals else -1.0
        if not 0 <= limits[key] < float("inf"):
            raise UsageError(f"--fail-over has no number for {key}: {part.strip()!r}.", "Write it as in ms=20,ram=60k.")
    return limits


def _number(text: str, thousand: int) -> float:
    """Return the number in the text, or -1 if it is not one."""
    factor = {"k": thousand, "K": thousand, "M": thousand**2}.get(text[-1:], 1)
    try:
        return float(text if factor == 1 else text[:-1]) * factor
    except ValueError:
        return -1.0


def check(limits: Mapping[str, float], figures: Mapping[str, float | None]) -> list[LimitCheck]:
    """Compare the figures with their limits; UsageError for a figure that is not known on this board."""
    checks = []
    for key, limit in limits.items():
        value = figures.get(key)
        if value is None:
            known = ", ".join(name for name, figure in figures.items() if figure is not None)
            raise UsageError(f"{key} ({KEYS[key]}) is not known on this board.", f"It has: {known}.")
        checks.append(LimitCheck(key, limit, value, value > limit))
    return checks
