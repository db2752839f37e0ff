"""The layout of a folder, found by what lies in it, and its recordings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from soundsdk.errors import DataError, UsageError
from soundsdk.labels import is_background
from soundsdk.recording.sound_files import KINDS, FolderListing, is_leftover, list_sounds
from soundsdk_train.layouts.class_folders import ESC_FOLDER, scan_esc_folders, scan_folders
from soundsdk_train.layouts.labelled_files import FOLDER_FOLDS, SPLIT_FOLDS, TRAIN, Dataset, LabelledFile, split_of
from soundsdk_train.layouts.strong_labels import BACKGROUND, Truth
from soundsdk_train.layouts.tables import find_tables, scan_tables

LAYOUTS = ("auto", "esc", "folders", "table", "urbansound8k")
# Names of a folder around a data set, which says nothing of what is in it.
_WRAPPER = re.compile(r"(?i:(?:audio|datasets?|data|sounds?|recordings?|wavs?|clips|samples)|.*-(?:master|main))")


def scan(root: str | Path, layout: str = "auto") -> Dataset:
    """List the recordings in a folder.

    layout: "esc" (`NNN - Class/FOLD-ID-TAKE.ogg`, or `audio/` with `meta/esc50.csv`), "urbansound8k" (`audio/foldN/`
    with `metadata/UrbanSound8K.csv`), "table" (another .csv of file names and labels), "folders" (one folder per class,
    or parts of a split with those inside) or "auto". Tables and files may lie elsewhere in the folder. Raises DataError
    if there is nothing to train on, UsageError if the layout is unknown.
    """
    root = Path(root)
    if layout not in LAYOUTS:
        raise UsageError(f"the layout {layout!r} is not known.", f"Use one of {', '.join(LAYOUTS)}.")
    listing = list_sounds(root)
    dataset = _read(root, listing, layout)
    if not dataset.recordings:
        raise _nothing(root, listing, layout)
    dataset.passed_over = [*listing.passed_over, *dataset.passed_over]
    dataset.leftovers = listing.leftovers
    dataset.recordings.sort(key=lambda r: (r.path.as_posix(), r.part or (0.0, 0.0)))
    return dataset


def add_backgrounds(dataset: Dataset, folders: Sequence[str | Path]) -> None:
    """Add all recordings below folders, whatever these are named, as backgrounds; DataError if one holds none."""
    for number, folder in enumerate(folders):
        listing = list_sounds(Path(folder))
        if not listing.files:
            raise DataError(f"{folder} holds no {KINDS} files.", "Give a folder of sounds that are no event.")
        known = {r.path.resolve() for r in dataset.recordings}
        for i, path in enumerate(p for p in listing.files if p.resolve() not in known):
            fold = SPLIT_FOLDS[TRAIN] if dataset.splits else i % FOLDER_FOLDS + 1
            source = f"background {number + 1}/{path.relative_to(folder).as_posix()}"
            dataset.recordings.append(LabelledFile(path, BACKGROUND, fold, source))
        dataset.passed_over += listing.passed_over
        dataset.leftovers += listing.leftovers
    if folders and BACKGROUND not in dataset.labels:
        dataset.labels.append(BACKGROUND)
    dataset.recordings.sort(key=lambda r: (r.path.as_posix(), r.part or (0.0, 0.0)))


def _read(root: Path, listing: FolderListing, layout: str) -> Dataset:
    tables = find_tables(root, listing, layout) if layout != "folders" else []
    if tables:
        return scan_tables(root, listing, tables)
    if layout in ("table", "urbansound8k"):
        raise DataError(f"{root} has no table as the layout {layout!r} has.", "Use --layout auto.")
    inner = _unwrapped(root)
    if layout == "esc" or (layout == "auto" and any(ESC_FOLDER.fullmatch(p.name) for p in _folders(inner))):
        return scan_esc_folders(inner, listing)
    return scan_folders(inner, listing, Truth.below(root))


def _unwrapped(root: Path) -> Path:
    """Return the folder in which classes or parts of a split lie: below folders that hold one other and no sound."""
    folders = _folders(root)
    files = [p for p in root.iterdir() if p.is_file() and not is_leftover(p.name) and p.suffix.lower() not in _TEXTS]
    if len(folders) != 1 or files or split_of(folders[0].name) or not _folders(folders[0]):
        return root
    inside = _folders(folders[0])
    divided = all(split_of(p.name) or is_background(p.name.lower()) for p in inside)
    esc = any(ESC_FOLDER.fullmatch(p.name) for p in inside)
    if divided or esc or _WRAPPER.fullmatch(folders[0].name):
        return _unwrapped(folders[0])
    return root


_TEXTS = frozenset((".txt", ".md", ".json", ".csv", ".tsv", ".pdf", ".labels", ".html", ".toml", ".yaml", ""))


def _folders(root: Path) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not is_leftover(p.name))


def _nothing(root: Path, listing: FolderListing, layout: str) -> DataError:
    if listing.files:
        return DataError(
            f"the recordings in {root} are in no folder that says what they are.",
            f"Put them into one folder per class, as {root / 'CLASS' / listing.files[0].name}.",
        )
    archive = next((path for path, reason in listing.passed_over if "archive" in reason), None)
    hint = f"Unpack {archive.name}." if archive else "Put sound files into one folder per class, or name the --layout."
    return DataError(f"{root} holds no recordings in the layout {layout!r}.", hint)
