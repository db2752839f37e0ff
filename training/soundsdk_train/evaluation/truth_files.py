"""The truth about long recordings: DCASE tables and Audacity labels, found, checked and put in the model's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soundsdk import labels as label_files
from soundsdk.errors import DataError
from soundsdk.labels import LabelledSpan, is_background, meant_by, printable
from soundsdk_train.datasets import label_name

# What a recording without any event is often said to hold; besides background, noise and the like.
_NEGATIVES = frozenset(
    ("music", "radio", "rain", "singing", "speech", "street", "talking", "television", "traffic", "tv", "voice", "wind")
)
_NAMED = 5  # files and labels that a message names


@dataclass
class _Truth:
    """One file of truth: its name, the labels in it, and whether it is a table of several recordings."""

    name: str
    labels: set[str]
    shared: bool


def read_truth(
    files: Sequence[Path],
    truth: Path | None,
    labels: Sequence[str],
    on_note: Callable[[str], None] | None = None,
) -> list[list[LabelledSpan]]:
    """Return the spans of each sound file whose label is one of the model's, by the model's name for it.

    truth: a DCASE table (.tsv) with rows for all of the files, or the Audacity labels (.txt) of the only file; None
    looks beside each file for its name with .txt or .tsv. A table names a file by path, name, or name without suffix.
    Labels are compared as names of folders are, in lower case with underscores; other labels are named to on_note.
    DataError if a file has no truth, or if nothing in a file of truth is a label of the model: unless it is about one
    recording, and names speech, noise or another sound of which it is clear that it is no event.
    """
    spans, sources = _spans_of(files, truth)
    known = {label_name(label): label for label in labels}
    for source in sources:
        _check_labels(source, known)
    if on_note is not None:
        unknown = sorted(set().union(*(source.labels for source in sources)) - set(known))
        if unknown:
            on_note(f"these labels of the truth are none of the model's: {_some(map(_shown, unknown))}")
    return [
        [replace(s, label=known[label_name(s.label)]) for s in own if label_name(s.label) in known] for own in spans
    ]


def within(
    spans: Sequence[LabelledSpan], length_s: float, path: Path, on_note: Callable[[str], None] | None = None
) -> list[LabelledSpan]:
    """Return the spans of a recording with none beyond its end; on_note gets a sentence about those that were cut.

    DataError if a span begins after the end: such truth is of another recording, or in another unit.
    """
    late = [span for span in spans if span.onset_s >= length_s]
    if late:
        raise DataError(
            f"{path} lasts {length_s:.2f} s, but its truth has {late[0].label} from {late[0].onset_s:.2f} s on.",
            "Give the truth of this recording, in seconds.",
        )
    cut = [span for span in spans if span.offset_s > length_s]
    if cut and on_note is not None:
        last = max(span.offset_s for span in cut)
        on_note(f"the truth of {path} goes on to {last:.2f} s; it was cut where the sound ends, at {length_s:.2f} s")
    return [replace(span, offset_s=min(span.offset_s, length_s)) for span in spans]


def _spans_of(files: Sequence[Path], truth: Path | None) -> tuple[list[list[LabelledSpan]], list[_Truth]]:
    """Return the spans of each sound file, and what the files of truth that were read hold."""
    if truth is None:
        beside = [_beside(path) for path in files]
        sources = [_Truth(str(name), _names(spans), False) for name, spans in beside]
        return [spans for _, spans in beside], sources
    if truth.suffix.lower() == ".txt":
        if len(files) != 1:
            raise DataError(
                f"{truth} holds the labels of one recording, but there are {len(files)}.", "Give a DCASE table (.tsv)."
            )
        track = label_files.parse_audacity(label_files.read_label_text(truth), str(truth))
        return [track], [_Truth(str(truth), _names(track), False)]
    table = label_files.read_table(truth)
    found = [_of_file(table, path) for path in files]
    missing = [str(path) for path, own in zip(files, found, strict=True) if own is None]
    if len(missing) == len(files):
        raise DataError(f"{truth} names none of the recordings.", "Its first column holds their file names.")
    if missing:
        raise DataError(
            f"{truth} says nothing about {_some(missing)}.",
            "Give their events; a row with only the file's name says that there are none.",
        )
    every = _names([span for spans in table.values() for span in spans])
    return [own or [] for own in found], [_Truth(str(truth), every, True)]


def _check_labels(source: _Truth, known: Mapping[str, str]) -> None:
    if not source.labels or source.labels & set(known):
        return
    clear = any(is_background(label) or label.removesuffix("s") in _NEGATIVES for label in source.labels)
    if clear and not source.shared:
        return
    raise DataError(
        f"no label of {source.name} is one of the model's: {_some(map(_shown, sorted(source.labels)))}.",
        f"{meant_by(sorted(source.labels), list(known.values()))}The model knows {', '.join(known.values())}.",
    )


def _names(spans: Sequence[LabelledSpan]) -> set[str]:
    return {label_name(span.label) for span in spans}


def _shown(label: str) -> str:
    return printable(label) or "(no text)"


def _some(names: Iterable[str]) -> str:
    """Return names as one text, which says how many more there are than it has room for."""
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more


def _of_file(table: Mapping[str, list[LabelledSpan]], path: Path) -> list[LabelledSpan] | None:
    """Return the spans of a file: of its longest name in the table that fits; None if it is not there."""
    for fits in (
        lambda name: path.as_posix().endswith("/" + name.removeprefix("./")),
        lambda name: Path(name).name == path.name,
        lambda name: Path(name).stem == path.stem,
    ):
        named = sorted((name for name in table if fits(name)), key=len)
        if named:
            return table[named[-1]]
    return None


def _beside(path: Path) -> tuple[Path, list[LabelledSpan]]:
    """Return the file of truth beside a sound file, and its spans."""
    audacity, beside = path.with_suffix(".txt"), path.with_suffix(".tsv")
    if audacity.is_file():
        return audacity, label_files.parse_audacity(label_files.read_label_text(audacity), str(audacity))
    if beside.is_file():
        table = label_files.read_table(beside)
        own = _of_file(table, path)
        if own is None and table:
            raise DataError(f"{beside} says nothing about {path.name}.", "Its first column holds the file's name.")
        return beside, own or []
    raise DataError(
        f"nothing says what {path} holds.",
        f"Give --truth, or its Audacity labels as {audacity.name}; an empty file says that no event is in it.",
    )
