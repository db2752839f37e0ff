"""Recordings in folders that are named after what they hold, in parts of a split or not."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soundsdk.errors import DataError
from soundsdk.given_text import parse_json, read_text
from soundsdk.labels import is_background
from soundsdk.recording.sound_files import FolderListing
from soundsdk_train.layouts.labelled_files import (
    FOLDER_FOLDS,
    SPLIT_FOLDS,
    TRAIN,
    Dataset,
    LabelledFile,
    checked_label,
    label_name,
    merged_labels,
    recording_of,
    split_of,
)
from soundsdk_train.layouts.strong_labels import BACKGROUND, Truth

ESC_FOLDER = re.compile(r"\d{3} - (.+)")
_ESC_FILE = re.compile(r"(\d+)-([^-]+)-([^-]+)")
_EDGE_IMPULSE = "info.labels"
_MOST_LIST_BYTES = 1 << 28
UNLABELLED = "in no folder that says what it is"


@dataclass
class _Reading:
    """Recordings as they are read, and how each label was written."""

    truth: Truth
    recordings: list[LabelledFile] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    written: dict[str, set[str]] = field(default_factory=dict)
    passed_over: list[tuple[Path, str]] = field(default_factory=list)

    def label(self, text: str, where: str) -> str:
        """Return the label of a text, and remember that it came from there."""
        name = checked_label(text, where)
        self.labels.append(name)
        self.written.setdefault(name, set()).add(text)
        return name

    def add(self, path: Path, label: str, fold: int, source: str) -> None:
        """Add a file; if labels in time lie beside it, its parts instead."""
        spans = self.truth.of(path)
        if spans is None:
            self.recordings.append(LabelledFile(path, label, fold, source))
            return
        if not spans:  # listed as a recording without any event
            self.labels.append(BACKGROUND)
            self.recordings.append(LabelledFile(path, BACKGROUND, fold, source))
            return
        parts, reasons = self.truth.parts(path, spans, fold, source)
        self.recordings += parts
        self.labels += [part.label for part in parts]
        self.passed_over += [(path, reason) for reason in reasons]


def scan_esc_folders(root: Path, listing: FolderListing) -> Dataset:
    """Read `NNN - Class/FOLD-ID-TAKE.ogg`; other folders are passed over. DataError if a file is named otherwise."""
    reading = _Reading(Truth.none())
    for name, files in _by_folder(root, listing.files).items():
        match = ESC_FOLDER.fullmatch(name)
        if not match:
            reading.passed_over += [(path, "in a folder that is not named as in the ESC layout") for path in files]
            continue
        label = reading.label(match[1], str(root / name))
        for path in files:
            parts = _ESC_FILE.fullmatch(path.stem)
            if not parts:
                raise DataError(
                    f"{path} is not named FOLD-ID-TAKE as in the ESC layout.", "Rename it or use --layout folders."
                )
            reading.recordings.append(LabelledFile(path, label, int(parts[1]), parts[2]))
    return _dataset(root, "esc", reading, {})


def scan_folders(root: Path, listing: FolderListing, truth: Truth) -> Dataset:
    """Read one folder per class; or folders train, test, fold1 … with those inside, which are then the split.

    A folder inside a class, or a name that ends in -A, -B …, marks takes of one recording. As folders of classes have
    no official folds, a class's recordings are dealt to five folds in the order of their names' hashes. Files of Edge
    Impulse lie in the parts themselves, LABEL.*.wav. Labels in time beside a file say more than its folder.
    """
    reading = _Reading(truth)
    folders = _by_folder(root, listing.files)
    loose = folders.pop("", [])
    parts = {name: split_of(name) for name in folders if not name.isdigit()}
    divided = {name for name, part in parts.items() if part is not None}
    splits: dict[int, str] = {}
    if divided and all(name in divided or is_background(label_name(name)) for name in folders):
        named = _edge_impulse_labels(root)
        for name, files in folders.items():
            part = parts.get(name)
            if part is None:  # backgrounds beside the parts are to train on
                part, inside = (SPLIT_FOLDS[TRAIN], TRAIN), {name: files}
            else:
                inside = _by_folder(root / name, files)
            if part[1] or name not in divided:
                splits[part[0]] = part[1]
            _read_part(reading, root / name, inside, part[0], name, named)
    else:
        by_label: dict[str, list[str]] = {}
        for name in folders:
            by_label.setdefault(reading.label(name, f"the folder {root / name}"), []).append(name)
        for label, names in by_label.items():
            _deal(reading, root, label, {name: folders[name] for name in names})
    for path in loose:
        if truth.of(path) is None:
            reading.passed_over.append((path, UNLABELLED))
        else:
            reading.add(path, "", _fold_of(path.stem), path.stem)
    return _dataset(root, "folders", reading, splits)


def _deal(reading: _Reading, root: Path, label: str, folders: Mapping[str, Sequence[Path]]) -> None:
    """Deal the recordings of a class to folds; their sources are told apart by folder only if there are several."""
    sources: dict[str, list[Path]] = {}
    for name, files in folders.items():
        for path, source in _sources(root / name, files):
            sources.setdefault(f"{name}/{source}" if len(folders) > 1 else source, []).append(path)
    order = sorted(sources, key=lambda s: hashlib.sha256(s.encode("utf-8", "surrogateescape")).digest())
    for i, source in enumerate(order):
        for path in sources[source]:
            reading.add(path, label, i % FOLDER_FOLDS + 1, source)


def _sources(folder: Path, files: Sequence[Path]) -> list[tuple[Path, str]]:
    """Return each file with its recording: the folder inside the class, unless that is the only one, or its name.

    A take that `soundsdk record` had to divide has a folder and a description beside it, and stays one.
    """
    inside = [path.relative_to(folder).parts for path in files]
    shared = 0
    while all(len(parts) > shared + 1 for parts in inside) and len({parts[shared] for parts in inside}) == 1:
        if folder.joinpath(*inside[0][:shared], f"{inside[0][shared]}.json").is_file():
            break
        shared += 1
    return [
        (path, parts[shared] if len(parts) > shared + 1 else recording_of(path))
        for path, parts in zip(files, inside, strict=True)
    ]


def _read_part(
    reading: _Reading,
    folder: Path,
    inside: Mapping[str, Sequence[Path]],
    fold: int,
    name: str,
    named: Mapping[str, str],
) -> None:
    for label, files in inside.items():
        if label:
            own = reading.label(label, f"the folder {folder / label if folder.name != label else folder}")
            within = folder if folder.name == label and label == name else folder / label
            for path, source in _sources(within, files):
                # The parts say themselves what belongs together; equal names in two of them mean nothing.
                reading.add(path, own, fold, f"{name}/{source}")
            continue
        for path in files:
            text = named.get(f"{folder.name}/{path.name}", path.name.split(".")[0] if path.name.count(".") > 1 else "")
            if text:
                reading.add(path, reading.label(text, str(path)), fold, f"{name}/{path.stem}")
            elif reading.truth.of(path) is not None:
                reading.add(path, "", fold, f"{name}/{path.stem}")
            else:
                reading.passed_over.append((path, UNLABELLED))


def _dataset(root: Path, layout: str, reading: _Reading, splits: dict[int, str]) -> Dataset:
    used = {r.label for r in reading.recordings}
    labels = [label for label in merged_labels(reading.labels) if label in used]
    notes = [
        f"{' and '.join(sorted(texts))} are one label, {label}"
        for label, texts in reading.written.items()
        if len(texts) > 1
    ]
    return Dataset(root, layout, labels, reading.recordings, splits, reading.passed_over, notes=notes)


def _by_folder(root: Path, files: Sequence[Path]) -> dict[str, list[Path]]:
    """Return files by the first folder of their path below root; "" for those that lie in root itself."""
    out: dict[str, list[Path]] = {}
    for path in files:
        parts = path.relative_to(root).parts
        out.setdefault(parts[0] if len(parts) > 1 else "", []).append(path)
    return out


def _fold_of(name: str) -> int:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[0] % FOLDER_FOLDS + 1


def _edge_impulse_labels(root: Path) -> dict[str, str]:
    """Return the labels by path that an export of Edge Impulse lists; {} without its list."""
    try:
        listed = parse_json(read_text(root / _EDGE_IMPULSE, _MOST_LIST_BYTES))["files"]
        return {str(one["path"]): str(one["label"]["label"]) for one in listed if one["label"].get("label")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
