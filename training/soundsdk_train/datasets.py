"""Recordings on disk and how they are divided: layouts, official folds, no recording on both sides."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError, UsageError
from soundsdk.recording import audio_file
from soundsdk_train.feature_cache import FeatureStore, StoredFeatures
from soundsdk_train.features import extract, lengthened
from soundsdk_train.run_settings import FrontendSettings
from soundsdk_train.waveform import FeatureVariant, VariantMaker

LAYOUTS = ("auto", "esc", "folders", "urbansound8k")
MAX_UNREADABLE = 0.05
FOLDER_FOLDS = 5
_CHUNK = 512  # clips that are decoded before their features are kept
UNKNOWN = 2  # strong label of a frame that is not learned from

_ESC_FOLDER = re.compile(r"\d{3} - (.+)")
_ESC_FILE = re.compile(r"(\d+)-([^-]+)-([^-]+)")
_TAKE = re.compile(r"(.+)-[A-Z]")


@dataclass
class LabelledFile:
    """One file: its class, the fold it belongs to, and the recording it was cut from."""

    path: Path
    label: str
    fold: int
    source: str


@dataclass
class Dataset:
    """All recordings of a folder. labels are sorted as the layout numbers them."""

    root: Path
    layout: str
    labels: list[str]
    recordings: list[LabelledFile]

    @property
    def folds(self) -> list[int]:
        """Numbers of the folds, ascending."""
        return sorted({r.fold for r in self.recordings})


@dataclass
class LabelledClip:
    """One decoded recording or generated scene. strong: None or uint8 (frames, classes): 0, 1 or UNKNOWN.

    pcm may be dropped (empty) once features (frames, width) are there. variants: augmented copies, for training.
    strong may also hold probabilities, as frame_targets codes them. soft_labels: None, or what to learn in place of
    labels: (classes,), -1 where unknown. pseudo: the labels are a model's, not a person's.
    """

    name: str
    pcm: NDArray[np.int16]
    labels: tuple[str, ...]
    sha256: str
    source: str = ""
    features: NDArray[np.int8] | None = None
    strong: NDArray[np.uint8] | None = None
    variants: list[FeatureVariant] = field(default_factory=list)
    soft_labels: NDArray[np.float32] | None = None
    pseudo: bool = False


@dataclass
class LoadedClips:
    """The clips that could be decoded, and (path, reason) of each file that could not."""

    clips: list[LabelledClip] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def scan(root: str | Path, layout: str = "auto") -> Dataset:
    """List the recordings in a folder.

    layout: "esc" (`NNN - Class/FOLD-ID-TAKE.ogg`, or `audio/` with `meta/esc50.csv`), "urbansound8k" (`audio/foldN/`
    with `metadata/UrbanSound8K.csv`), "folders" (one folder per class) or "auto". Raises DataError if there is nothing
    to train on, UsageError if the layout is unknown.
    """
    root = Path(root)
    if layout not in LAYOUTS:
        raise UsageError(f"the layout {layout!r} is not known.", f"Use one of {', '.join(LAYOUTS)}.")
    if not root.is_dir():
        raise DataError(f"{root} is not a folder.", "Give the folder that holds the recordings.")
    if layout == "auto":
        layout = _detect(root)
    reader = {"esc": _scan_esc, "folders": _scan_folders, "urbansound8k": _scan_urbansound8k}[layout]
    labels, recordings = reader(root)
    if not recordings:
        loose = [p for p in sorted(root.iterdir()) if p.suffix.lower() in audio_file.SUFFIXES and p.is_file()]
        if loose:
            raise DataError(
                f"the recordings in {root} are in no folder that says what they are.",
                f"Put them into one folder per class, as {root / 'CLASS' / loose[0].name}.",
            )
        raise DataError(
            f"{root} holds no recordings in the layout {layout!r}.",
            "Put WAV, FLAC or OGG files into one folder per class, or name the layout with --layout.",
        )
    return Dataset(root, layout, labels, sorted(recordings, key=lambda r: r.path.as_posix()))


def split(dataset: Dataset, test_fold: int | None) -> tuple[list[LabelledFile], list[LabelledFile]]:
    """Return training and test recordings; without a test fold all are for training.

    Raises UsageError if there is no such fold, DataError if a recording has takes on both sides.
    """
    if test_fold is None:
        return dataset.recordings, []
    if test_fold not in dataset.folds:
        known = ", ".join(str(f) for f in dataset.folds)
        raise UsageError(f"there is no fold {test_fold} in {dataset.root}.", f"Its folds are {known}.")
    train = [r for r in dataset.recordings if r.fold != test_fold]
    test = [r for r in dataset.recordings if r.fold == test_fold]
    if not train:
        raise DataError(f"all recordings are in fold {test_fold}: nothing is left to train on.", "Add other folds.")
    by_source = {(r.label, r.source): r for r in train}
    for r in test:
        other = by_source.get((r.label, r.source))
        if other is not None:
            raise DataError(
                f"takes of one recording would be on both sides: {other.path.name} trains, {r.path.name} tests.",
                "Give them the same fold.",
            )
    return train, test


def load_clips(
    recordings: Sequence[LabelledFile],
    frontend: FrontendSettings,
    hop_frames: int,
    *,
    keep_pcm: bool = True,
    make_variants: VariantMaker | None = None,
    store: FeatureStore | None = None,
    most_unreadable: float = MAX_UNREADABLE,
) -> LoadedClips:
    """Decode recordings and compute their features; files that cannot be read are listed and left out.

    The features of clips shorter than one step of hop_frames end in silence up to there. keep_pcm=False drops the
    samples, which need 30 times the memory of the features. make_variants makes the augmented copies of a clip from its
    samples.
    store: where features and variants are kept between runs; what it has is not decoded, unless samples are kept.
    Raises DataError if a larger share of the files than most_unreadable cannot be read.
    """
    def one(recording: LabelledFile) -> LabelledClip | tuple[str, str]:
        try:
            content = recording.path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            clip = LabelledClip(recording.path.name, np.zeros(0, np.int16), (recording.label,), digest)
            clip.source = recording.source
            if store is not None and not keep_pcm and _fill(clip, store.get(digest)):
                return clip
            pcm = audio_file.read(recording.path, frontend.rate_hz)
        except DataError as error:
            return str(recording.path), error.message
        except OSError as error:
            return str(recording.path), f"{recording.path} cannot be read: {error.strerror or error}"
        clip.pcm = pcm if keep_pcm else pcm[:0].copy()
        pcm = lengthened(pcm, frontend, hop_frames)
        clip.features = extract(pcm, frontend)
        clip.variants = make_variants(pcm) if make_variants else []
        return clip

    loaded = LoadedClips()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for first in range(0, len(recordings), _CHUNK):
            results = list(pool.map(one, recordings[first : first + _CHUNK]))
            clips = [result for result in results if isinstance(result, LabelledClip)]
            if store is not None and not keep_pcm:
                new = [clip for clip in clips if store.get(clip.sha256) is None]
                store.add([(clip.sha256, _segments(clip)) for clip in new])
                for clip in new:
                    _fill(clip, store.get(clip.sha256))  # the mapped file in place of memory
            loaded.clips += clips
            loaded.unreadable += [result for result in results if not isinstance(result, LabelledClip)]
    if len(loaded.unreadable) > most_unreadable * len(recordings):
        reason = loaded.unreadable[0][1]
        raise DataError(
            f"{len(loaded.unreadable)} of {len(recordings)} files cannot be read, the first because {reason}",
            "Remove or replace them; up to 5 % are skipped.",
        )
    return loaded


def _segments(clip: LabelledClip) -> list[StoredFeatures]:
    assert clip.features is not None
    own = StoredFeatures(clip.features, 0, len(clip.features))
    return [own, *(StoredFeatures(v.features, v.onset, v.end) for v in clip.variants)]


def _fill(clip: LabelledClip, segments: Sequence[StoredFeatures] | None) -> bool:
    """Give a clip the features and variants of a store; return whether the store had any."""
    if not segments:
        return False
    clip.features = segments[0].features
    clip.variants = [FeatureVariant(*segment) for segment in segments[1:]]
    return True


def refuse_duplicates(train: Sequence[LabelledClip], test: Sequence[LabelledClip]) -> None:
    """Raise DataError if a file to test on is, byte for byte, one to train on."""
    known = {clip.sha256: clip for clip in train}
    for clip in test:
        if clip.sha256 in known:
            raise DataError(
                f"{clip.name} (test) and {known[clip.sha256].name} (training) are the same recording.", "Remove one."
            )


def label_matrix(clips: Sequence[LabelledClip], labels: Sequence[str], *, soft: bool = False) -> NDArray[np.float32]:
    """Return the labels of clips (clips, classes), 1 where a label holds; labels that are not listed are ignored.

    soft: a clip's soft labels take the place of its labels.
    """
    index = {label: i for i, label in enumerate(labels)}
    out = np.zeros((len(clips), len(labels)), np.float32)
    for row, clip in zip(out, clips, strict=True):
        if soft and clip.soft_labels is not None:
            row[:] = clip.soft_labels
            continue
        for label in clip.labels:
            if label in index:
                row[index[label]] = 1.0
    return out


def data_hash(clips: Sequence[LabelledClip]) -> str:
    """Return one SHA-256 over the names and contents of all files; their order does not matter."""
    lines = sorted(f"{clip.sha256}  {clip.name}\n" for clip in clips)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def label_name(text: str) -> str:
    """Return a class name as the wire shows it, lower case with underscores: "Dog bark" -> "dog_bark"."""
    return re.sub(r"\W+", "_", text.strip().lower()).strip("_")


def recording_of(path: Path) -> str:
    """Return the name of the recording that a file is a take of: without its last -A, -B …, if it has one."""
    take = _TAKE.fullmatch(path.stem)
    return take[1] if take else path.stem


def _detect(root: Path) -> str:
    if (root / "metadata" / "UrbanSound8K.csv").is_file():
        return "urbansound8k"
    if (root / "meta" / "esc50.csv").is_file():
        return "esc"
    if any(_ESC_FOLDER.fullmatch(p.name) for p in root.iterdir() if p.is_dir()):
        return "esc"
    return "folders"


def _audio_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in audio_file.SUFFIXES and p.is_file())


def _scan_esc(root: Path) -> tuple[list[str], list[LabelledFile]]:
    if (root / "meta" / "esc50.csv").is_file():
        columns = ("filename", "fold", "target", "category", "src_file")
        return _scan_csv(root / "meta" / "esc50.csv", columns, root / "audio")
    labels, recordings = [], []
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        match = _ESC_FOLDER.fullmatch(folder.name)
        if not match:
            continue
        label = label_name(match[1])
        labels.append(label)
        for path in _audio_files(folder):
            parts = _ESC_FILE.fullmatch(path.stem)
            if not parts:
                raise DataError(
                    f"{path} is not named FOLD-ID-TAKE as in the ESC layout.", "Rename it or use --layout folders."
                )
            recordings.append(LabelledFile(path, label, int(parts[1]), parts[2]))
    return labels, recordings


def _scan_urbansound8k(root: Path) -> tuple[list[str], list[LabelledFile]]:
    table = root / "metadata" / "UrbanSound8K.csv"
    return _scan_csv(table, ("slice_file_name", "fold", "classID", "class", "fsID"), root / "audio", "fold{}")


def _scan_csv(
    table: Path, columns: tuple[str, str, str, str, str], audio_dir: Path, subfolder: str = ""
) -> tuple[list[str], list[LabelledFile]]:
    """Read a table of recordings. columns: names of file, fold, class number, class name and source recording."""
    try:
        with table.open(newline="", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} cannot be read: {error}.", "Restore the file that came with the data.") from error
    numbers: dict[str, int] = {}
    recordings = []
    for line, row in enumerate(rows, 2):
        try:
            name, fold, number, label, source = (row[c] for c in columns)
            label = label_name(label)
            numbers[label] = int(number)
            folder = audio_dir / subfolder.format(fold) if subfolder else audio_dir
            recordings.append(LabelledFile(folder / name, label, int(fold), source))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{table}, line {line}, lacks one of the columns {', '.join(columns)}.", "Restore the original file."
            ) from error
    return sorted(numbers, key=lambda label: numbers[label]), recordings


def _scan_folders(root: Path) -> tuple[list[str], list[LabelledFile]]:
    """Read one folder per class. A folder inside it, or a name that ends in -A, -B …, marks takes of one recording.

    As there are no official folds, a class's recordings are dealt to five folds in the order of their names' hashes.
    """
    labels, recordings = [], []
    for folder in sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")):
        label = label_name(folder.name)
        sources: dict[str, list[Path]] = {}
        for path in _audio_files(folder):
            inside = path.relative_to(folder)
            source = inside.parts[0] if len(inside.parts) > 1 else recording_of(path)
            sources.setdefault(source, []).append(path)
        if not sources:
            continue
        labels.append(label)
        order = sorted(sources, key=lambda s: hashlib.sha256(s.encode()).digest())
        for i, source in enumerate(order):
            recordings += [LabelledFile(p, label, i % FOLDER_FOLDS + 1, source) for p in sources[source]]
    return labels, recordings
