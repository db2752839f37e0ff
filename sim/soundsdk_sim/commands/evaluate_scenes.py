"""The verb `soundsdk evaluate-scenes`: a detector's events against the truth of generated scenes."""

from __future__ import annotations

import json
from pathlib import Path

import click

from soundsdk.commands.number_list import NumberList
from soundsdk.commands.options import Number, json_option, model_argument
from soundsdk.commands.verb import Verb
from soundsdk.errors import CheckError, DataError
from soundsdk.labels import counted


@click.command(
    "evaluate-scenes",
    cls=Verb,
    examples=[
        "soundsdk evaluate-scenes home",
        "soundsdk evaluate-scenes siren.tflite --seeds 1-20 --data esc10 --fold 4",
    ],
)
@model_argument
@click.option("--seeds", type=NumberList(), default="8000-8007", show_default=True, help="One scene of each seed.")
@click.option("--seconds", type=Number(8, 600), default=60.0, show_default=True, help="Length of a scene.")
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Folder of recordings.")
@click.option("--fold", type=int, multiple=True, metavar="N", help="Use only this fold of the recordings; repeatable.")
@json_option
def evaluate_scenes(
    model: str, seeds: list[int], seconds: float, data: Path | None, fold: tuple[int, ...], as_json: bool
) -> None:
    """Measure a detector on generated scenes with known events.

    MODEL is a .tflite file, or one that comes with soundsdk, such as home or home_tiny.

    A detector of doorbells or knocks hears scenes of a front door, any other one scenes of alarms.
    Without --data all sound is synthetic; with a folder of ESC classes, backgrounds, barks and cries come from it.
    Prints every true and every false event. Exit code 0 if each alarm, doorbell and knock of 5 dB SNR or more is found
    on time and at most one event is false in all scenes together, else 6.
    """
    from soundsdk.models.shipped import load_model
    from soundsdk_sim.scenes import Recordings, scene_maker
    from soundsdk_sim.scenes.detection import ALLOWED_FALSE, detect_in_scenes, event_table, failures, labels_of, summary

    detector = load_model(model)
    try:
        recordings = Recordings.open(data, list(fold) or None) if data else None
    except OSError as error:
        raise DataError(f"{error}.", "Give a folder of class folders.") from error
    make = scene_maker(labels_of(detector.data))
    outcomes = detect_in_scenes(detector.data, (make(seed, seconds, recordings) for seed in seeds))
    missed, false = failures(outcomes)
    if as_json:
        scenes = [{"seed": seed, **outcome.as_dict()} for seed, outcome in zip(seeds, outcomes, strict=True)]
        click.echo(json.dumps({"model": detector.name, "missed": missed, "false": false, "scenes": scenes}))
    else:
        click.echo(event_table([str(seed) for seed in seeds], outcomes))
        click.echo(summary(outcomes))
    if missed or false > ALLOWED_FALSE:
        raise CheckError(
            f"{counted(missed, 'event')} missed or late (0 are allowed), {counted(false, 'event')} false "
            f"({ALLOWED_FALSE} is allowed).",
            "The output names each.",
        )
