"""Check values that a program hands over to a Device."""

from __future__ import annotations

import math
from numbers import Integral, Real

from soundsdk.errors import UsageError


def check_number(value: object, what: str, whole: bool = False) -> None:
    """Raise UsageError unless it is a finite number, a whole one where that is asked for; numpy's are, too."""
    kind = Integral if whole else Real
    if isinstance(value, bool) or not isinstance(value, kind):
        raise UsageError(f"{what} is a {'whole ' if whole else ''}number, not {value!r:.80}.")
    if not math.isfinite(float(value)):
        raise UsageError(f"{what} is a finite number, not {value!r:.80}.")


def check_text(value: object, what: str) -> None:
    """Raise UsageError unless it is text."""
    if not isinstance(value, str):
        raise UsageError(f"{what} is text, not {value!r:.80}.")
