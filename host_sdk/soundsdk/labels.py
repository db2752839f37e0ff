"""Events as text: DCASE tab-separated tables and Audacity labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

TSV_HEADER = "filename\tonset\toffset\tevent_label"


class Whole(Protocol):
    """An event with both its ends, in seconds."""

    @property
    def onset_s(self) -> float: ...
    @property
    def offset_s(self) -> float: ...
    @property
    def label(self) -> str: ...


def printable(text: str) -> str:
    """Text that comes from elsewhere, for a line: what would end it or steer a terminal becomes a middle dot."""
    return "".join(c if c.isprintable() else "·" for c in text)


def tsv(filename: str, events: Iterable[Whole]) -> list[str]:
    """Rows for TSV_HEADER, seconds with a thousandth's resolution."""
    return [f"{filename}\t{e.onset_s:.3f}\t{e.offset_s:.3f}\t{printable(e.label)}" for e in events]


def audacity(events: Iterable[Whole]) -> list[str]:
    """Rows of an Audacity label track: start, end, label."""
    return [f"{e.onset_s:.6f}\t{e.offset_s:.6f}\t{printable(e.label)}" for e in events]
