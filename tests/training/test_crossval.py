"""Each fold in turn, and the table over all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from training_sounds import need

from soundsdk.errors import UsageError
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
    args = ["--data", str(folders), "--folds", "1-2", "--jobs", "1", "--output", str(tmp_path), "--json"]
    out = CliRunner().invoke(crossval.crossval, args, catch_exceptions=False)
    assert [fold for fold, _, _ in seen] == [1, 2]
    assert all(not train & test and len(train) + len(test) == 30 for _, train, test in seen)
    assert seen[0][2] != seen[1][2]
    assert json.loads(out.stdout) == json.loads((tmp_path / "crossval.json").read_text())
    assert {p.name for p in tmp_path.glob("fold*")} == {f"fold{i}.{s}" for i in (1, 2) for s in ("tflite", "run.json")}


def quick_config(path: Path) -> Path:
    path.write_text(
        "[model]\nstem_filters = 4\nblocks = [[8, 2, 2], [8, 2, 2]]\ngru_units = 8\n[waveform]\nvariants = 0\n"
        "[train]\nepochs = 1\nwindow_frames = 56\n[quantize]\nclips_per_class = 2\n"
    )
    return path


def held_out(folder: Path) -> dict[int, set[str]]:
    """Return the recordings that each fold's detector was tested on, by its record."""
    records = {n: json.loads((folder / f"fold{n}.run.json").read_text()) for n in (1, 2)}
    for n, record in records.items():
        assert record["test_fold"] == n
        assert (folder / f"fold{n}.tflite").read_bytes()[4:8] == b"TFL3"
    return {n: set(record["test_data"]) for n, record in records.items()}


def test_folds_train_at_once_in_two_processes(folders: Path, tmp_path: Path) -> None:
    need("tensorflow", "tflite_micro")
    args = ["--data", str(folders), "--folds", "1-2", "--config", str(quick_config(tmp_path / "quick.toml")), "--json"]
    out = CliRunner().invoke(crossval.crossval, [*args, "--jobs", "2", "-o", str(tmp_path)], catch_exceptions=False)
    assert [r["fold"] for r in json.loads(out.stdout)["folds"]] == [1, 2]
    one, two = held_out(tmp_path).values()
    assert len(one) == len(two) == 6
    assert not one & two


def test_folds_train_on_two_dask_workers(folders: Path, tmp_path: Path) -> None:
    need("tensorflow", "tflite_micro", "distributed")
    import distributed

    args = ["--data", str(folders), "--folds", "1-2", "--config", str(quick_config(tmp_path / "quick.toml")), "--json"]
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        args += ["--dask", cluster.scheduler_address, "-o", str(tmp_path)]
        out = CliRunner().invoke(crossval.crossval, args, catch_exceptions=False)
    assert [r["fold"] for r in json.loads(out.stdout)["folds"]] == [1, 2]
    assert len(held_out(tmp_path)[1]) == 6


def test_an_address_without_a_scheduler_is_refused(folders: Path, tmp_path: Path) -> None:
    need("distributed")
    args = ["--data", str(folders), "--dask", "nowhere://x", "-o", str(tmp_path)]
    result = CliRunner().invoke(crossval.crossval, args)
    assert isinstance(result.exception, UsageError)
    assert "no Dask scheduler at nowhere://x" in result.exception.message


def test_a_fold_that_does_not_exist_is_refused_before_training(folders: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(crossval.crossval, ["--data", str(folders), "--folds", "1,9", "-o", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    assert "there is no fold 9" in result.exception.message
