"""A folder of recordings as its user should see it before a training: what is there, what is odd, how it is divided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from soundsdk.errors import DataError, UsageError
from soundsdk.labels import counted, is_background, printable
from soundsdk_train.datasets import Dataset, LabelledFile, split
from soundsdk_train.survey import FileFacts

FEW = 5  # recordings of a label to train on, below which it is said that it is next to empty
_ENOUGH = 10  # recordings of one and the same sound, for a start
_OTHER_SOUNDS = "speech, music, dishes, the door, quiet"
_UNEVEN = 20  # times as many recordings of one event as of another
_NAMED = 3  # files that a line names
_LATE_S = 0.1  # by which a label may end after its sound: tracks are rounded


@dataclass
class LabelCount:
    """One class: its clips on both sides of the split, and the seconds of both; None before sound was read."""

    label: str
    train: int = 0
    test: int = 0
    seconds: float | None = None

    @property
    def event(self) -> bool:
        """True unless the class is one of backgrounds."""
        return not is_background(self.label)


@dataclass
class DataReport:
    """All that is said about a folder. Paths are as they were found; notes and warnings are sentences."""

    root: Path
    layout: str
    fold: int | None
    split: str
    labels: list[LabelCount] = field(default_factory=list)
    passed_over: list[tuple[Path, str]] = field(default_factory=list)
    leftovers: int = 0
    rates: dict[int, int] = field(default_factory=dict)  # files by their rate
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    silent: list[Path] = field(default_factory=list)
    clipped: list[Path] = field(default_factory=list)
    duplicates: list[list[Path]] = field(default_factory=list)
    beyond_end: list[Path] = field(default_factory=list)  # whose labels in time go on after the sound has ended
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problem: DataError | UsageError | None = None  # why no detector can come of it

    def as_dict(self) -> dict[str, Any]:
        """Return the report for `--json`."""
        return {
            "root": str(self.root),
            "layout": self.layout,
            "fold": self.fold,
            "split": self.split,
            "labels": [
                {"label": c.label, "event": c.event, "train": c.train, "test": c.test, "seconds": _rounded(c.seconds)}
                for c in self.labels
            ],
            "rates_hz": {str(rate): count for rate, count in sorted(self.rates.items())},
            "passed_over": [{"path": str(path), "reason": reason} for path, reason in self.passed_over],
            "unreadable": [{"path": str(path), "reason": reason} for path, reason in self.unreadable],
            "leftovers": self.leftovers,
            "silent": [str(path) for path in self.silent],
            "clipped": [str(path) for path in self.clipped],
            "duplicates": [[str(path) for path in group] for group in self.duplicates],
            "labels_beyond_end": [str(path) for path in self.beyond_end],
            "notes": self.notes,
            "warnings": self.warnings,
            "problem": self.problem.message if self.problem else None,
        }

    def lines(self) -> list[str]:
        """Return the report as text, a line each: classes first, then what is odd."""
        return [*self.listed_lines(), *self.sound_lines()]

    def listed_lines(self) -> list[str]:
        """Return what is known without reading sound."""
        total = sum(c.train + c.test for c in self.labels)
        out = [f"{self.root}: {counted(total, 'clip')}, layout {self.layout}", self.split, *self._table()]
        reasons = Counter(reason for _, reason in self.passed_over)
        for reason, count in reasons.most_common():
            names = [path for path, why in self.passed_over if why == reason]
            out.append(f"passed over, {reason}: {_named(names, count)}")
        if self.leftovers:
            out.append(f"passed over, left there by a system: {counted(self.leftovers, 'file or folder', 'files')}")
        return [*out, *self.notes, *(f"warning: {text}" for text in self.warnings)]

    def _table(self) -> list[str]:
        """Return a row for each label: its clips, those held out if any are, its length if the sound was read."""
        heads = ["", "clips"]
        rows = [[c.label, str(c.train + c.test)] for c in self.labels]
        if any(c.test for c in self.labels):
            heads.append("held out")
            rows = [[*row, str(c.test)] for row, c in zip(rows, self.labels, strict=True)]
        if any(c.seconds is not None for c in self.labels):
            heads.append("length")
            lengths = ["" if c.seconds is None else _length(c.seconds) for c in self.labels]
            rows = [[*row, length] for row, length in zip(rows, lengths, strict=True)]
        # A terminal shows many a character in two columns, and some in none.
        widths = [max(map(cell_len, column)) for column in zip(heads, *rows, strict=True)]
        notes = ["", *("" if c.event else "  background: never an event" for c in self.labels)]
        names = [row[0] + " " * (widths[0] - cell_len(row[0])) for row in (heads, *rows)]
        return [
            "  " + "  ".join([name, *map(str.rjust, row[1:], widths[1:])]) + note
            for name, row, note in zip(names, [heads, *rows], notes, strict=True)
        ]

    def sound_lines(self) -> list[str]:
        """Return what was found in the sound; [] before it was read."""
        out = []
        if self.rates:
            rates = ", ".join(f"{rate} Hz ({count})" for rate, count in sorted(self.rates.items()))
            out.append(f"rates: {rates}")
        out += [f"cannot be read: {printable(reason)}" for _, reason in self.unreadable]
        if self.silent:
            out.append(f"digital silence: {_named(self.silent)}")
        if self.clipped:
            out.append(f"clipped, recorded too loud: {_named(self.clipped)}")
        if self.beyond_end:
            out.append(f"labels go on after the end of the sound, and are cut there: {_named(self.beyond_end)}")
        for group in self.duplicates[:_NAMED]:
            out.append(f"the same sound: {_named(group)}")
        if len(self.duplicates) > _NAMED:
            out.append(f"and {len(self.duplicates) - _NAMED} more sounds that are there more than once")
        return out


def report_of(
    dataset: Dataset, fold: int | None, facts: Mapping[Path, FileFacts] | None = None, *, explicit: bool = False
) -> DataReport:
    """Return the report on a data set of which a fold is held out, None for none.

    facts: of survey(); without them no sound was read. explicit: the user named the fold. problem is set if no detector
    can come of the data.
    """
    train, test = split(dataset, fold)
    counts = {label: LabelCount(label) for label in dataset.labels}
    for side, files in (("train", train), ("test", test)):
        for item in files:
            setattr(counts[item.label], side, getattr(counts[item.label], side) + 1)
    labels = sorted(counts.values(), key=lambda c: not c.event)
    out = DataReport(dataset.root, dataset.layout, fold, _split_words(dataset, fold, explicit), labels)
    out.passed_over, out.leftovers, out.notes = dataset.passed_over, dataset.leftovers, list(dataset.notes)
    out.warnings = _warnings(labels, dataset.root)
    if facts is not None:
        _add_sound(out, dataset, facts)
    try:
        check_trainable(dataset, train, facts)
    except (DataError, UsageError) as error:
        out.problem = error
    return out


def check_trainable(
    dataset: Dataset, train: Sequence[LabelledFile], facts: Mapping[Path, FileFacts] | None = None
) -> None:
    """Raise DataError if no detector can come of what is left to train on; with facts also for what sounds."""
    events = [label for label in dataset.labels if not is_background(label)]
    if not events:
        raise DataError(
            f"{dataset.root} holds only backgrounds ({', '.join(dataset.labels)}), which are never an event.",
            "Add a folder with the sound to recognise, named after it.",
        )
    left = {item.label for item in train}
    for label in events:
        if label not in left:
            raise DataError(
                f"all recordings of {label} are held out: none is left to train on.",
                "Record more of it, or hold out another fold.",
            )
        if facts is None:
            continue
        own = [facts[item.path] for item in train if item.label == label and item.path in facts]
        if own and all(one.error or one.silent for one in own):
            silent = any(one.silent for one in own)
            what = f"every recording of {label} is digital silence"
            what = what if silent else f"no recording of {label} can be read"
            raise DataError(f"{what}: no detector can come of it.", "Record them again, or export them.")


def without_silence(dataset: Dataset, facts: Mapping[Path, FileFacts]) -> list[Path]:
    """Take recordings of events that hold nothing but zeros out of a data set; return their paths.

    Learned as the event, they would make silence one. Silent backgrounds stay.
    """
    silent = [
        item.path
        for item in dataset.recordings
        if not is_background(item.label) and item.path in facts and facts[item.path].silent
    ]
    gone = set(silent)
    dataset.recordings = [item for item in dataset.recordings if item.path not in gone or is_background(item.label)]
    return silent


def _add_sound(out: DataReport, dataset: Dataset, facts: Mapping[Path, FileFacts]) -> None:
    seconds = dict.fromkeys(dataset.labels, 0.0)
    by_digest: dict[str, list[Path]] = {}
    labels_of: dict[Path, set[str]] = {}
    for item in dataset.recordings:
        one = facts[item.path]
        labels_of.setdefault(item.path, set()).add(item.label)
        if item.part is None:
            seconds[item.label] += one.seconds
            continue
        seconds[item.label] += max(0.0, min(item.part[1], one.seconds) - item.part[0])
        if item.part[1] > one.seconds + _LATE_S and not one.error and item.path not in out.beyond_end:
            out.beyond_end.append(item.path)
    for path in labels_of:
        one = facts[path]
        if one.error:
            out.unreadable.append((path, one.error))
            continue
        out.rates[one.rate_hz] = out.rates.get(one.rate_hz, 0) + 1
        if one.silent:
            out.silent.append(path)
            continue
        by_digest.setdefault(one.digest, []).append(path)
        if one.clipped:
            out.clipped.append(path)
    out.duplicates = [group for group in by_digest.values() if len(group) > 1]
    for group in out.duplicates:
        if len(set.union(*(labels_of[path] for path in group))) > 1:
            out.warnings.append(f"the same sound has two labels: {_named(group)}")
    for c in out.labels:
        c.seconds = seconds[c.label]


def _warnings(labels: Sequence[LabelCount], root: Path) -> list[str]:
    events = [c for c in labels if c.event]
    out = [
        f"{c.label} has only {counted(c.train, 'clip')} to train on: record {_ENOUGH if c.event else 2 * _ENOUGH} or "
        f"more, {'near and far, loud and soft' if c.event else _OTHER_SOUNDS}"
        for c in labels
        if 0 < c.train < FEW
    ]
    if events:
        most, least = max(events, key=lambda c: c.train), min(events, key=lambda c: c.train)
        if least.train and most.train >= _UNEVEN * least.train:
            out.append(f"{most.label} has {most.train // least.train} times as many clips as {least.label}")
    if events and len(labels) == len(events):
        empty = next((p.name for p in sorted(root.iterdir()) if p.is_dir() and is_background(p.name.lower())), "")
        what = f"the folder `{empty}` holds no sound" if empty else "there is no folder `background`"
        out.append(
            f"{what}: record there what is to be no event, a few minutes of {_OTHER_SOUNDS}; "
            "without it the detector has heard nothing of your place"
        )
    return out


def _split_words(dataset: Dataset, fold: int | None, explicit: bool) -> str:
    if fold is None:
        folds = dataset.folds
        some = f"folds {folds[0]} to {folds[-1]}" if len(folds) > 1 else f"fold {folds[0]}"
        return f"nothing is held out (--fold N does it: {some})" if len(folds) > 1 else "nothing is held out"
    name = f"its {dataset.splits[fold]} part" if dataset.splits.get(fold) else f"fold {fold}"
    return f"{name} is held out" + ("" if explicit else " (--fold 0: nothing)")


def _named(paths: Sequence[Path], count: int | None = None) -> str:
    count = len(paths) if count is None else count
    names = ", ".join(printable(str(Path(*path.parts[-2:]))) for path in paths[:_NAMED])
    return names + (f" and {count - _NAMED} more" if count > _NAMED else "")


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.1f} min"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
