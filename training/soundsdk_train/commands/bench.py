"""The verb `soundsdk bench`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundsdk.commands.options import json_option, not_empty
from soundsdk.commands.verb import Verb
from soundsdk.errors import CheckError, UsageError
from soundsdk.labels import counted
from soundsdk.recording.skipped import SkippedFiles

if TYPE_CHECKING:
    from soundsdk_train.evaluation.bench import BenchRow, BenchTable


@click.command(
    "bench",
    cls=Verb,
    examples=[
        "soundsdk bench home esc10 --set house=recordings/house --set street=recordings/street",
        "soundsdk bench new.tflite --against bench.json",
        "soundsdk bench --table bench.json",
    ],
)
@click.argument("models", metavar="[MODEL]...", nargs=-1, callback=not_empty)
@click.option("--set", "sets", multiple=True, metavar="NAME=DIR", help="Name a set of recordings; repeatable.")
@click.option(
    "--table",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("bench.json"),
    show_default=True,
    metavar="FILE",
    help="The table that is kept; it also remembers the sets.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Compare with the detectors of the same names in this table, as it was before; it may be --table itself.",
)
@json_option
def bench(models: tuple[str, ...], sets: tuple[str, ...], table: Path, against: Path | None, as_json: bool) -> None:
    """Measure detectors on named sets of recordings, as evaluate --deployed does, and keep a table of them.

    MODEL is a .tflite file or a detector that comes with soundsdk. A set is a folder of labelled folders, or of long
    recordings with their truth beside them. Without --set those of the table are used (or of --against), without MODEL
    the table is only shown. A new file is a new row, and the old one of its name stays. Exit code 6 if a figure is
    worse than in --against beyond chance; recall is not compared where fewer than 5 recordings hold the label.
    """
    from soundsdk.whole_file import check_writable
    from soundsdk_train.evaluation.bench import read_bench, worsened, write_bench

    if against is not None and not against.exists():
        raise UsageError(f"there is no table {against} to compare with.", "Make it with --table first.")
    kept = read_bench(table)
    earlier = read_bench(against) if against is not None else None
    named = dict(_named_set(text) for text in sets)
    chosen = named or kept.sets or (earlier.sets if earlier is not None else {})
    if not models and not kept.rows:
        raise UsageError(f"there is no detector to measure, and nothing in {table}.", "Give MODEL and --set NAME=DIR.")
    if models:
        check_writable(table)
    if models and not chosen:
        raise UsageError("there is no set to measure on.", "Give --set NAME=DIR.")
    if against is not None and earlier is not None:
        _check_comparable(models, against, earlier, chosen)
    worse: list[str] = []
    compared: dict[tuple[str, str], BenchRow] = {}
    for model in models:
        for name, path in chosen.items():
            row = _measure(model, name, Path(path))
            old = earlier.before(row) if earlier is not None else None
            if old is not None:
                worse += worsened(old, row)
                compared[name, row.model_sha256] = old
            elif earlier is not None:
                click.echo(f"note: {against} has no {row.model} on {name}: it is not compared there", err=True)
            if kept.replaced_by(row) is not None:
                click.echo(f"note: {name} holds other sound than before: the row of {row.model} is replaced", err=True)
            kept.sets[name] = path
            kept.put(row)
            write_bench(table, kept)
    if as_json:
        for row in kept.rows:
            click.echo(json.dumps(asdict(row)))
    else:
        _print(kept, compared)
    for sentence in worse:
        click.echo(f"worse: {sentence}", err=True)
    if worse:
        raise CheckError(f"{counted(len(worse), 'figure')} worse than in {against}.", "The lines above say which.")


def _check_comparable(models: tuple[str, ...], against: Path, earlier: BenchTable, sets: Iterable[str]) -> None:
    """Raise UsageError for a model of whose name the table has no row on any of the sets: nothing would be checked."""
    from soundsdk.models.shipped import load_model

    held = sorted({row.model for row in earlier.rows if row.set_name in set(sets)})
    for model in models:
        name = load_model(model).name
        if name not in held:
            raise UsageError(
                f"{against} has no detector of the name {name} on these sets to compare {model} with.",
                f"It has {', '.join(held) or 'none'}; measure {name} without --against first.",
            )


def _named_set(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise UsageError(f"{text!r} names no set.", "Write --set NAME=DIR.")
    return name, path


def _measure(model: str, set_name: str, path: Path) -> BenchRow:
    from soundsdk.models.shipped import load_model
    from soundsdk.progress import Progress
    from soundsdk_train.evaluation.bench import HashedRecordings, bench_row, long_recordings, open_set
    from soundsdk_train.evaluation.deployed_run import evaluate_deployed

    detector = load_model(model)
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    notes: list[str] = []
    skipped = SkippedFiles(lambda text: click.echo(f"{set_name}: {text}", err=True))
    recordings = HashedRecordings(open_set(path, detector.labels, rate_hz, notes.append, skipped))
    with Progress(f"{detector.name} on {set_name}") as progress:
        done = evaluate_deployed(
            detector.data,
            detector.metadata,
            recordings,
            on_recording=lambda count, name: progress.update(count, None, name),
        )
    skipped.finish(done.figures.recordings)
    for note in notes:
        click.echo(f"note: {set_name}: {note}", err=True)
    onsets_known = bool(long_recordings(path))
    return bench_row(set_name, recordings.sha256, detector.data, done, onsets_known=onsets_known)


def _print(kept: BenchTable, compared: Mapping[tuple[str, str], BenchRow]) -> None:
    from rich.table import Table

    from soundsdk_train.evaluation.intervals import rate_interval
    from soundsdk_train.evaluation.tables import open_console

    heads = ("set", "model", "file", "label", "found", "recall", "false", "false/h", "event F1", "AP", "latency")
    table = Table(*heads)
    mixed = kept.mixed_sets()
    for row in kept.rows:
        name = f"{row.set_name} ({row.data_sha256[:6]})" if row.set_name in mixed else row.set_name
        old = compared.get((row.set_name, row.model_sha256))
        before = {label.label: label for label in old.labels} if old is not None else {}
        for i, label in enumerate(row.labels):
            was = before.get(label.label)
            low, high = rate_interval(label.false_alarms, label.negative_hours)
            hours = label.negative_hours
            table.add_row(
                *((name, row.model, row.model_sha256[:8]) if i == 0 else ("", "", "")),
                label.label,
                f"{label.found} of {label.events}" if label.events else "-",
                _change(label.recall, was.recall if was else None),
                f"{label.false_alarms}" + (f" (was {was.false_alarms})" if was else ""),
                f"{label.false_alarms / hours:.1f} \\[{low:.1f} {high:.1f}]" if hours else "-",
                _change(label.event_f1, was.event_f1 if was else None),
                _change(label.average_precision, was.average_precision if was else None),
                "-" if label.latency_s is None else f"{label.latency_s:.2f} s",
                end_section=i == len(row.labels) - 1,
            )
    open_console().print(table)
    for name in mixed:
        click.echo(
            f"note: the rows of {name} were measured on different recordings, by the hash behind the name, and do not "
            f"compare; measure those models again with --set {name}={kept.sets.get(name, 'DIR')}",
            err=True,
        )


def _change(value: float | None, was: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" ({value - was:+.3f})" if was is not None else "")
