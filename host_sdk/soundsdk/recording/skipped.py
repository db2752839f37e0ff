"""Recordings that cannot be read: every verb passes over them in the same way."""

from __future__ import annotations

from collections.abc import Callable

from soundsdk.errors import DataError
from soundsdk.labels import counted


class SkippedFiles:
    """The files that a verb passed over. Each is said as it is met, and counted at the end.

    An instance is what functions call with the reason why they cannot read a file.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.reasons: list[str] = []

    def __call__(self, reason: str) -> None:
        """Pass over a file."""
        self.reasons.append(reason)
        self._say(f"skipped: {reason}")

    @property
    def count(self) -> int:
        """The number of files that were passed over."""
        return len(self.reasons)

    def finish(self, read: int) -> None:
        """Say how many there were beside those that were read; DataError if nothing is left."""
        if self.reasons and not read:
            raise DataError(f"none of the recordings can be read: {self.reasons[0]}", "Give WAV, FLAC or OGG files.")
        if self.reasons:
            self._say(f"{self.count} of {counted(read + self.count, 'file')} skipped")
