"""The verb `soundsdk adopt`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from soundsdk.commands.options import Number, json_option, not_empty, output_option
from soundsdk.commands.verb import Verb
from soundsdk.errors import ModelError, OutputError, UsageError

_UNITS = ("soundsdk", "db", "ln", "log10")


@click.command(
    "adopt",
    cls=Verb,
    examples=[
        "soundsdk adopt keywords.tflite --labels yes,no,other -o keywords_sdk.tflite",
        "soundsdk adopt door.tflite --labels knock,bell --frontend bands=64,hop=320 --unit db -o door_sdk.tflite",
    ],
)
@click.argument("model", metavar="MODEL", callback=not_empty)
@click.option(
    "--labels", required=True, metavar="A,B,...", callback=not_empty,
    help="A label for each value of the model's output, in their order.",
)  # fmt: skip
@click.option(
    "--frontend", default=None, metavar="SETTINGS", callback=not_empty,
    help="The features it was trained on: KEY=NUMBER,... (rate_hz, window, hop, fft, bands, low_hz, high_hz, "
    "coefficients, floor_db, step_mdb), or a TOML file with a table [frontend]. Default: those of soundsdk train.",
)  # fmt: skip
@click.option(
    "--unit", type=click.Choice(_UNITS), default="soundsdk", show_default=True,
    help="The model's numbers: those of soundcore.Frontend / 32, or a band's level in dB, natural or decimal logarithm "
    "of its power; 0 dB is a full-scale sine.",
)  # fmt: skip
@click.option(
    "--offset", default=0.0, type=Number(-1e6, 1e6), metavar="X", help="Added to the level, in the model's numbers."
)
@click.option(
    "--head", type=click.Choice(("softmax", "sigmoid")), default=None,
    help="Say of a model that ends in logits whether exactly one label is true (softmax) or any number (sigmoid).",
)  # fmt: skip
@click.option(
    "--input", "entry", default=None, type=click.IntRange(0, 63), metavar="N",
    help="Number of the input that takes the features, from 0. Default: the one whose shape no output has.",
)  # fmt: skip
@click.option(
    "--hop-frames", default=None, type=click.IntRange(1, 4096), metavar="N",
    help="New frames of each step, for a model of a whole window. Default: a quarter of it.",
)  # fmt: skip
@click.option("--name", default=None, metavar="NAME", callback=not_empty, help="Its name. Default: that of the file.")
@output_option("The detector to write.")
@json_option
def adopt(
    model: str,
    labels: str,
    frontend: str | None,
    unit: str,
    offset: float,
    head: str | None,
    entry: int | None,
    hop_frames: int | None,
    name: str | None,
    output: Path,
    as_json: bool,
) -> None:
    """Make a detector of a TensorFlow Lite model that another tool has trained.

    MODEL is a .tflite file in int8 whose input is frames of log-mel bands or MFCCs. Float and uint8 conversions and the
    softmax or sigmoid at its ends are taken off. A model with states runs step by step; one of a whole window gets a
    state that makes the window slide. Both engines must agree in every byte before the file is written. Its thresholds
    are the defaults: `soundsdk calibrate` finds better ones.
    """
    from soundsdk.detector_file import MAX_BYTES, read_model
    from soundsdk.install.packages import need
    from soundsdk.whole_file import check_writable, write_results
    from soundsdk_train.adoption.adopt import Wish, check_labels, read_frontend, refused
    from soundsdk_train.adoption.adopt import adopt as make
    from soundsdk_train.training_run import record_path

    need("soundsdk adopt", "train")
    wish_labels, settings = check_labels(labels), read_frontend(frontend)
    path = Path(model)
    file = read_model(path)
    if file[4:8] != b"TFL3" or len(file) > MAX_BYTES:
        raise ModelError(f"{path} is no TensorFlow Lite file that a board could hold.", "Convert the model to .tflite.")
    if output.exists() and output.samefile(path):
        raise UsageError(f"{output} is the model itself.", "Name another file with -o.")
    check_writable(output, parents=True)
    wish = Wish(wish_labels, settings, name or output.stem, head, entry, unit, offset, hop_frames)
    try:
        made = make(file, wish)
    except ModelError as error:
        raise refused(error, str(path), wish.name) from error
    kept = _keep(output, made.detector.data)
    write_results({output: made.detector.data})
    if kept is not None:
        record_path(output).unlink(missing_ok=True)  # of the training of what was there; its copy is beside the other
    facts = {
        "output": str(output),
        "previous": str(kept) if kept is not None else None,
        "streams": made.streams,
        "window_frames": made.window_frames,
        "hop_frames": made.hop_frames,
        "head": made.detector.metadata["head"],
        "arena_bytes": made.detector.arena_bytes,
        "macs": made.detector.macs,
        "steps_compared": made.steps_compared,
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    if kept is not None:
        click.echo(f"note: the earlier detector is {kept.name} now", err=True)
    how = "carries its states from step to step" if made.streams else f"slides over {made.window_frames} frames"
    click.echo(f"{output}: {made.detector.name}, {how}, {made.hop_frames} new ones a step")
    click.echo(f"  {made.detector.arena_bytes:,} bytes of arena, {made.detector.macs:,} MACs a step")
    judge = made.detector.metadata["provenance"]["judge"]
    click.echo(f"  {made.steps_compared} steps are equal to {judge} in every byte")
    click.echo("  thresholds are the defaults: soundsdk calibrate finds better ones")


def _keep(path: Path, data: bytes) -> Path | None:
    """Copy another file at a path to NAME.previous, and return where; None if there is none."""
    from soundsdk_train.training_run import keep_previous

    try:
        return keep_previous(path) if path.is_file() and path.read_bytes() != data else None
    except OSError as error:
        raise OutputError(f"{path} cannot be kept: {error.strerror or error}.", "Name another file with -o.") from error
