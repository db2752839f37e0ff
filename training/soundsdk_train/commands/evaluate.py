"""The verb `soundsdk evaluate`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click

from soundsdk.commands.options import Number, fold_option, json_option, model_argument, warn
from soundsdk.commands.verb import Verb
from soundsdk.errors import DataError, UsageError
from soundsdk.labels import counted, meant_by
from soundsdk.models.shipped import find_model
from soundsdk.recording.skipped import SkippedFiles
from soundsdk_train.datasets import LAYOUTS, load_clips, scan
from soundsdk_train.evaluation.clip_metrics import Figures
from soundsdk_train.run_settings import frontend_of


@click.command(
    "evaluate",
    cls=Verb,
    examples=[
        "soundsdk evaluate siren.tflite --data my_sounds",
        "soundsdk evaluate siren.tflite --data my_sounds --fold 1 --json",
        "soundsdk evaluate home --deployed --data my_sounds --html report.html",
        "soundsdk evaluate home --deployed --audio night.wav --audio day.wav --truth events.tsv",
    ],
)
@model_argument
@click.option("--data", type=click.Path(), metavar="DIR", help="Folder of recordings.")
@click.option("--layout", type=click.Choice(LAYOUTS), default="auto", show_default=True, help="Layout of the folder.")
@fold_option("Measure on the recordings of this fold only (default: all).")
@click.option("--deployed", is_flag=True, help="Measure events on continuous sound, as on the device.")
@click.option(
    "--audio",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Long recording or folder of them, instead of --data; repeatable. With --deployed.",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Events in --audio: a DCASE table (.tsv), or Audacity labels (.txt) of one recording. "
    "Default: the file beside each recording with its name and .txt or .tsv.",
)
@click.option(
    "--background",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Sound between the clips of --data, instead of quiet. With --deployed.",
)
@click.option(
    "--lead",
    type=Number(0, 60),
    default=None,
    metavar="S",
    help="Seconds of quiet or background before each clip of --data (default: 3). With --deployed.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page with all figures, and the worst errors to see and to hear. With --deployed.",
)
@json_option
def evaluate(
    model: str,
    data: str | None,
    layout: str,
    fold: int | None,
    deployed: bool,
    audio: tuple[Path, ...],
    truth: Path | None,
    background: Path | None,
    lead: float | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Measure a detector on recordings: INT8, with the device's frontend and pooling.

    MODEL is a .tflite file or a detector that comes with soundsdk. Without --deployed each recording is a clip with one
    decision, and then a sound that a board hears after 3 s of quiet. With --fold, the fold that was held out of its
    training, the float figures of the same network before conversion are shown as well; the file carries them.

    With --deployed the detector listens as it does on a board, with its thresholds: each clip of --data comes after 3 s
    of quiet, and folders that are not a label of the model (background, neg_speech, …) hold negatives. A true event is
    found if an event of its label begins in it or up to 1 s after it; every other event is a false alarm.
    """
    if not deployed:
        _evaluate_clips(model, data, layout, fold, as_json, [audio, truth, background, lead is not None, html])
        return
    if bool(data) == bool(audio):
        raise UsageError("give either --data or --audio.", "--data is a folder of labelled clips, --audio long files.")
    if truth is not None and not audio:
        raise UsageError("--truth holds the events of --audio, which is not there.", "Give --audio FILE.")
    _refuse_with_audio(
        audio,
        {
            "--background": background is not None,
            "--lead": lead is not None,
            "--fold": fold is not None,
            "--layout": layout != "auto",
        },
    )
    from soundsdk.models.shipped import load_model
    from soundsdk.progress import Progress
    from soundsdk.recording import audio_file
    from soundsdk_train.evaluation import timeline
    from soundsdk_train.evaluation.deployed_run import evaluate_deployed
    from soundsdk_train.evaluation.exhibits import ExhibitCollector

    if html is not None:
        from soundsdk.whole_file import check_writable

        check_writable(html)
    lead = timeline.LEAD_S if lead is None else lead
    detector = load_model(model, warn)
    labels, rate_hz = detector.labels, int(detector.metadata["frontend"]["rate_hz"])
    skipped = SkippedFiles(partial(click.echo, err=True))
    notes: list[str] = []
    files: list[Path] = []
    total = None
    if data is not None:
        quiet = None if background is None else audio_file.read(background, rate_hz)
        recordings = timeline.lay_out(
            data,
            labels,
            lead_s=lead,
            background=quiet,
            layout=layout,
            fold=fold,
            rate_hz=rate_hz,
            on_unreadable=skipped,
        )
        total = len([r for r in scan(data, layout).recordings if fold in (None, r.fold)])
    else:
        files = [file for path in audio for file in audio_file.find(path)]
        total = len(files)
        recordings = timeline.read_with_truth(
            files, truth, labels, rate_hz=rate_hz, on_note=notes.append, on_unreadable=skipped
        )
    collector = ExhibitCollector() if html is not None else None
    with Progress("listening") as progress:
        done = evaluate_deployed(
            detector.data,
            detector.metadata,
            recordings,
            collector=collector,
            on_recording=lambda count, _: progress.update(count, total),
        )
    skipped.finish(done.figures.recordings)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    if not any(figure.events for figure in done.figures.labels):
        click.echo(f"note: there is no event of {', '.join(labels)} in it: only false alarms are measured", err=True)
    if html is not None and collector is not None:
        from soundsdk_train.evaluation.report import Origin, write_report

        origin = Origin(model, Path(data), (), lead) if data is not None else Origin(model, None, files)
        write_report(html, done, collector, origin)
        click.echo(f"report: {html}", err=True)
    if as_json:
        click.echo(json.dumps({"model": done.name, "skipped": skipped.count, "deployed": done.figures.as_dict()}))
        return
    from soundsdk_train.evaluation.tables import open_console, print_figures

    title = f"{done.name} on {data or ', '.join(map(str, audio))}"
    print_figures(open_console(), title, done.figures, onsets_known=data is None)
    if data is not None:
        _warn_of_training(find_model(model), data, layout, fold, detector.metadata)


def _warn_of_training(path: Path, data: str, layout: str, fold: int | None, metadata: dict[str, Any]) -> None:
    """Say so if the recordings are, or may be, those that the model was trained on.

    The record of the run beside the file, NAME.run.json, tells it by their content; without one only the fold that the
    file names as held out is known to be others.
    """
    from soundsdk_train.evaluation.trained_on import trained_on

    files = [r.path for r in scan(data, layout).recordings if fold in (None, r.fold)]
    count = trained_on(path, files)
    if count:
        click.echo(
            f"warning: the model was trained on {count} of these {counted(len(files), 'recording')}; the figures are "
            "those of what it knows (--fold names a fold that was held out)",
            err=True,
        )
    elif count is None and not _held_out(fold, metadata):
        note = "these may be the recordings that the model was trained on; --fold names the fold held out"
        click.echo(f"note: {note}", err=True)


def _held_out(fold: int | None, metadata: dict[str, Any]) -> bool:
    return fold is not None and metadata.get("provenance", {}).get("test_fold") == fold


def _refuse_with_audio(audio: tuple[Path, ...], given: dict[str, bool]) -> None:
    """Raise UsageError if an option that is about the clips of --data was given with --audio."""
    wrong = [option for option, there in given.items() if there]
    if audio and wrong:
        raise UsageError(
            f"{' and '.join(wrong)} cannot be used with --audio.", "It is about the clips of --data: leave it out."
        )


def _evaluate_clips(
    model: str, data: str | None, layout: str, fold: int | None, as_json: bool, only_deployed: list[Any]
) -> None:
    from soundsdk.models.shipped import load_model
    from soundsdk_train.evaluation import clips as clip_evaluation
    from soundsdk_train.evaluation.tables import open_console, print_figures
    from soundsdk_train.evaluation.view import clip_figures

    if any(only_deployed):
        raise UsageError(
            "--audio, --truth, --background, --lead and --html are about continuous sound.", "Add --deployed."
        )
    if data is None:
        raise UsageError("there is nothing to measure on.", "Give --data DIR, or --deployed with --audio FILE.")
    detector = load_model(model)
    metadata = detector.metadata
    dataset = scan(data, layout)
    if fold is not None and fold not in dataset.folds:
        raise UsageError(f"there is no fold {fold} in {data}.", f"Its folds are {', '.join(map(str, dataset.folds))}.")
    unknown = sorted(set(metadata["labels"]) - set(dataset.labels))
    if len(unknown) == len(metadata["labels"]):
        raise DataError(
            f"{data} has none of the labels of {model}.",
            f"{meant_by(dataset.labels, metadata['labels'])}The model knows {', '.join(metadata['labels'])}.",
        )
    if metadata["head"] == "softmax":
        outside = sorted(set(dataset.labels) - set(metadata["labels"]))
        if outside:
            raise DataError(
                f"{data} has classes that {model} does not know: {', '.join(outside)}.",
                f"{meant_by(outside, metadata['labels'])}Rename or remove them, or train again.",
            )
    files = [r for r in dataset.recordings if fold is None or r.fold == fold]
    frontend = frontend_of(metadata)
    loaded = load_clips(files, frontend, metadata["hop_frames"], most_unreadable=1.0)
    skipped = SkippedFiles(partial(click.echo, err=True))
    for _, reason in loaded.unreadable:
        skipped(reason)
    skipped.finish(len(loaded.clips))
    figures = clip_evaluation.evaluate_clips(detector.data, loaded.clips)
    continuous = clip_figures(detector.data, loaded.clips)
    held_out = _held_out(fold, metadata)
    floats = metadata.get("provenance", {}).get("float") if held_out else None
    if as_json:
        report: dict[str, Any] = {
            "model": metadata["name"],
            "fold": fold,
            "held_out": held_out,
            "skipped": skipped.count,
            "int8": figures.as_dict(),
            "float": floats,
            "deployed": continuous.as_dict(),
        }
        click.echo(json.dumps(report))
        return
    _print_clips(metadata["name"], fold, figures, floats)
    title = "The same clips on continuous sound, as on the device"
    print_figures(open_console(), title, continuous, onsets_known=False)
    _warn_of_training(find_model(model), data, layout, fold, metadata)


def _print_clips(name: str, fold: int | None, figures: Figures, floats: dict[str, float] | None) -> None:
    from rich.table import Table

    from soundsdk_train.evaluation.tables import open_console

    console = open_console()
    where = "all folds" if fold is None else f"fold {fold}"
    console.print(f"{name}, {where}, {counted(figures.clips, 'clip')}")
    table = Table("", "INT8", "float")
    brief = figures.brief()
    for key, text in (("accuracy", "accuracy"), ("macro_f1", "macro-F1"), ("map", "mAP")):
        if not figures.decide and key != "map":
            continue
        table.add_row(text, f"{brief[key]:.4f}", f"{floats[key]:.4f}" if floats else "-")
    console.print(table)
    table = Table("class", "clips", "precision", "recall", "F1", "AP")
    for c in figures.classes if figures.decide else ():
        table.add_row(c.label, str(c.clips), *(f"{v:.3f}" for v in (c.precision, c.recall, c.f1, c.average_precision)))
    if figures.decide:
        console.print(table)
    if figures.confusion is not None:
        table = Table("truth \\ decided", *(str(i) for i in range(len(figures.classes))))
        for i, (c, row) in enumerate(zip(figures.classes, figures.confusion, strict=True)):
            table.add_row(f"{i} {c.label}", *(str(v) if v else "." for v in row))
        console.print(table)
