"""The verb `soundsdk crossval`: one detector per held-out fold, and the figures of all."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import click
import numpy as np

from soundsdk.commands.number_list import NumberList
from soundsdk.commands.options import config_option, data_option, json_option, output_option, seed_option
from soundsdk.commands.verb import Verb
from soundsdk.whole_file import check_folder, write_whole
from soundsdk_train import run_settings
from soundsdk_train.commands.folds import FoldJob, default_workers, runner
from soundsdk_train.datasets import LAYOUTS, scan, split

_KEYS = ("accuracy", "macro_f1", "map")


@click.command(
    "crossval",
    cls=Verb,
    examples=[
        "soundsdk crossval --data esc10 --folds 1-4 -o runs",
        "soundsdk crossval --data esc10 --dask tcp://scheduler:8786 -o runs",
    ],
)
@data_option
@click.option("--layout", type=click.Choice(LAYOUTS), default="auto", show_default=True, help="Layout of the folder.")
@click.option("--folds", type=NumberList(), help="Folds to hold out in turn, 1-4 or 1,3 (default: all).")
@config_option
@seed_option
@click.option(
    "--jobs", type=click.IntRange(1), metavar="N", help="Folds to train at once (default: as many as there are cores)."
)
@click.option("--dask", metavar="ADDRESS", help="Train on the workers of this Dask cluster, such as tcp://HOST:8786.")
@json_option
@output_option("Folder for foldN.tflite, foldN.run.json and crossval.json.", folder=True)
def crossval(
    data: str,
    layout: str,
    folds: list[int] | None,
    config: str | None,
    seed: int | None,
    jobs: int | None,
    dask: str | None,
    as_json: bool,
    output: Path,
) -> None:
    """Train one detector per held-out fold and compare their figures.

    Prints macro-F1 and accuracy of each fold, before and after the conversion to INT8, and their means. Folds are
    trained at once, each in a process of its own. On a Dask cluster the workers need soundsdk[train,tflm,dask] and the
    recordings at the same path.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from soundsdk_train import training_run

    check_folder(output)
    dataset = scan(data, layout)
    chosen = run_settings.read_settings(config)
    chosen.name = chosen.name or dataset.root.name
    chosen.seed = chosen.seed if seed is None else seed
    given = run_settings.tables_in(config)
    wanted = [FoldJob(data, layout, fold, copy.deepcopy(chosen), given) for fold in folds or dataset.folds]
    for job in wanted:
        split(dataset, job.fold)  # a fold that does not exist is an error before the first is trained
    workers = min(jobs, len(wanted)) if jobs else default_workers(len(wanted))
    results: list[dict[str, Any]] = []
    for done in runner(workers, dask)(wanted):
        detector = done.detector
        training_run.write_detector(detector, output / f"fold{done.fold}.tflite")
        assert detector.float_figures is not None
        assert detector.int8_figures is not None
        floats, int8 = detector.float_figures.brief(), detector.int8_figures.brief()
        results.append({"fold": done.fold, "float": floats, "int8": int8, "cost": detector.record["cost"]})
        text = f"fold {done.fold}: macro-F1 float {floats['macro_f1']:.4f}, INT8 {int8['macro_f1']:.4f}"
        click.echo(text, err=True)
    results.sort(key=lambda result: result["fold"])
    summary = summarise(results)
    write_whole(output / "crossval.json", (json.dumps(summary, indent=1) + "\n").encode(), parents=True)
    click.echo(json.dumps(summary) if as_json else fold_table(summary))


def summarise(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return folds, means, and the drop from float to INT8 in points of macro-F1."""
    mean = {kind: {k: float(np.mean([r[kind][k] for r in results])) for k in _KEYS} for kind in ("float", "int8")}
    for r in results:
        r["drop_points"] = round(100 * (r["float"]["macro_f1"] - r["int8"]["macro_f1"]), 2)
    drop = 100 * (mean["float"]["macro_f1"] - mean["int8"]["macro_f1"])
    return {"folds": results, "mean": {**mean, "drop_points": round(drop, 2)}}


def fold_table(summary: dict[str, Any]) -> str:
    """Return the summary as lines of text, one per fold and one of means."""
    lines = ["fold   float F1   INT8 F1   drop (points)   float acc.   INT8 acc."]
    for name, r in [*((str(r["fold"]), r) for r in summary["folds"]), ("mean", summary["mean"])]:
        lines.append(
            f"{name:<6} {r['float']['macro_f1']:>8.4f} {r['int8']['macro_f1']:>9.4f} {r['drop_points']:>15.2f} "
            f"{r['float']['accuracy']:>12.4f} {r['int8']['accuracy']:>11.4f}"
        )
    return "\n".join(lines)
