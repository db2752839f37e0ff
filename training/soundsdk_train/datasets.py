"""Recordings to train on and to test with: how they are divided, decoded, and no recording on both sides."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError, UsageError
from soundsdk_train.feature_cache import FeatureStore, StoredFeatures
from soundsdk_train.features import extract, lengthened
from soundsdk_train.layouts.labelled_files import Dataset, LabelledFile, label_name, recording_of
from soundsdk_train.layouts.scanning import LAYOUTS, add_backgrounds, scan
from soundsdk_train.run_settings import FrontendSettings
from soundsdk_train.waveform import FeatureVariant, VariantMaker

# What other modules know of a data set, in one place.
__all__ = [
    "LAYOUTS", "UNKNOWN", "Dataset", "LabelledClip", "LabelledFile", "LoadedClips", "add_backgrounds", "chosen_fold",
    "data_hash",
    "label_matrix", "label_name", "load_clips", "recording_of", "refuse_duplicates", "scan", "split",
]  # fmt: skip

MAX_UNREADABLE = 0.05
_CHUNK = 512  # clips that are decoded before their features are kept
UNKNOWN = 2  # strong label of a frame that is not learned from


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


def chosen_fold(dataset: Dataset, asked: int | None) -> int | None:
    """Return the fold to hold out, None for none: the one asked for (0: none), else the data set's test part."""
    return dataset.test_fold if asked is None else asked or None


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
    Raises DataError if more than one file, and a larger share of them than most_unreadable, cannot be read.
    """

    def one(recording: LabelledFile) -> LabelledClip | tuple[str, str]:
        try:
            digest = digest_of(recording)
            clip = LabelledClip(recording.name, np.zeros(0, np.int16), (recording.label,), digest)
            clip.source = recording.source
            if store is not None and not keep_pcm and _fill(clip, store.get(digest)):
                return clip
            pcm = recording.read(frontend.rate_hz)
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
    # One bad file is that file's matter, however few there are.
    if len(loaded.unreadable) > max(1, most_unreadable * len(recordings)):
        reason = loaded.unreadable[0][1]
        raise DataError(
            f"{len(loaded.unreadable)} of {len(recordings)} files cannot be read, the first because {reason}",
            "Remove or replace them (soundsdk data names all); up to 5 % are skipped.",
        )
    return loaded


def digest_of(recording: LabelledFile) -> str:
    """Return the SHA-256 of a file's content or, of a part, one of that and its place; OSError if it cannot be read."""
    digest = hashlib.sha256()
    with recording.path.open("rb") as file:
        while data := file.read(1 << 20):
            digest.update(data)
    if recording.part is not None:
        digest.update(f"{recording.part[0]:.6f}-{recording.part[1]:.6f}".encode())
    return digest.hexdigest()


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
