"""The verb `soundsdk crossval`: one detector per held-out fold, and the figures of all."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from soundsdk.cache import content_sha256
from soundsdk.commands.number_list import NumberList
from soundsdk.commands.options import json_option, output_option, seed_option
from soundsdk.commands.verb import Verb
from soundsdk.errors import UsageError
from soundsdk.recording import audio_file
from soundsdk.whole_file import check_folder, write_results
from soundsdk_train.commands.folds import IDENTITY, FoldJob, TrainedFold, default_workers, finished_fold, runner
from soundsdk_train.commands.training_options import training_options
from soundsdk_train.datasets import Dataset, add_backgrounds, scan, split
from soundsdk_train.run_settings import read_settings

_FIGURES = {"accuracy": "accuracy", "macro_f1": "macro_f1", "map": "mean_average_precision"}


@click.command(
    "crossval",
    cls=Verb,
    examples=[
        "soundsdk crossval --data esc10 --folds 1-4 -o runs",
        "soundsdk crossval --data esc10 --folds 1-4 --seeds 1-3 --resume -o runs",
        "soundsdk crossval --data esc10 --teacher yamnet.tflite --unlabelled long_recordings -o runs",
        "soundsdk crossval --data esc10 --dask tcp://scheduler:8786 -o runs",
    ],
)
@training_options
@click.option("--folds", type=NumberList(), help="Folds to hold out in turn, 1-4 or 1,3 (default: all).")
@seed_option
@click.option("--seeds", type=NumberList(), help="Train every fold with each of these seeds, 1-3 or 1,5.")
@click.option(
    "--jobs", type=click.IntRange(1), metavar="N", help="Folds to train at once (default: as many as there are cores)."
)
@click.option("--dask", metavar="ADDRESS", help="Train on the workers of this Dask cluster, such as tcp://HOST:8786.")
@click.option("--resume", is_flag=True, help="Keep the folds that are done in DIR, and go on with those cut off.")
@json_option
@output_option("Folder for foldN.tflite, foldN.run.json (foldN-seedS with --seeds) and crossval.json.", folder=True)
def crossval(
    data: str,
    layout: str,
    background: tuple[str, ...],
    folds: list[int] | None,
    config: str | None,
    epochs: int | None,
    teacher: str | None,
    unlabelled: tuple[Path, ...],
    start: str | None,
    material: tuple[str, ...],
    seed: int | None,
    seeds: list[int] | None,
    jobs: int | None,
    dask: str | None,
    resume: bool,
    as_json: bool,
    output: Path,
) -> None:
    """Train one detector per held-out fold and compare their figures.

    Each fold is trained as soundsdk train --fold trains it, with the same options. Prints accuracy and macro-F1 of
    each, before and after the conversion to INT8, what the conversion costs, and the means, per seed with --seeds.
    Folds are trained at once, each in a process of its own. With --resume, folds that are done with the same settings
    and data are not trained again, and one that was cut off goes on from its last epoch. On a Dask cluster the workers
    need soundsdk[train,dask] and every file at the same path, and a fold that was cut off begins again.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from soundsdk_train import training_run
    from soundsdk_train.training_job import TrainingRequest, need_installed

    need_installed(teacher, dask=dask is not None)
    if seed is not None and seeds is not None:
        raise UsageError("--seed and --seeds exclude each other.", "Give --seeds, which may be one number.")
    if len(set(seeds or ())) < len(seeds or ()) or len(set(folds or ())) < len(folds or ()):
        raise UsageError("a fold or a seed is given twice.", "Name each once.")
    check_folder(output)
    dataset = scan(data, layout)
    add_backgrounds(dataset, background)
    wanted = []
    name = read_settings(config).name or dataset.root.name
    tried: list[int | None] = [*seeds] if seeds else [seed]
    for one_seed in tried:
        for fold in folds or dataset.folds:
            split(dataset, fold)  # a fold that does not exist is an error before the first is trained
            stem = f"fold{fold}" + (f"-seed{one_seed}" if seeds else "")
            request = TrainingRequest(
                data,
                output / f"{stem}.tflite",
                layout=layout,
                background=background,
                fold=fold,
                config=config,
                seed=one_seed,
                name=name,
                epochs=epochs,
                teacher=teacher,
                unlabelled=unlabelled,
                start=start,
                material=material,
            )
            wanted.append(FoldJob(request))
    _identify(wanted, dataset)
    done = [found for job in wanted if resume and (found := finished_fold(job)) is not None]
    for found in done:
        click.echo(f"{found.job.title} is done: {found.job.request.output}", err=True)
    kept = [found.job for found in done]
    left = [job for job in wanted if job not in kept]
    for job in left:
        job.request.resume = resume and any(output.glob(f"{job.request.output.stem}.*.checkpoint"))
    workers = min(jobs, len(left)) if jobs else default_workers(len(left))
    for trained in runner(workers, dask)(left) if left else ():
        if trained.detector is not None:
            training_run.write_detector(trained.detector, trained.job.request.output)
        done.append(trained)
        one = _result(trained)
        text = f"accuracy float {one['float']['accuracy']:.4f}, INT8 {one['int8']['accuracy']:.4f}"
        click.echo(f"{trained.job.title}: {text}", err=True)
    done.sort(key=lambda found: wanted.index(found.job))
    summary = summarise([_result(found) for found in done])
    write_results({output / "crossval.json": (json.dumps(summary, indent=1) + "\n").encode()})
    click.echo(json.dumps(summary) if as_json else fold_table(summary))


def _identify(wanted: Sequence[FoldJob], dataset: Dataset) -> None:
    """Give the jobs what --resume knows them by: their settings and the contents of all files.

    Raises what is wrong with the settings.
    """
    from soundsdk_train.training_job import settings_of

    first = wanted[0].request
    files = [r.path for r in dataset.recordings] + [Path(settings_of(first).teacher_file.file)]
    for folder in (*first.unlabelled, *map(Path, first.material)):
        files += audio_file.find(folder) if folder.exists() else []
    contents = [(str(path), content_sha256(path)) for path in files if path.is_file()]
    for job in wanted:
        request = job.request
        identity = [settings_of(request).as_dict(), request.fold, request.layout, request.start, contents]
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        request.also_recorded[IDENTITY] = digest


def _result(trained: TrainedFold) -> dict[str, Any]:
    """Return the figures of a fold: float and int8, to four places, and what the detector costs."""
    record = trained.record
    out: dict[str, Any] = {"fold": trained.job.fold, "seed": trained.job.request.seed}
    for kind in ("float", "int8"):
        out[kind] = {short: round(record[kind][name], 4) for short, name in _FIGURES.items()}
    return {**out, "cost": record["cost"]}


def summarise(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return folds, means and, of several seeds, means per seed; with the drops from float to INT8 in points.

    drop_points: of macro-F1; accuracy_drop_points: of accuracy.
    """
    folds = [{**r, **_drops(r)} for r in results]
    out: dict[str, Any] = {"folds": folds, "mean": _mean(folds)}
    seeds = list(dict.fromkeys(r.get("seed") for r in folds))
    if len(seeds) > 1:
        out["seeds"] = [{"seed": seed, **_mean([r for r in folds if r["seed"] == seed])} for seed in seeds]
    return out


def _mean(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    mean = {kind: {k: float(np.mean([r[kind][k] for r in results])) for k in _FIGURES} for kind in ("float", "int8")}
    return {**mean, **_drops(mean)}


def _drops(figures: dict[str, Any]) -> dict[str, float]:
    def drop(key: str) -> float:
        return round(100 * (figures["float"][key] - figures["int8"][key]), 2)

    return {"drop_points": drop("macro_f1"), "accuracy_drop_points": drop("accuracy")}


def fold_table(summary: dict[str, Any]) -> str:
    """Return the summary as lines of text: one per fold, one of means per seed, and one of the means of all."""
    seeds = summary.get("seeds", [])
    head = "fold   seed   " if seeds else "fold   "
    lines = [head + "float acc.   INT8 acc.   drop (points)   float F1   INT8 F1"]
    rows = [(str(r["fold"]), str(r.get("seed")), r) for r in summary["folds"]]
    rows += [("mean", str(r["seed"]), r) for r in seeds] + [("mean", "all", summary["mean"])]
    for fold, seed, r in rows:
        lines.append(
            f"{fold:<7}{f'{seed:<7}' if seeds else ''}{r['float']['accuracy']:>10.4f}{r['int8']['accuracy']:>12.4f}"
            f"{r['accuracy_drop_points']:>16.2f}{r['float']['macro_f1']:>11.4f}{r['int8']['macro_f1']:>10.4f}"
        )
    return "\n".join(lines)
