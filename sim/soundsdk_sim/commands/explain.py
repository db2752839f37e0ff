"""The verb `soundsdk explain`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from soundsdk.commands.options import json_option, model_option
from soundsdk.commands.verb import Verb
from soundsdk.errors import DataError


@click.command(
    cls=Verb,
    examples=[
        "soundsdk explain clip.wav",
        "soundsdk explain clip.wav --model siren.tflite --json | jq 'select(.type == \"verdict\")'",
    ],
)
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE")
@model_option
@json_option
def explain(path: Path, model: str | None, as_json: bool) -> None:
    """Show why each class did or did not fire on a recording.

    One sentence for every class: when it fired, or how much its score or its duration was short of the rule. Then,
    second by second, what the firmware's detector did with the scores. With --json: one object for the recording, one
    per step, and one per class.

    The recording is WAV, FLAC or OGG, of any rate and number of channels, and is heard from a cold start, as by
    `soundsdk sim`. Exit code 1 if it or the model cannot be used.
    """
    from soundsdk.models import load_model
    from soundsdk.recording.audio_file import read
    from soundsdk_sim.explain.report import explain_sound, json_objects, text_lines

    detector = load_model(model)
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    pcm = read(path, rate_hz)
    found = explain_sound(detector.data, pcm)
    if found is None:
        step_ms = 1000 * detector.step_samples / rate_hz
        raise DataError(
            f"{path} lasts {1000 * len(pcm) / rate_hz:.0f} ms, less than one step of {detector.name}"
            f" ({step_ms:g} ms and its window).",
            "Give a longer recording.",
        )
    if as_json:
        for one in json_objects(found, path.name):
            click.echo(json.dumps(one))
        return
    for line in text_lines(found, path.name):
        click.echo(line)
