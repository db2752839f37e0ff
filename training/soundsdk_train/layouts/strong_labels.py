"""Labels in time for training: DCASE tables and Audacity label tracks that lie with the recordings.

Each span becomes a recording of its label, and what lies between spans, of which the labels say that no event is in it,
a background.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soundsdk.errors import DataError
from soundsdk.labels import LabelledSpan, is_table, parse_audacity, read_label_text, read_table
from soundsdk_train.layouts.labelled_files import LabelledFile, checked_label

BACKGROUND = "background"
_MARGIN_S = 0.25  # around a span that is neither: people mark the ends of sounds late
_LEAST_GAP_S = 1.0
_MOST_GAP_S = 10.0  # of one background; a longer gap gives several
_LEAST_SPAN_S = 0.05
_LATEST_S = 86_400.0  # a later time is a date or a number of samples
_TIME_LIKE = re.compile(r"[-+\d.,: eE]+|nan|inf", re.IGNORECASE)


@dataclass
class Truth:
    """The spans of recordings by their file name, of the tables below a folder, and tracks beside the files."""

    tables: dict[str, list[LabelledSpan]] = field(default_factory=dict)
    beside: bool = True
    _known: dict[Path, list[LabelledSpan] | None] = field(default_factory=dict)

    @classmethod
    def none(cls) -> Truth:
        """Return what knows nothing, of layouts whose files hold one sound each."""
        return cls(beside=False)

    @classmethod
    def below(cls, root: Path) -> Truth:
        """Read the DCASE tables below a folder, two folders deep. DataError if one cannot be read."""
        tables: dict[str, list[LabelledSpan]] = {}
        for pattern in ("*.tsv", "*/*.tsv", "*/*/*.tsv"):
            for path in sorted(root.glob(pattern)):
                if path.is_file() and not path.name.startswith(".") and is_table(path):
                    for name, spans in read_table(path).items():
                        tables.setdefault(Path(name.replace("\\", "/")).name, []).extend(spans)
        return cls(tables)

    def of(self, path: Path) -> list[LabelledSpan] | None:
        """Return the spans of a recording; None if nothing says where in it is what."""
        if path not in self._known:
            self._known[path] = self._find(path)
        return self._known[path]

    def _find(self, path: Path) -> list[LabelledSpan] | None:
        if path.name in self.tables:
            return self.tables[path.name]
        track = path.with_suffix(".txt")
        if not self.beside or not track.is_file():
            return None
        try:
            spans = parse_audacity(read_label_text(track), str(track))
        except DataError:
            if _looks_like_labels(track):
                raise
            return None  # another text beside the sound: its description, its licence
        return spans or None

    def parts(
        self, path: Path, spans: Sequence[LabelledSpan], fold: int, source: str
    ) -> tuple[list[LabelledFile], list[str]]:
        """Return a recording in parts: one for each span, and backgrounds between them up to the last; then reasons.

        The reasons are those for which spans were passed over.
        """
        out, reasons, at = [], [], 0.0
        for span in sorted(spans, key=lambda s: s.onset_s):
            label = checked_label(span.label, f"the labels of {path}")
            if span.offset_s > _LATEST_S:
                reasons.append(f"the label {label} ends at {span.offset_s:g} s, later than a day: times are in seconds")
                continue
            onset_s = max(0.0, span.onset_s)
            if span.offset_s - onset_s < _LEAST_SPAN_S:
                reasons.append(f"the label {label} at {span.onset_s:.2f} s has no length")
            else:
                out.append(LabelledFile(path, label, fold, source, (onset_s, span.offset_s)))
            out += _backgrounds(path, fold, source, at, onset_s)
            at = max(at, span.offset_s)
        return out, reasons


def _backgrounds(path: Path, fold: int, source: str, begin_s: float, end_s: float) -> list[LabelledFile]:
    begin_s, end_s = begin_s + _MARGIN_S * (begin_s > 0), end_s - _MARGIN_S
    out = []
    while end_s - begin_s >= _LEAST_GAP_S:
        part = (begin_s, min(end_s, begin_s + _MOST_GAP_S))
        out.append(LabelledFile(path, BACKGROUND, fold, source, part))
        begin_s = part[1]
    return out


def _looks_like_labels(track: Path) -> bool:
    """Return True for a text whose first line is two times and a label, so that its errors are worth naming."""
    try:
        lines = [line for line in read_label_text(track).splitlines() if line.strip()]
    except DataError:
        return False
    columns = lines[0].split("\t") if lines else []
    return len(columns) == 3 and all(_TIME_LIKE.fullmatch(text.strip()) for text in columns[:2])
