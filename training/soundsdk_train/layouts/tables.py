"""Tables that say what recordings hold: ESC-50's, UrbanSound8K's and those of Kaggle, also as Excel saves them."""

from __future__ import annotations

import csv
import hashlib
import io
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from soundsdk.errors import DataError
from soundsdk.recording.sound_files import FolderListing
from soundsdk_train.layouts.labelled_files import (
    FOLDER_FOLDS,
    Dataset,
    LabelledFile,
    checked_label,
    recording_of,
    split_of,
)

KNOWN = {"esc50.csv": "esc", "urbansound8k.csv": "urbansound8k"}
_FILES = ("slice_file_name", "filename", "file_name", "fname", "file", "filepath", "path", "audio", "wav", "clip", "id")
_LABELS = ("class", "category", "label", "labels", "class_name", "primary_label", "target_name", "species")
_FOLDS = ("fold", "split", "set", "subset", "partition")
_NUMBERS = ("target", "classid", "class_id")
_SOURCES = ("src_file", "fsid", "source", "group", "recording_id")
_NEEDED = {
    "esc": ("filename", "fold", "target", "category", "src_file"),
    "urbansound8k": ("slice_file_name", "fold", "classid", "class", "fsid"),
}
_PLACES = ("*.csv", "*/*.csv", "*/*/*.csv")
_MOST_TABLE_BYTES = 256 << 20


@dataclass
class _Table:
    """One table: its rows by the names of the columns, in lower case without spaces around them."""

    path: Path
    layout: str  # "table" if it is not one of KNOWN
    rows: list[dict[str, str]]
    columns: list[str]

    def column(self, names: Sequence[str]) -> str | None:
        """Return the first of these columns that the table has."""
        return next((name for name in names if name in self.columns), None)


@dataclass
class _Read:
    """Recordings as they are read: numbers of classes, files that are in a table, names of folds."""

    recordings: list[LabelledFile] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)
    passed_over: list[tuple[Path, str]] = field(default_factory=list)
    splits: dict[int, str] = field(default_factory=dict)
    used: set[Path] = field(default_factory=set)


def find_tables(root: Path, listing: FolderListing, layout: str = "auto") -> list[_Table]:
    """Return the tables of a folder that say what its recordings hold.

    layout: that of one of KNOWN, or "table"; "auto" takes any: those that are known by their names, else each that
    names recordings of the folder. DataError if a known one cannot be read.
    """
    places = [p for pattern in _PLACES for p in sorted(root.glob(pattern)) if p.is_file() and p.name[0] != "."]
    known = [p for p in places if p.name.lower() in KNOWN and layout in ("auto", KNOWN[p.name.lower()])]
    if known:
        return [_read(known[0], KNOWN[known[0].name.lower()])]
    if layout not in ("auto", "table") or not listing.files:
        return []
    index = _Index(root, listing.files)
    found = []
    for path in places:
        try:
            table = _read(path, "table")
        except DataError:
            continue
        names, label = table.column(_FILES), table.column(_LABELS)
        timed = {"onset", "offset"} <= set(table.columns)
        if names and label and not timed and any(index.find(row.get(names, "")) for row in table.rows):
            found.append(table)
    return found


def scan_tables(root: Path, listing: FolderListing, tables: Sequence[_Table]) -> Dataset:
    """Return the recordings that tables name; those that are not there, or are in no table, are passed over.

    DataError if a table lacks a column, or none of its recordings is there.
    """
    index = _Index(root, listing.files)
    read = _Read()
    for table in tables:
        _scan(table, index, read, len(tables) > 1)
    if not read.recordings:
        path, reason = read.passed_over[0] if read.passed_over else (tables[0].path, "it has no rows")
        raise DataError(
            f"none of the recordings that {tables[0].path} names can be used: {path.name}, {reason}.",
            "Put them beside the table, in the folder audio.",
        )
    read.passed_over += [(p, "in no row of the table") for p in listing.files if p not in read.used]
    labels = sorted(read.numbers, key=lambda label: read.numbers[label])
    used = {r.label for r in read.recordings}
    labels = [label for label in labels if label in used]
    return Dataset(root, tables[0].layout, labels, read.recordings, read.splits, read.passed_over)


def _scan(table: _Table, index: _Index, read: _Read, of_several: bool) -> None:
    names, label = table.column(_FILES), table.column(_LABELS)
    fold, number, source = (table.column(c) for c in (_FOLDS, _NUMBERS, _SOURCES))
    needed = _NEEDED.get(table.layout, ())
    by_name = split_of(table.path.stem.split("_")[0]) if of_several else None
    for line, row in enumerate(table.rows, 2):
        if any(row.get(c) is None for c in needed) or names is None or label is None:
            columns = ", ".join(needed)
            raise DataError(f"{table.path}, line {line}, lacks one of the columns {columns}.", "Restore the file.")
        text, name = row[label].strip(), row[names].strip()
        if not text and not name:
            continue
        part = split_of(row[fold]) if fold else by_name
        if fold and part is None and row[fold].strip():
            raise DataError(f"{table.path}, line {line}, names no fold: {row[fold]!r}.", "Give numbers.")
        path = index.find(name, row[fold].strip() if fold else "")
        if path is None:
            read.passed_over.append((Path(name), f"named in {table.path.name} but not there"))
            continue
        if table.layout == "table" and "," in text:
            read.passed_over.append((path, "of several labels"))
            continue
        if path in read.used:
            continue
        own = checked_label(text, f"{table.path}, line {line},")
        read.numbers.setdefault(own, _number(row, number, table, line, len(read.numbers)))
        read.used.add(path)
        if part is not None and part[1]:
            read.splits[part[0]] = part[1]
        origin = row[source].strip() if source else recording_of(path)
        chosen = part[0] if part else hashlib.sha256(origin.encode()).digest()[0] % FOLDER_FOLDS + 1
        if part is not None and part[1] and not source:
            origin = f"{part[1]}/{origin}"
        read.recordings.append(LabelledFile(path, own, chosen, origin))


def _number(row: Mapping[str, str], column: str | None, table: _Table, line: int, otherwise: int) -> float:
    if column is None:
        return float(otherwise)
    try:
        return float(row[column])
    except ValueError as error:
        raise DataError(f"{table.path}, line {line}: {row[column]!r} is no number.", "Correct it.") from error


def _read(path: Path, layout: str) -> _Table:
    hint = "Restore the file that came with the data."
    try:
        if path.stat().st_size > _MOST_TABLE_BYTES:
            raise DataError(f"{path} is too large for a table of recordings.", hint)
        text = _decoded(path.read_bytes())
        first = text.partition("\n")[0]
        delimiter = max(",;\t|", key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header = [cell.strip().lower().replace(" ", "_") for cell in next(reader, [])]
        rows = [dict(zip(header, cells, strict=False)) for cells in reader if any(cell.strip() for cell in cells)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}.", hint) from error
    return _Table(path, layout, rows, header)


def _decoded(data: bytes) -> str:
    """Return the text of a table: UTF-8 with or without a mark, UTF-16 with one, else as Windows writes in the West."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252")


class _Index:
    """The recordings of a folder by their names, however a table writes them."""

    def __init__(self, root: Path, files: Sequence[Path]) -> None:
        self._by_name: dict[str, list[tuple[str, Path]]] = {}
        self._by_stem: dict[str, list[tuple[str, Path]]] = {}
        for path in files:
            place = _plain(path.relative_to(root).as_posix())
            self._by_name.setdefault(PurePosixPath(place).name, []).append((place, path))
            self._by_stem.setdefault(PurePosixPath(place).stem, []).append((place, path))

    def find(self, name: str, fold: str = "") -> Path | None:
        """Return the recording of a name, which may have folders, backslashes, other capitals or no ending."""
        wanted = _plain(name.replace("\\", "/").strip())
        if not wanted:
            return None
        file = PurePosixPath(wanted)
        found = self._by_name.get(file.name) or self._by_stem.get(file.name) or self._by_stem.get(file.stem)
        if not found:
            return None
        number = fold.removesuffix(".0")
        return min(
            found,
            key=lambda one: (
                not one[0].endswith("/".join(part for part in file.parts if part not in ("..", ".", "/"))),
                bool(number) and f"fold{number}" not in PurePosixPath(one[0]).parts,
                len(PurePosixPath(one[0]).parts),
                one[0],
            ),
        )[1]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()
