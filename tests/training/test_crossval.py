"""Each fold in turn, and the table over all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from soundsdk_train.commands import crossval
from soundsdk_train.evaluation.clip_metrics import single_label


def result(fold: int, floats: float, int8: float) -> dict[str, Any]:
    return {
        "fold": fold,
        **{k: {"accuracy": v, "macro_f1": v, "map": v} for k, v in (("float", floats), ("int8", int8))},
    }


def test_means_and_drops_are_in_points() -> None:
    summary = crossval.summarise([result(1, 0.9, 0.89), result(2, 0.8, 0.82)])
    assert [r["drop_points"] for r in summary["folds"]] == [1.0, -2.0]
    assert summary["mean"]["float"]["macro_f1"] == pytest.approx(0.85)
    assert summary["mean"]["int8"]["macro_f1"] == pytest.approx(0.855)
    assert summary["mean"]["drop_points"] == pytest.approx(-0.5)
    lines = crossval.fold_table(summary).splitlines()
    assert [line.split()[0] for line in lines] == ["fold", "1", "2", "mean"]
    assert lines[-1].split()[1:4] == ["0.8500", "0.8550", "-0.50"]


def test_every_fold_is_held_out_once_and_written(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from soundsdk_train import training_run

    # Training is not what this is about: any detector will do.
    figures = single_label(np.eye(3), np.eye(3), ["a", "b", "c"])
    seen: list[tuple[int | None, set[str], set[str]]] = []

    def train_detector(train: Any, test: Any, labels: Any, settings: Any, *, test_fold: int | None, **_: Any) -> Any:
        seen.append((test_fold, {c.name for c in train}, {c.name for c in test}))
        return training_run.TrainedDetector(b"a detector", figures, figures, {"cost": {}})

    monkeypatch.setattr(training_run, "train_detector", train_detector)
    args = ["--data", str(folders), "--folds", "1-2", "--output", str(tmp_path), "--json"]
    out = CliRunner().invoke(crossval.crossval, args, catch_exceptions=False)
    assert [fold for fold, _, _ in seen] == [1, 2]
    assert all(not train & test and len(train) + len(test) == 30 for _, train, test in seen)
    assert seen[0][2] != seen[1][2]
    assert json.loads(out.stdout) == json.loads((tmp_path / "crossval.json").read_text())
    assert {p.name for p in tmp_path.glob("fold*")} == {f"fold{i}.{s}" for i in (1, 2) for s in ("tflite", "run.json")}
