"""The verb `soundsdk calibrate`."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundsdk.commands.options import Number, json_option, model_argument
from soundsdk.commands.verb import Verb
from soundsdk.errors import CheckError, UsageError
from soundsdk.labels import counted
from soundsdk.progress import Progress
from soundsdk.recording.skipped import SkippedFiles
from soundsdk.recording.sound_files import meant_path

if TYPE_CHECKING:
    from soundsdk_train.calibration.choice import Choice


_LINE_S = 30.0  # between lines of progress where there is no bar


@click.command(
    "calibrate",
    cls=Verb,
    examples=[
        "soundsdk calibrate siren.tflite --max-fa-per-hour 0.5 --background living_room",
        "soundsdk calibrate siren.tflite --max-fa-per-hour 0.2 --background kitchen --background street "
        "--events my_sounds -o quiet_siren.tflite",
    ],
)
@model_argument
@click.option(
    "--max-fa-per-hour", "max_per_hour", required=True, type=Number(0, 1e6, min_open=True), metavar="X",
    help="False alarms per hour of background that each class may raise.",
)  # fmt: skip
@click.option(
    "--background", "backgrounds", required=True, multiple=True, metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of recordings without any of the classes, searched with all below it; may be repeated.",
)  # fmt: skip
@click.option(
    "--events", default=None, metavar="DIR", type=click.Path(file_okay=False, path_type=Path),
    help="Folder with one folder of recordings per class, to keep as many of them as possible.",
)  # fmt: skip
@click.option("--raise-only", is_flag=True, help="Lower no threshold: what is quiet enough stays as it is.")
@click.option(
    "-o", "--output", default=None, metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="File to write instead of MODEL.",
)  # fmt: skip
@json_option
def calibrate(
    model: str,
    max_per_hour: float,
    backgrounds: tuple[Path, ...],
    events: Path | None,
    raise_only: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Find the thresholds that keep false alarms below a rate and the most events, and write them into a detector.

    MODEL is a .tflite file or a detector that comes with soundsdk, which needs -o. With --events, pooling, thresholds,
    minimum duration and hold are chosen for the highest recall, and so that events end with their sound; without it,
    durations stay and the thresholds are the lowest that are quiet enough. Those may be lower than they were: each
    label that changes is named, old and new, with the false alarms to expect; --raise-only lowers none. A rate that no
    setting keeps, or that so few hours cannot tell, is an error (exit code 6), and nothing is written.
    """
    for folder in backgrounds:
        if not folder.exists():
            hint = f"{meant_path(folder)} Give folders of recordings without any of the classes.".strip()
            raise UsageError(f"there is no folder {folder}.", hint)
    from soundsdk.models.reachability import highest_scores, unreachable_in
    from soundsdk.models.shipped import find_model, load_model
    from soundsdk.whole_file import check_writable, write_results
    from soundsdk_train.calibration.changes import KEPT, changes
    from soundsdk_train.calibration.choice import choose
    from soundsdk_train.calibration.heard import Listener
    from soundsdk_train.calibration.material import find_backgrounds, hear_backgrounds, hear_events, hours_of
    from soundsdk_train.calibration.rewrite import replace_metadata

    path = find_model(model)
    detector = load_model(model)
    if output is None and path != Path(model):
        raise UsageError(f"{model} comes with soundsdk and is not changed.", "Name the file to write with -o.")
    target = output or path
    check_writable(target, parents=True)
    listener = Listener(detector.data)
    found = [path for path, _ in find_backgrounds(listener.labels, backgrounds)]
    with Progress() as progress:
        skipped = SkippedFiles(progress.say)
        hours = hours_of(found, lambda done, of: progress.update(done, of, description="reading"))
        _check_hours(hours, len(found), max_per_hour)
        progress.say(f"hearing {hours:.2g} h of background, {counted(len(found), 'recording')}")
        shown = _Hearing(progress)
        quiet = hear_backgrounds(listener, backgrounds, skipped, shown.background)
        skipped.finish(len(quiet))
        heard = hear_events(listener, events, skipped, shown.event) if events is not None else []
        choice = choose(
            listener,
            quiet,
            heard,
            max_per_hour,
            highest=lambda p: highest_scores(detector.data, detector.metadata, p),
            raise_only=raise_only,
            on_stage=progress.say,
        )
    check_attained(choice)
    metadata = {**detector.metadata, "detector": choice.detector}
    metadata["calibration"] = choice.entry([folder.resolve().name for folder in backgrounds])
    deaf = unreachable_in(detector.data, metadata)
    if deaf:
        hint = "Nothing was written. Such scores come of too short a training or too few recordings: train it again."
        raise CheckError(f"with the thresholds that were found {deaf[0]}.", hint)
    write_results({target: replace_metadata(detector.data, metadata)})
    changed = changes(detector.metadata["detector"], listener.labels, choice)
    for one in changed:
        if one.direction != KEPT:
            click.echo(f"note: {one}", err=True)
    if as_json:
        report = {"file": str(target), "skipped": skipped.count, "detector": choice.detector}
        report["changes"] = [one.as_dict() for one in changed]
        click.echo(json.dumps({**report, "calibration": metadata["calibration"]}))
    else:
        _show(choice, str(target))
    if any(c.proved_per_hour > max_per_hour for c in choice.classes):
        click.echo(
            f"note: {choice.hours:.2f} h of background are too few to prove {max_per_hour:g} an hour with 95 % "
            f"confidence; {choice.hours_to_prove:.1f} h without a false alarm do",
            err=True,
        )


class _Hearing:
    """Progress of hearing recordings: a bar on a terminal, a line every half minute elsewhere."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._last_line = time.monotonic()

    def background(self, done: int, of: int) -> None:
        """Show that so many recordings of background were heard."""
        self._show(done, of, "background", f"heard {done} of {counted(of, 'recording')} of background")

    def event(self, done: int) -> None:
        """Show that so many recordings of events were heard; how many there are shows at their end only."""
        self._show(done, None, "events", f"heard {counted(done, 'recording')} of events")

    def _show(self, done: int, of: int | None, description: str, line: str) -> None:
        self._progress.update(done, of, description=description)
        if not self._progress.shows_bar and time.monotonic() - self._last_line > _LINE_S:
            self._last_line = time.monotonic()
            self._progress.say(line)


def _check_hours(hours: float, recordings: int, max_per_hour: float) -> None:
    """Raise CheckError, before anything is heard, if so little background can tell no rate as low as that.

    False alarms that come one by one need 1 / rate hours; those that come in clusters need more (check_attained).
    """
    if hours * max_per_hour >= 1 or not hours:  # without any sound, what cannot be read is to be named first
        return
    raise CheckError(
        f"{hours:.2g} h of background ({counted(recordings, 'recording')}) cannot tell "
        f"{counted(max_per_hour, 'false alarm')} an hour: {1 / max_per_hour:.2g} h are the least.",
        f"Nothing was written. Give more background, or allow more with --max-fa-per-hour {_rounded_up(1 / hours):g}.",
    )


def _rounded_up(rate: float) -> float:
    """Return a rate rounded up to a tenth."""
    return math.ceil(rate * 10) / 10


def check_attained(choice: Choice) -> None:
    """Raise CheckError if a class cannot be kept as quiet as asked for."""
    rate = f"{counted(choice.max_per_hour, 'false alarm')} an hour {'is' if choice.max_per_hour == 1 else 'are'}"
    needed = max((c.least_hours(choice.max_per_hour) for c in choice.classes), default=0.0)
    if choice.hours < needed:
        worst = max(choice.classes, key=lambda c: c.size)
        clustered = f", as those of {worst.label} come {worst.size:.1f} to a recording" if worst.size > 1.05 else ""
        raise CheckError(
            f"{rate} not attainable with {choice.hours:.2g} h of background: "
            f"{needed:.1f} h are the least that can tell{clustered}.",
            "Nothing was written. Give more background, or allow more with --max-fa-per-hour "
            f"{_rounded_up(worst.size / choice.hours):g}.",
        )
    failed = [c for c in choice.classes if not c.attained]
    if not failed:
        return
    parts = []
    for c in failed:
        if math.isinf(c.expected_per_hour):
            raise CheckError(
                f"{c.label} cannot fire: no score of the network is high enough for any threshold.",
                "Nothing was written. Train the detector for longer or on more recordings.",
            )
        if c.recall == 0.0 and c.likely_per_hour <= choice.max_per_hour:
            parts.append(f"{c.label}, which then misses every event")
        elif c.likely_per_hour <= choice.max_per_hour:
            false = counted(c.cross_false or 0, "false event")
            parts.append(f"{c.label}, of which thresholds chosen on one half of it report {false} in the other")
        else:
            parts.append(f"{c.label}, for which {c.likely_per_hour:.2g} are likely at best")
    lowest = max(max(c.likely_per_hour, c.least_cross_rate) for c in failed)
    likely = math.ceil(lowest * 10 + 0.1) / 10
    raise CheckError(
        f"{rate} not attainable in {choice.hours:.2f} h of background for {'; '.join(parts)}.",
        f"Nothing was written. Give more background, allow more with --max-fa-per-hour {likely:g}, or train with such "
        "sounds as negatives.",
    )


def _show(choice: Choice, target: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120, highlight=False)
    most = counted(choice.max_per_hour, "false alarm")
    console.print(f"{target}: at most {most} an hour, {choice.hours:.2f} h of background")
    console.print(f"pooled over {choice.detector['pool_ms']} ms")
    table = Table("class", "on", "off", "min ms", "hold ms", "false", "proved below", "recall", "ends late")
    for c in choice.classes:
        recall = "-" if c.recall is None else f"{c.recall:.2f} of {c.events}"
        late = "-" if c.late is None else f"{100 * c.late:.0f} %"
        values = (c.thresholds[key] for key in ("on", "off", "min_ms", "hold_ms"))
        table.add_row(c.label, *map(str, values), str(c.false), f"{c.proved_per_hour:.2f}/h", recall, late)
    console.print(table)
