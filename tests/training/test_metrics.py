"""Own figures against known answers and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from soundsdk_train.evaluation import clip_metrics as metrics

NAMES = ["a", "b", "c"]


def test_known_answer() -> None:
    labels = np.eye(3)[[0, 0, 1, 1, 2]]
    scores = np.eye(3)[[0, 1, 1, 1, 0]]
    figures = metrics.single_label(labels, scores, NAMES)
    assert figures.accuracy == pytest.approx(0.6)
    assert figures.confusion == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert [c.f1 for c in figures.classes] == pytest.approx([0.5, 0.8, 0.0])
    assert figures.macro_f1 == pytest.approx(1.3 / 3)


@pytest.mark.parametrize("levels", [0, 3])
def test_figures_agree_with_scikit_learn(levels: int) -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed: soundsdk[train]")
    rng = np.random.default_rng(5)
    for _ in range(20):
        truth = rng.integers(0, 3, 40)
        scores = rng.normal(size=(40, 3)) + np.eye(3)[truth]
        if levels:  # ties
            scores = np.round(scores * levels) / levels
        labels = np.eye(3)[truth]
        ours = metrics.single_label(labels, scores, NAMES)
        decided = scores.argmax(1)
        assert ours.macro_f1 == pytest.approx(sklearn.f1_score(truth, decided, average="macro"))
        assert ours.accuracy == pytest.approx(sklearn.accuracy_score(truth, decided))
        assert ours.mean_average_precision == pytest.approx(sklearn.average_precision_score(labels, scores))


def test_several_labels_use_each_class_threshold() -> None:
    labels = np.array([[1, 1], [0, 1], [0, 0]], float)
    scores = np.array([[0.5, 0.5], [0.3, 0.9], [0.1, 0.8]])
    figures = metrics.multi_label(labels, scores, ["x", "y"], [0.4, 0.6])
    assert [(c.precision, c.recall) for c in figures.classes] == [(1.0, 1.0), (0.5, 0.5)]
    assert figures.accuracy == pytest.approx(1 / 3)
    assert figures.confusion is None
