"""A folder of recordings as a list: what each file holds, and on which side of a split it belongs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError
from soundsdk.labels import MOST_LABEL_BYTES, printable
from soundsdk.recording import audio_file

FOLDER_FOLDS = 5
TRAIN, VALIDATION, TEST = "train", "validation", "test"
SPLIT_FOLDS = {TRAIN: 1, VALIDATION: 2, TEST: 3}  # the folds that stand for the parts of a divided data set
_SPLIT_WORDS = {
    "train": TRAIN, "training": TRAIN, "development": TRAIN, "val": VALIDATION, "valid": VALIDATION,
    "validation": VALIDATION, "validate": VALIDATION, "test": TEST, "testing": TEST, "evaluation": TEST, "eval": TEST,
}  # fmt: skip
_FOLD = re.compile(r"(?:fold)?[ _-]?(\d{1,3})(?:\.0*)?")
_TAKE = re.compile(r"(.+)-[A-Z]")


@dataclass
class LabelledFile:
    """One file: its class, the fold it belongs to, and the recording it was cut from.

    part: the seconds of the file that hold the class, from and to; None for all of it.
    """

    path: Path
    label: str
    fold: int
    source: str
    part: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """The file's name, with the seconds of the part if it is one."""
        return self.path.name + (f" {self.part[0]:.3f}-{self.part[1]:.3f}" if self.part else "")

    def read(self, rate_hz: int) -> NDArray[np.int16]:
        """Decode the file, or the part of it; raises what audio_file.read() raises."""
        if self.part is None:
            return audio_file.read(self.path, rate_hz)
        begin, end = (round(t * rate_hz) for t in self.part)
        blocks, at = [], 0
        for block in audio_file.SoundReader(self.path, rate_hz).blocks():
            blocks.append(block[max(0, begin - at) : max(0, end - at)])
            at += len(block)
            if at >= end:
                break
        pcm = np.concatenate(blocks)
        if not len(pcm):
            raise DataError(
                f"{self.path} lasts {at / rate_hz:.2f} s, but its labels go on to {self.part[1]:.2f} s.",
                "Give the labels of this recording, in seconds.",
            )
        return pcm


@dataclass
class Dataset:
    """All recordings of a folder. labels are sorted as the layout numbers them.

    splits: the names of folds that are the train, validation and test parts of a data set that came divided, by their
    numbers; empty for others. passed_over: (path, reason) of what was not used; notes: sentences about what was read.
    """

    root: Path
    layout: str
    labels: list[str]
    recordings: list[LabelledFile]
    splits: dict[int, str] = field(default_factory=dict)
    passed_over: list[tuple[Path, str]] = field(default_factory=list)
    leftovers: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def folds(self) -> list[int]:
        """Numbers of the folds, ascending."""
        return sorted({r.fold for r in self.recordings})

    @property
    def test_fold(self) -> int | None:
        """The fold that a data set which came divided holds out: its test part, else its validation part."""
        names = {name: fold for fold, name in self.splits.items()}
        return names.get(TEST, names.get(VALIDATION))


def label_name(text: str) -> str:
    """Return a class name as the wire shows it, lower case with underscores: "Dog bark" -> "dog_bark".

    Letters of all scripts stay, with their marks; equal letters have one form, however a system wrote them (NFKC).
    Without a letter or a digit it is "".
    """
    plain = unicodedata.normalize("NFKC", text).lower()
    kept = (c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in plain if _seen(c))
    words = "".join(kept).split()
    out = unicodedata.normalize("NFKC", "_".join(words))
    return out if any(c.isalnum() for c in out) else ""


def checked_label(text: str, where: str) -> str:
    """Return label_name(text); DataError, naming where, if there is no name or one too long for a board's lines."""
    name = label_name(text)
    if not name:
        raise DataError(
            f"{where} gives no label: {printable(text) or 'nothing'!r} has no letter and no digit.", "Give it a word."
        )
    if len(name.encode()) > MOST_LABEL_BYTES:
        raise DataError(
            f"{where} gives a label of {len(name.encode())} bytes in UTF-8, and a board takes {MOST_LABEL_BYTES}.",
            "Give it a shorter name.",
        )
    return name


def recording_of(path: Path) -> str:
    """Return the name of the recording that a file is a take of: without its last -A, -B …, if it has one."""
    take = _TAKE.fullmatch(path.stem)
    return take[1] if take else path.stem


def split_of(text: str) -> tuple[int, str] | None:
    """Return the fold and the name ("" of a numbered fold) that a folder or a cell of a table says; None for others."""
    word = text.strip().lower()
    if word in _SPLIT_WORDS:
        name = _SPLIT_WORDS[word]
        return SPLIT_FOLDS[name], name
    match = _FOLD.fullmatch(word)
    return (int(match[1]), "") if match else None


def merged_labels(names: Iterable[str]) -> list[str]:
    """Return labels once each, in the order in which they first come."""
    return list(dict.fromkeys(names))


def _seen(c: str) -> bool:
    # Joiners, marks of direction and selectors of a picture's look are no part of a name.
    return unicodedata.category(c) != "Cf" and not "\ufe00" <= c <= "\ufe0f"
