"""Each fold in turn, and the table over all of them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from teacher_models import write_class_map, write_tflite
from training_sounds import RATE, need

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
    assert "seed" not in lines[0]
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
        record = {"cost": {}, "training": {"interrupted": False}, "float": figures.as_dict(), "int8": figures.as_dict()}
        return training_run.TrainedDetector(b"a detector", figures, figures, record)

    monkeypatch.setattr(training_run, "train_detector", train_detector)
    nothing = SimpleNamespace(as_dict=dict)
    monkeypatch.setattr("soundsdk_train.evaluation.view.clip_figures", lambda model, clips: nothing)
    args = ["--data", str(folders), "--folds", "1-2", "--jobs", "1", "--output", str(tmp_path), "--json"]
    out = CliRunner().invoke(crossval.crossval, args, catch_exceptions=False)
    assert [fold for fold, _, _ in seen] == [1, 2]
    assert all(not train & test and len(train) + len(test) == 30 for _, train, test in seen)
    assert seen[0][2] != seen[1][2]
    assert json.loads(out.stdout) == json.loads((tmp_path / "crossval.json").read_text())
    assert {p.name for p in tmp_path.glob("fold*")} == {f"fold{i}.{s}" for i in (1, 2) for s in ("tflite", "run.json")}


def test_of_several_seeds_the_table_has_each_and_the_mean_of_all() -> None:
    results = [
        {**result(fold, floats, int8), "seed": seed}
        for seed, fold, floats, int8 in ((1, 1, 0.9, 0.9), (1, 2, 0.8, 0.79), (7, 1, 0.7, 0.71), (7, 2, 0.6, 0.6))
    ]
    summary = crossval.summarise(results)
    assert [one["seed"] for one in summary["seeds"]] == [1, 7]
    assert [one["int8"]["accuracy"] for one in summary["seeds"]] == pytest.approx([0.845, 0.655])
    assert [one["accuracy_drop_points"] for one in summary["seeds"]] == [0.5, -0.5]
    assert summary["mean"]["accuracy_drop_points"] == 0.0
    lines = [line.split() for line in crossval.fold_table(summary).splitlines()]
    assert [line[:2] for line in lines] == [
        ["fold", "seed"], ["1", "1"], ["2", "1"], ["1", "7"], ["2", "7"], ["mean", "1"], ["mean", "7"], ["mean", "all"]
    ]  # fmt: skip
    assert lines[5][2:5] == ["0.8500", "0.8450", "0.50"]


def quick_config(path: Path) -> Path:
    path.write_text(
        "[model]\nstem_filters = 4\nblocks = [[8, 2, 2], [8, 2, 2]]\ngru_units = 8\n[waveform]\nvariants = 0\n"
        "[train]\nepochs = 1\nwindow_frames = 56\n[quantize]\nclips_per_class = 2\n"
        "[calibration]\nuse = false\n[negatives]\nuse = false\n"
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
    need("tensorflow")
    args = ["--data", str(folders), "--folds", "1-2", "--config", str(quick_config(tmp_path / "quick.toml")), "--json"]
    out = CliRunner().invoke(crossval.crossval, [*args, "--jobs", "2", "-o", str(tmp_path)], catch_exceptions=False)
    assert [r["fold"] for r in json.loads(out.stdout)["folds"]] == [1, 2]
    one, two = held_out(tmp_path).values()
    assert len(one) == len(two) == 6
    assert not one & two


def test_folds_train_on_two_dask_workers(folders: Path, tmp_path: Path) -> None:
    need("tensorflow", "distributed")
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


def test_a_fold_with_a_teacher_is_that_of_train_and_is_not_trained_again(folders: Path, tmp_path: Path) -> None:
    need("tensorflow")
    from soundsdk_train.commands.train import train

    config, teacher = quick_config(tmp_path / "quick.toml"), write_tflite(tmp_path / "tones.tflite")
    write_class_map(tmp_path / "tones_class_map.csv")
    config.write_text(config.read_text() + '[teacher_file]\nhead = "fitted"\nhop_s = 0.05\ndelay_s = 0.0\n')
    unlabelled = tmp_path / "long"
    unlabelled.mkdir()
    soundfile.write(unlabelled / "a.wav", np.random.default_rng(1).normal(0, 0.1, 4 * RATE), RATE)
    common = ["--data", str(folders), "--config", str(config)]
    common += ["--teacher", str(teacher), "--unlabelled", str(unlabelled)]
    words = [*common, "--folds", "1", "--seeds", "3,4", "--jobs", "1", "-o", str(tmp_path / "runs")]
    first = CliRunner().invoke(crossval.crossval, words, catch_exceptions=False)
    assert [line.split()[:2] for line in first.stdout.splitlines()[1:]] == [
        ["1", "3"], ["1", "4"], ["mean", "3"], ["mean", "4"], ["mean", "all"]
    ]  # fmt: skip
    alone = ["--fold", "1", "--seed", "3", "--name", folders.name, "-o", str(tmp_path / "alone.tflite")]
    assert CliRunner().invoke(train, [*common, *alone], catch_exceptions=False).exit_code == 0
    made = tmp_path / "runs" / "fold1-seed3.tflite"
    assert made.read_bytes() == (tmp_path / "alone.tflite").read_bytes()
    record = json.loads(made.with_suffix(".run.json").read_text())
    assert record["teacher_file"]["head"] == "fitted"
    # Nothing is left to train; with another seed there is.
    made.write_bytes(b"as it was")
    again = CliRunner().invoke(crossval.crossval, [*words, "--resume"], catch_exceptions=False)
    assert again.stdout == first.stdout
    assert "fold 1, seed 3 is done" in again.stderr
    assert made.read_bytes() == b"as it was"


def test_seeds_and_folds_given_twice_are_refused(folders: Path, tmp_path: Path) -> None:
    base = ["--data", str(folders), "-o", str(tmp_path)]
    for more, said in ((["--seed", "1", "--seeds", "1-2"], "exclude"), (["--seeds", "1,1"], "given twice")):
        result = CliRunner().invoke(crossval.crossval, [*base, *more])
        assert isinstance(result.exception, UsageError)
        assert said in result.exception.message
