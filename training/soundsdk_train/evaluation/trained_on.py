"""Recordings that a detector was trained on, found by their content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from soundsdk.cache import content_sha256


def trained_on(model: Path, files: Sequence[Path]) -> int | None:
    """Return how many of the files a detector was trained on; None if no record of the run lies beside it.

    The record, NAME.run.json, holds the SHA-256 of every recording.
    """
    try:
        known = set(json.loads(model.with_suffix(".run.json").read_text(encoding="utf-8"))["data"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    count = 0
    for file in files:
        try:
            count += content_sha256(file) in known
        except OSError:
            continue  # it was skipped in the measurement as well
    return count
