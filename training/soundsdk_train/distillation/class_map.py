"""The classes of a teacher: their names, and which of them a label of the detector stands for."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.errors import DataError, UsageError
from soundsdk.labels import is_background
from soundsdk_train.datasets import label_name

F32 = NDArray[np.float32]


@dataclass
class LabelMap:
    """The classes of the teacher that each label stands for; none for a label that the teacher does not know.

    sure_at: the combined score that counts as certain.
    """

    labels: list[str]
    indices: list[list[int]]
    combine: str = "max"
    sure_at: float = 1.0

    @property
    def known(self) -> NDArray[np.bool_]:
        """True for each label that has a class: (labels,)."""
        return np.array([bool(one) for one in self.indices])

    def apply(self, scores: F32) -> F32:
        """Return the scores of the labels (frames, labels) from those of the classes (frames, classes).

        The scores of a label's classes are combined by their maximum, or by their sum up to 1; a label without classes
        has 0.
        """
        out = np.zeros((len(scores), len(self.labels)), np.float32)
        for i, chosen in enumerate(self.indices):
            if chosen and self.combine == "max":
                out[:, i] = scores[:, chosen].max(axis=1)
            elif chosen:
                out[:, i] = np.minimum(1.0, scores[:, chosen].sum(axis=1))
        return out


def read_class_names(path: str | Path) -> list[str]:
    """Read a class map: a CSV file with the columns index and display_name (as YAMNet's), or one name per line.

    Returns the names in the order of the scores. Raises DataError if the file is neither.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the class map {path} cannot be read: {error}.", "Give the teacher's class names.") from error
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if not rows:
        raise DataError(f"the class map {path} is empty.", "Give the teacher's class names.")
    if "display_name" not in rows[0]:
        return [line.strip() for line in text.splitlines() if line.strip()]
    name, index = rows[0].index("display_name"), rows[0].index("index") if "index" in rows[0] else None
    for number, row in enumerate(rows[1:]):
        if len(row) <= name or (index is not None and row[index].strip() != str(number)):
            raise DataError(
                f"the class map {path}, row {number + 2}, is not class {number}: {','.join(row)}.",
                "The rows follow the order of the scores.",
            )
    return [row[name] for row in rows[1:]]


def label_map(
    labels: Sequence[str],
    table: Mapping[str, Sequence[str | int]],
    names: Sequence[str],
    classes: int,
    combine: str = "max",
) -> LabelMap:
    """Find the classes of each label.

    table: label -> class names or indices; an empty list says that the teacher does not know the label. A label that
    is not in it stands for the classes of its own name: "baby_cry" for "Baby cry, infant cry"; a label of backgrounds
    need not have any. names: the teacher's classes, none if only indices are used. Raises UsageError if a label has no
    class or a class does not exist.
    """
    unused = [label for label in table if label not in labels]
    if unused and not set(table) & set(labels):
        raise UsageError(
            f"teacher_file.map names none of the labels to learn, only {', '.join(unused)}.",
            f"The labels are {', '.join(labels)}.",
        )
    by_part: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        for part in {label_name(name), *map(label_name, name.split(","))}:
            by_part.setdefault(part, []).append(i)
    indices = []
    lost = []
    for label in labels:
        if label in table:
            indices.append([_index(label, one, names, classes) for one in table[label]])
        else:
            indices.append(by_part.get(label_name(label), []))
            if not indices[-1] and not is_background(label):
                lost.append(label)
    if lost:
        raise UsageError(
            f"the teacher has no class of the name {' or '.join(lost)}.",
            f'Name its classes in the settings: [teacher_file.map] {lost[0]} = ["CLASS"], or [] to learn it from the '
            "labels alone.",
        )
    if not any(indices):
        raise UsageError("the teacher knows none of the labels.", "Leave --teacher out, or fill teacher_file.map.")
    return LabelMap(list(labels), indices, combine)


def _index(label: str, wanted: str | int, names: Sequence[str], classes: int) -> int:
    if isinstance(wanted, int):
        if 0 <= wanted < classes:
            return wanted
        raise UsageError(
            f"teacher_file.map.{label} names class {wanted}, and the teacher has {classes}.",
            f"Use 0 to {classes - 1}.",
        )
    if not names:
        raise UsageError(
            f"teacher_file.map.{label} names the class {wanted!r}, and no class map is there.",
            "Give teacher_file.class_map, or numbers of classes.",
        )
    for i, name in enumerate(names):
        if wanted == name or label_name(wanted) == label_name(name):
            return i
    near = [name for name in names if any(w in name.lower() for w in wanted.lower().split())][:5]
    raise UsageError(
        f"the teacher has no class {wanted!r}, which teacher_file.map.{label} names.",
        f"Near to it: {'; '.join(near)}." if near else "Its class map lists the classes.",
    )
