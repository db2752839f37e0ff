"""The verb `soundsdk mine`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from soundsdk.commands.options import Number, json_option, model_argument, output_option
from soundsdk.commands.verb import Verb
from soundsdk.errors import ModelError
from soundsdk.labels import counted


@click.command(
    "mine",
    cls=Verb,
    examples=[
        "soundsdk mine siren.tflite --audio nights -o my_sounds",
        "soundsdk mine siren.tflite --audio nights --audio street --min-score 0.5 --max 50 -o my_sounds",
    ],
)
@model_argument
@click.option(
    "--audio",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    metavar="DIR",
    help="Recordings to listen to, hours if there are. May be repeated.",
)
@click.option(
    "--min-score",
    type=Number(0.01, 1.0),
    default=0.3,
    show_default=True,
    metavar="P",
    help="Take scores from P on that gave no event as well.",
)
@click.option("--max", "most", type=click.IntRange(1), default=200, show_default=True, help="Take N clips at most.")
@click.option(
    "--max-per-source",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    metavar="N",
    help="Take N clips of one recording at most.",
)
@output_option("Folder of training data; the clips go to its class `background`.", folder=True)
@json_option
def mine(
    model: str,
    audio: tuple[Path, ...],
    min_score: float,
    most: int,
    max_per_source: int,
    output: Path,
    as_json: bool,
) -> None:
    """Find false alarms and near misses in long recordings, and cut them out as negatives to train on.

    MODEL is a .tflite file or a detector that comes with soundsdk; it runs as on a board, with its own thresholds.
    What the recordings truly hold is read from labels beside them: an Audacity label track of the same name, a DCASE
    table (.tsv) in the same folder, or a folder named after a label. Without labels nothing in them may be a sound to
    detect. Each clip begins 3 s before the highest score; the same sound is taken once, also over several runs.
    mined.tsv in the output folder lists the clips, their sources and scores.
    """
    from soundsdk.models.shipped import load_model
    from soundsdk.whole_file import check_folder
    from soundsdk_train.mining.mine import FOLDER, MiningLimits, event_labels
    from soundsdk_train.mining.mine import mine as mine_recordings
    from soundsdk_train.mining.sources import find_recordings

    detector = load_model(model)
    labels = event_labels(detector.metadata["labels"])
    if not labels:
        raise ModelError(f"{model} has no label that is an event.", "Give a detector of sounds.")
    check_folder(output)
    limits = MiningLimits(min_score, most, max_per_source)
    recordings = list(find_recordings(audio, labels, output / FOLDER))
    number = iter(range(1, len(recordings) + 1))

    def progress(name: str) -> None:
        click.echo(f"{next(number)} of {len(recordings)}: {name}", err=True)

    mined = mine_recordings(detector, recordings, output, limits, progress, partial(click.echo, err=True))
    if as_json:
        click.echo(
            json.dumps(
                {
                    "hours": round(mined.hours, 4),
                    "false_alarms": mined.false_alarms,
                    "alike": mined.alike,
                    "skipped": len(mined.unreadable),
                    "clips": [asdict(clip) for clip in mined.clips],
                }
            )
        )
        return
    recorded = counted(len(recordings), "recording")
    click.echo(f"{mined.hours:.2f} h of {recorded}: {counted(mined.false_alarms, 'false alarm')}")
    counts = Counter((clip.event_label, clip.kind) for clip in mined.clips)
    for (label, kind), count in sorted(counts.items()):
        click.echo(f"  {label}: {kind.replace('_', ' ')}, {count} taken")
    left = f", {mined.alike} left out that sound like others" if mined.alike else ""
    click.echo(f"{counted(len(mined.clips), 'clip')} in {output}{left}")
