"""The end of a check: passed, failed, or not possible here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from soundsdk.errors import SoundsdkError

PASSED, FAILED, NOT_POSSIBLE = "passed", "failed", "not possible here"


class NotPossible(SoundsdkError):
    """A check that this board, this line or this computer cannot show; the message says why."""


@dataclass(frozen=True)
class Observed:
    """A check that ran to its end. figure: measured, in `unit`; bound: what it has to be, in words; facts: more."""

    ok: bool
    says: str
    figure: float | None = None
    unit: str = ""
    bound: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
