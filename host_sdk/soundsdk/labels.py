"""Labels, labelled spans of sound, and their text forms: DCASE tab-separated tables and Audacity label tracks."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from soundsdk.errors import DataError

TSV_HEADER = "filename\tonset\toffset\tevent_label"
MOST_LABEL_BYTES = 64  # in UTF-8, as the firmware has it (soundfw.detect.thresholds.described)

# Classes that are never an event, as are those that begin with neg_.
BACKGROUND_LABELS = ("background", "noise", "silence", "other", "negative")
_ALSO_BACKGROUND = ("background_noise",)  # _background_noise_ of Speech Commands


def is_background(label: str) -> bool:
    """Return True for a class of sounds that are no event: background, noise, silence, other, negative, neg_*."""
    words = (label, label.removesuffix("s"))
    return any(word in (*BACKGROUND_LABELS, *_ALSO_BACKGROUND) for word in words) or label.startswith("neg_")


@dataclass(frozen=True)
class LabelledSpan:
    """One stretch of sound with a label: a detected event with both its ends, or a true one.

    ValueError if it ends before it begins.
    """

    onset_s: float
    offset_s: float
    label: str
    score: float | None = None  # highest score of the detector within the span, 0-1; None where nothing was detected

    def __post_init__(self) -> None:
        if not self.onset_s <= self.offset_s:
            raise ValueError(f"the span {self.label!r} ends at {self.offset_s} s, before it begins at {self.onset_s} s")


def counted(count: float, one: str, many: str = "") -> str:
    """Return a number with its noun, such as "1 clip", "2 classes" or "0.5 false alarms"; many: a plural without -s."""
    number = f"{count:g}" if isinstance(count, float) else str(count)
    return f"{number} {one if count == 1 else many or one + 's'}"


def meant(word: str, known: Collection[str]) -> str:
    """Return "Did you mean X? " for the known word that looks most like one; "" if none does."""
    close = difflib.get_close_matches(word.casefold(), [one.casefold() for one in known], 1, 0.6)
    return next((f"Did you mean {printable(one)}? " for one in known if [one.casefold()] == close), "")


def meant_by(given: Iterable[str], known: Collection[str], most: int = 5) -> str:
    """Return "A: did you mean X? " for each of the given words that looks like a known one, `most` of them."""
    close = ((word, meant(word, known)) for word in given)
    named = (f"{printable(word)}: {said[0].lower()}{said[1:]}" for word, said in close if said)
    return "".join(itertools.islice(named, most))


def printable(text: str) -> str:
    """Replace every character that could end a line or steer a terminal with a middle dot."""
    return "".join(c if c.isprintable() else "·" for c in text)


def printable_lines(text: str) -> str:
    """Do the same to each line of a text, and leave the ends of its lines."""
    return "\n".join(map(printable, text.split("\n")))


def format_tsv(filename: str, spans: Iterable[LabelledSpan]) -> list[str]:
    """Return the rows that follow TSV_HEADER, in seconds with three decimals."""
    return [f"{filename}\t{s.onset_s:.3f}\t{s.offset_s:.3f}\t{printable(s.label)}" for s in spans]


def format_audacity(spans: Iterable[LabelledSpan]) -> list[str]:
    """Return the rows of an Audacity label track: start, end, label."""
    return [f"{s.onset_s:.6f}\t{s.offset_s:.6f}\t{printable(s.label)}" for s in spans]


def parse_tsv(text: str, name: str = "the labels") -> dict[str, list[LabelledSpan]]:
    """Read a DCASE table and return its spans by file name, in the order of the rows.

    DataError names the table by `name`, and the line that is not a row of TSV_HEADER's columns.
    """
    spans: dict[str, list[LabelledSpan]] = {}
    for number, row in _rows(text, 4, name):
        if number > 1 or "\t".join(row) != TSV_HEADER:
            spans.setdefault(row[0], []).append(_span(number, row[1:], name))
    return spans


def parse_audacity(text: str, name: str = "the labels") -> list[LabelledSpan]:
    """Read an Audacity label track; DataError names it by `name`, and the line that is no label."""
    # Lines that begin with a backslash hold a label's range of frequencies.
    return [_span(number, row, name) for number, row in _rows(text, 3, name)]


def _rows(text: str, columns: int, name: str) -> Iterable[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("\\"):
            continue
        row = line.split("\t")
        if len(row) != columns:
            raise DataError(f"line {number} of {name} has {len(row)} columns, not {columns}.", "Separate by tabs.")
        yield number, row


def _span(number: int, row: list[str], name: str) -> LabelledSpan:
    onset, offset, label = row
    try:
        return LabelledSpan(float(onset), float(offset), label)
    except ValueError as error:
        raise DataError(f"line {number} of {name} cannot be used: {error}.", "Correct its times.") from error


def read_label_text(path: Path) -> str:
    """Return the text of a file of labels; DataError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the labels {path} cannot be read: {error}.", "Give a DCASE or an Audacity file.") from error


def is_table(path: Path) -> bool:
    """Return True for a file whose first line names the columns of a DCASE table, in any order."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline(4096)
    except (OSError, UnicodeDecodeError):
        return False
    return set(TSV_HEADER.split("\t")) <= set(header.rstrip("\r\n").split("\t"))


def read_table(path: Path) -> dict[str, list[LabelledSpan]]:
    """Read a DCASE table of spans by file name; columns in any order, by their names in the first line.

    A row without times names a recording in which there are no events. DataError if a column is missing.
    """
    header, *rows = [line.split("\t") for line in (read_label_text(path).splitlines() or [""])]
    columns = TSV_HEADER.split("\t")
    if not set(columns) <= set(header):
        raise DataError(f"{path} lacks one of the columns {', '.join(columns)}.", "Name them in its first line.")
    order = [header.index(column) for column in columns]
    empty: dict[str, list[LabelledSpan]] = {}
    lines = [TSV_HEADER]
    for row in rows:
        filled = [*row, *[""] * (len(header) - len(row))]
        name, onset, offset, label = (filled[i] for i in order)
        timed = bool(onset.strip() or offset.strip())
        lines.append("\t".join([name, onset, offset, label]) if timed else "")  # keeps the numbers of the lines
        if name.strip() and not timed:
            empty[name] = []
    return {**empty, **parse_tsv("\n".join(lines), str(path))}
