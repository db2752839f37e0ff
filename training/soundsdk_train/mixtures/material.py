"""Recordings as material for scenes: clips of the labels, and clips of negatives by kind."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError
from soundsdk_sim.scenes.dsp import RATE_HZ, Signal, samples
from soundsdk_train.datasets import LabelledFile, scan

Mask = NDArray[np.bool_]


class LabelScores(NamedTuple):
    """Scores of a teacher for a recording: (frames, labels), 0..1; frame i is about window_s from i * hop_s on."""

    values: NDArray[np.float32]
    hop_s: float
    window_s: float


Scorer = Callable[[NDArray[np.int16]], LabelScores]

NEGATIVE_PREFIX = "neg_"
MANIFEST = "MANIFEST.tsv"  # columns path and group: the recorder or recording that a file comes from
# A teacher that hears less than this of its label in a clip's best frame: the clip is left out.
_LEAST_HEARD = 0.25
_PRESENT = 0.15  # below it a frame of a labelled recording may be a pause
_HIDDEN = 0.2  # above it a frame of a negative may hold the label


@dataclass(frozen=True)
class MaterialClip:
    """One recording at 16 kHz. masks: label -> samples at which it cannot be said whether the label sounds."""

    pcm: NDArray[np.int16]
    group: str
    masks: dict[str, Mask] = field(default_factory=dict)

    @property
    def sound(self) -> Signal:
        """The samples as float64, full scale 1.0."""
        return self.pcm.astype(np.float64) / 32768.0


@dataclass
class Material:
    """The clips of each label, and those of each kind of negative ("speech", "rain", ...)."""

    events: dict[str, list[MaterialClip]] = field(default_factory=dict)
    negatives: dict[str, list[MaterialClip]] = field(default_factory=dict)

    def draw(self, rng: np.random.Generator, clips: Sequence[MaterialClip]) -> MaterialClip:
        """Draw a clip; half the time its group is drawn first, so that one large group does not fill the scenes."""
        if rng.uniform() < 0.5:
            groups = sorted({clip.group for clip in clips})
            group = groups[int(rng.integers(len(groups)))]
            clips = [clip for clip in clips if clip.group == group]
        return clips[int(rng.integers(len(clips)))]


def files_of(folder: str | Path, exclude: Sequence[str] = ()) -> list[LabelledFile]:
    """List the recordings of a folder of labelled folders; a MANIFEST.tsv in it says which belong together.

    exclude: labels to leave out. Raises DataError if nothing is left or the manifest lacks its columns.
    """
    dataset = scan(folder, "auto")
    groups = groups_of(Path(folder))
    files = []
    for item in dataset.recordings:
        if item.label in exclude:
            continue
        group = groups.get(item.path.name)
        files.append(item if group is None else replace(item, source=group))
    if not files:
        raise DataError(f"{folder} holds no recordings but those to exclude.", "Give other folders.")
    return files


def read_material(
    files: Sequence[LabelledFile], labels: Sequence[str], score: Scorer | None = None, *, trusted: Sequence[str] = ()
) -> Material:
    """Decode recordings as material for scenes with the given labels.

    A file whose label is none of them is a negative of that kind, less the prefix "neg_". score: a teacher of the
    labels; where it hears a label in a negative, or does not hear it in a recording of that label, nothing is learned.
    trusted: kinds of negatives that are known to hold no label, whatever the teacher hears. Files that cannot be read
    are left out. Raises DataError if none can.
    """
    material = Material()
    for item in files:
        try:
            pcm = item.read(RATE_HZ)
        except (DataError, OSError):
            continue
        if not len(pcm) or not np.any(pcm):
            continue
        heard = None if score is None else score(pcm)
        if item.label in labels:
            masks = {}
            if heard is not None:
                scores = heard.values[:, list(labels).index(item.label)]
                if float(scores.max(initial=0.0)) < _LEAST_HEARD:
                    continue
                masks[item.label] = ~_heard_at(scores > _PRESENT, heard, len(pcm))
            material.events.setdefault(item.label, []).append(MaterialClip(pcm, item.source or item.path.name, masks))
            continue
        kind = item.label.removeprefix(NEGATIVE_PREFIX)
        masks = {}
        if heard is not None and kind not in trusted:
            for index, label in enumerate(labels):
                hidden = heard.values[:, index] > _HIDDEN
                if hidden.any():
                    masks[label] = _heard_at(hidden, heard, len(pcm))
        material.negatives.setdefault(kind, []).append(MaterialClip(pcm, item.source or item.path.name, masks))
    if files and not (material.events or material.negatives):
        raise DataError(f"none of the {len(files)} recordings can be read.", "Give WAV, FLAC or OGG files.")
    return material


def _heard_at(frames: Mask, heard: LabelScores, length: int) -> Mask:
    """Return the samples of a clip that lie in the window of a marked frame."""
    out = np.zeros(length, np.bool_)
    for i in np.flatnonzero(frames):
        start = samples(int(i) * heard.hop_s)
        out[start : start + samples(heard.window_s)] = True
    return out


def groups_of(folder: Path) -> dict[str, str]:
    """Return the group of each file that a MANIFEST.tsv in the folder or the two above it names, by file name.

    Raises DataError if the manifest lacks its columns.
    """
    found = [path for path in (folder, *folder.absolute().parents[:2]) if (path / MANIFEST).is_file()]
    if not found:
        return {}
    path = found[0] / MANIFEST
    try:
        with path.open(newline="", encoding="utf-8") as f:
            return {Path(row["path"]).name: row["group"] for row in csv.DictReader(f, delimiter="\t") if row["group"]}
    except (KeyError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}.", "It needs the columns path and group.") from error
