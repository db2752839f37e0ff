"""The verb `soundsdk evaluate`."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from soundsdk.commands.options import data_option, fold_option, json_option, model_argument
from soundsdk.commands.verb import Verb
from soundsdk.errors import DataError
from soundsdk_train.datasets import LAYOUTS, load_clips, scan
from soundsdk_train.evaluation.clip_metrics import Figures
from soundsdk_train.run_settings import FrontendSettings


@click.command(
    "evaluate",
    cls=Verb,
    examples=[
        "soundsdk evaluate siren.tflite --data my_sounds",
        "soundsdk evaluate siren.tflite --data my_sounds --fold 1 --json",
    ],
)
@model_argument
@data_option
@click.option("--layout", type=click.Choice(LAYOUTS), default="auto", show_default=True, help="Layout of the folder.")
@fold_option("Measure on the recordings of this fold only (default: all).")
@json_option
def evaluate(model: str, data: str, layout: str, fold: int | None, as_json: bool) -> None:
    """Measure a detector on recordings: INT8, with the device's frontend and pooling.

    MODEL is a .tflite file or a detector that comes with soundsdk. With --fold, the fold that was held out of its
    training, the float figures of the same network before conversion are shown as well; the file carries them.
    """
    from soundsdk.models import load_model
    from soundsdk_train.evaluation import clips as clip_evaluation

    detector = load_model(model)
    metadata = detector.metadata
    dataset = scan(data, layout)
    if fold is not None and fold not in dataset.folds:
        from soundsdk.errors import UsageError

        raise UsageError(f"there is no fold {fold} in {data}.", f"Its folds are {', '.join(map(str, dataset.folds))}.")
    files = [r for r in dataset.recordings if fold is None or r.fold == fold]
    frontend = FrontendSettings(**{k: v for k, v in metadata["frontend"].items() if k != "version"})
    loaded = load_clips(files, frontend, metadata["hop_frames"])
    for _, reason in loaded.unreadable:
        click.echo(f"skipped: {reason}", err=True)
    unknown = sorted(set(metadata["labels"]) - set(dataset.labels))
    if len(unknown) == len(metadata["labels"]):
        raise DataError(
            f"{data} has none of the labels of {model}.", f"The model knows {', '.join(metadata['labels'])}."
        )
    if metadata["head"] == "softmax":
        outside = sorted(set(dataset.labels) - set(metadata["labels"]))
        if outside:
            raise DataError(
                f"{data} has classes that {model} does not know: {', '.join(outside)}.", "Remove them or train again."
            )
    figures = clip_evaluation.evaluate_clips(detector.data, loaded.clips)
    provenance = metadata.get("provenance", {})
    held_out = fold is not None and provenance.get("test_fold") == fold
    floats = provenance.get("float") if held_out else None
    if as_json:
        report: dict[str, Any] = {
            "model": metadata["name"],
            "fold": fold,
            "held_out": held_out,
            "skipped": len(loaded.unreadable),
            "int8": figures.as_dict(),
            "float": floats,
        }
        click.echo(json.dumps(report))
        return
    _print(metadata["name"], fold, figures, floats)
    if not held_out:
        note = "these may be the recordings that the model was trained on; --fold names the fold held out"
        click.echo(f"note: {note}", err=True)


def _print(name: str, fold: int | None, figures: Figures, floats: dict[str, float] | None) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120, highlight=False)
    where = "all folds" if fold is None else f"fold {fold}"
    console.print(f"{name}, {where}, {figures.clips} clips")
    table = Table("", "INT8", "float")
    brief = figures.brief()
    for key, text in (("accuracy", "accuracy"), ("macro_f1", "macro-F1"), ("map", "mAP")):
        table.add_row(text, f"{brief[key]:.4f}", f"{floats[key]:.4f}" if floats else "-")
    console.print(table)
    table = Table("class", "clips", "precision", "recall", "F1", "AP")
    for c in figures.classes:
        table.add_row(c.label, str(c.clips), *(f"{v:.3f}" for v in (c.precision, c.recall, c.f1, c.average_precision)))
    console.print(table)
    if figures.confusion is not None:
        table = Table("truth \\ decided", *(str(i) for i in range(len(figures.classes))))
        for i, (c, row) in enumerate(zip(figures.classes, figures.confusion, strict=True)):
            table.add_row(f"{i} {c.label}", *(str(v) if v else "." for v in row))
        console.print(table)
