"""The verb `soundsdk data`."""

from __future__ import annotations

import json

import click

from soundsdk.commands.options import json_option
from soundsdk.commands.verb import Verb
from soundsdk.errors import CheckError
from soundsdk_train.commands.data_options import background_option, layout_option, training_fold_option


@click.command(
    "data",
    cls=Verb,
    examples=[
        "soundsdk data my_sounds",
        "soundsdk data my_sounds --background room --json | jq .duplicates",
        "soundsdk data UrbanSound8K --fold 10",
    ],
)
@click.argument("folder", type=click.Path(), metavar="DIR")
@layout_option
@training_fold_option
@background_option
@json_option
def data(folder: str, layout: str, fold: int | None, background: tuple[str, ...], as_json: bool) -> None:
    """Show what `soundsdk train` would find in a folder of recordings.

    Clips and minutes per class, and how they are divided; rates; what was passed over, and why; clips that are silent,
    clipped or there twice; classes that are next to empty. All sound is decoded once; what has not changed since is
    remembered. Exit code 6 if no detector can come of what is there, 1 if the folder cannot be read as a data set.
    """
    from soundsdk.progress import Progress
    from soundsdk_train.data_report import report_of
    from soundsdk_train.datasets import add_backgrounds, chosen_fold, scan
    from soundsdk_train.survey import survey

    dataset = scan(folder, layout)
    add_backgrounds(dataset, background)
    with Progress("reading") as progress:
        facts = survey([item.path for item in dataset.recordings], progress.update)
    report = report_of(dataset, chosen_fold(dataset, fold), facts, explicit=fold is not None)
    if as_json:
        click.echo(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        for line in report.lines():
            click.echo(line)
    if report.problem is not None:
        raise CheckError(report.problem.message, report.problem.hint)
