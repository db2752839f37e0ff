"""Figures of a classifier of clips: accuracy, macro-F1, mean average precision, confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Labels = NDArray[np.floating]


@dataclass
class ClassFigures:
    """One line of the per-class table. All but clips are 0..1."""

    label: str
    clips: int
    precision: float
    recall: float
    f1: float
    average_precision: float


@dataclass
class Figures:
    """All figures of a classifier. confusion: rows are truth, columns decisions; None for several labels per clip."""

    clips: int
    accuracy: float
    macro_f1: float
    mean_average_precision: float
    classes: list[ClassFigures]
    confusion: list[list[int]] | None

    def as_dict(self) -> dict[str, Any]:
        """Return all figures as a plain dictionary, for JSON."""
        return asdict(self)

    def brief(self) -> dict[str, float]:
        """Return the figures that a model carries in its provenance, to four places."""
        return {
            "accuracy": round(self.accuracy, 4),
            "macro_f1": round(self.macro_f1, 4),
            "map": round(self.mean_average_precision, 4),
        }

    @property
    def decide(self) -> bool:
        """False for one label alone: a mark for each clip, its mean score against `on`, misses what a device reports.

        The order of the marks, which mean_average_precision is about, then still says something.
        """
        return len(self.classes) > 1

    def words(self) -> str:
        """Return the figures as a line for people, without those that say nothing."""
        precision = f"mAP {self.mean_average_precision:.4f}"
        if self.decide:
            return f"accuracy {self.accuracy:.4f}, macro-F1 {self.macro_f1:.4f}, {precision}"
        return f"{precision} (1: every clip with the sound scores above every other)"


def single_label(labels: Labels, scores: Scores, names: Sequence[str]) -> Figures:
    """Compute figures where each clip has one label and the highest score decides. labels, scores: (clips, classes)."""
    truth, decided = labels.argmax(1), scores.argmax(1)
    confusion = np.zeros((len(names), len(names)), np.int64)
    np.add.at(confusion, (truth, decided), 1)
    decisions = np.eye(len(names))[decided]
    return _figures(labels, decisions, scores, names, float(np.mean(truth == decided)), confusion.tolist())


def multi_label(labels: Labels, scores: Scores, names: Sequence[str], thresholds: Sequence[float]) -> Figures:
    """Compute figures where a clip may have any number of labels; a score that reaches its threshold decides for one.

    Accuracy is the share of clips with exactly the right set of labels.
    """
    decisions = (scores >= np.asarray(thresholds)).astype(np.float64)
    exact = float(np.mean((decisions == (labels > 0.5)).all(1)))
    return _figures(labels, decisions, scores, names, exact, None)


def average_precision(truth: Labels, scores: Scores) -> float:
    """Return the mean precision at the rank of each positive; ties count as retrieved together. 0 without positives."""
    positives = float(truth.sum())
    if not positives:
        return 0.0
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # ends of runs of equal scores
    found = hits[last]
    return float(np.sum(np.diff(found, prepend=0.0) * found / (last + 1)) / positives)


def mean_average_precision(labels: Labels, scores: Scores) -> float:
    """Return the mean of the classes' average precision; classes without positives are left out."""
    present = np.flatnonzero(labels.sum(0) > 0)
    if not len(present):
        return 0.0
    return float(np.mean([average_precision(labels[:, c], scores[:, c]) for c in present]))


def _figures(
    labels: Labels,
    decisions: Labels,
    scores: Scores,
    names: Sequence[str],
    accuracy: float,
    confusion: list[list[int]] | None,
) -> Figures:
    classes = []
    for c, name in enumerate(names):
        truth, decided = labels[:, c] > 0.5, decisions[:, c] > 0.5
        hits, found, wanted = int((truth & decided).sum()), int(decided.sum()), int(truth.sum())
        classes.append(
            ClassFigures(
                name,
                wanted,
                hits / found if found else 0.0,
                hits / wanted if wanted else 0.0,
                2 * hits / (found + wanted) if found + wanted else 0.0,
                average_precision(truth.astype(np.float64), scores[:, c]),
            )
        )
    # A class that neither occurs nor is decided has no F1.
    counted = [c.f1 for c, d in zip(classes, decisions.sum(0), strict=True) if c.clips or d]
    return Figures(
        len(labels),
        accuracy,
        float(np.mean(counted)) if counted else 0.0,
        mean_average_precision(labels, scores),
        classes,
        confusion,
    )
