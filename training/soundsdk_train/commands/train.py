"""The verb `soundsdk train`."""

from __future__ import annotations

import hashlib
import json
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from soundsdk.commands.options import json_option, not_empty, output_option, seed_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.detector_file import from_bytes
from soundsdk.errors import UsageError
from soundsdk_train.commands.data_options import training_fold_option
from soundsdk_train.commands.training_options import training_options

if TYPE_CHECKING:
    from soundsdk_train.training_job import FinishedTraining

STOPPING = "stopping; what is trained so far is kept, which can take a minute. Ctrl-C twice more ends at once."


@click.command(
    "train",
    cls=Verb,
    examples=[
        "soundsdk train --data my_sounds -o doorbell.tflite     # my_sounds/doorbell, my_sounds/background",
        "soundsdk train --data my_sounds --background room_recordings -o doorbell.tflite",
        "soundsdk train --data my_sounds --fold 1 --seed 7 -o siren.tflite",
        "soundsdk train --data my_sounds --resume -o siren.tflite",
        "soundsdk train --data my_sounds --teacher yamnet.tflite --unlabelled long_recordings -o siren.tflite",
        "soundsdk train --data ten_clips --from home -o doorbell.tflite",
        "soundsdk train --data esc10 --config esc10 -o esc10.tflite",
        "soundsdk train --data esc10 --workers one:4700,two:4700 --worker 1 -o esc10.tflite",
    ],
)
@training_options
@training_fold_option
@seed_option
@click.option(
    "--name", default=None, callback=not_empty, help="Name of the model in its metadata (default: the file's name)."
)
@click.option("--tensorboard", type=click.Path(), default=None, metavar="DIR", help="Write TensorBoard logs to DIR.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint beside FILE, where a training was cut off.")
@click.option(
    "--workers",
    metavar="HOST:PORT,...",
    help="Train in as many processes together, each started with the same command but for --worker.",
)
@click.option("--worker", type=click.IntRange(0), metavar="N", help="Number of this one in --workers, from 0.")
@json_option
@output_option("Detector file to write, such as siren.tflite.")
@pass_surroundings
def train(
    surroundings: Surroundings,
    data: str,
    layout: str,
    fold: int | None,
    background: tuple[str, ...],
    config: str | None,
    seed: int | None,
    name: str | None,
    epochs: int | None,
    teacher: str | None,
    unlabelled: tuple[Path, ...],
    start: str | None,
    tensorboard: str | None,
    material: tuple[str, ...],
    resume: bool,
    workers: str | None,
    worker: int | None,
    as_json: bool,
    output: Path,
) -> None:
    """Train a detector on a folder of recordings.

    It says first what it found, as `soundsdk data` does. A class named background, noise, silence, other or negative
    is never an event. A folder that comes with a test part has it held out.

    A checkpoint beside the file is written after each epoch, from which --resume goes on, also after a crash, as if
    there had been no end. Ctrl-C ends training early: the best so far goes to NAME.interrupted.tflite, a NAME.tflite
    that is there stays, and the exit code is 130; the third Ctrl-C ends at once. The same seed on the same machine
    gives the same file. The file is written only if TensorFlow Lite Micro and soundcore agree on every byte of its
    output; a .run.json beside it records settings, data, versions and figures. A file that a fold measured is kept as
    NAME.previous.tflite if the new one holds nothing out.

    With --json, standard output is one object: the file, its SHA-256, labels, thresholds, cost, figures, warnings and
    seconds; progress stays on standard error.

    With --workers, each process computes its part of every batch, on its GPU if there is one; worker 0 writes. If one
    does not come within two minutes, or is lost, the others end with exit code 1, and the checkpoint stays.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2" if workers is None else "3")
    if worker is not None and workers is None:
        raise UsageError("--worker goes with --workers.", "Give the addresses of all workers.")
    if worker is None and workers is not None:
        raise UsageError(
            "--workers needs --worker, the number of this one.", "Give each process its own, beginning with --worker 0."
        )
    from soundsdk_train.training_job import TrainingRequest, run_training

    request = TrainingRequest(
        data,
        output,
        layout=layout,
        fold=fold,
        background=background,
        config=config,
        seed=seed,
        name=name,
        epochs=epochs,
        teacher=teacher,
        unlabelled=unlabelled,
        start=start,
        tensorboard=tensorboard,
        material=material,
        resume=resume,
        workers=workers.split(",") if workers else (),
        worker=worker or 0,
    )
    surroundings.signals.at_once = STOPPING
    begun = time.monotonic(), time.process_time()
    done = run_training(request, partial(click.echo, err=True), held_back=surroundings.signals.held_back)
    if done is None:
        click.echo(f"done; worker 0 writes {output}", err=True)
        if as_json:
            click.echo(json.dumps({"file": None, "worker": request.worker}))
        return
    warnings = _warnings(done)
    if as_json:
        seconds, processor_s = time.monotonic() - begun[0], time.process_time() - begun[1]
        times = {"seconds": round(seconds, 1), "processor_seconds": round(processor_s, 1)}
        click.echo(json.dumps({**_result(done), "warnings": [*done.notes, *warnings], "times": times}))
    else:
        _show(done)
    for line in warnings:
        click.echo(line, err=True)
    click.echo(f"record of the run: {done.record}", err=True)
    if done.interrupted:
        click.echo(f"{done.path} is what was trained so far", err=True)
        raise KeyboardInterrupt(f"The same command with --resume goes on to {output}.")


def _result(done: FinishedTraining) -> dict[str, Any]:
    """Return what was made, for a program: the file and what it holds, and the figures of the held-out fold."""
    record, metadata = done.detector.record, from_bytes(done.detector.data, done.path).metadata
    return {
        "file": str(done.path),
        "record": str(done.record),
        "interrupted": done.interrupted,
        "sha256": hashlib.sha256(done.detector.data).hexdigest(),
        "name": metadata["name"],
        "labels": metadata["labels"],
        "detector": metadata["detector"],
        "calibration": metadata.get("calibration"),
        "provenance": metadata["provenance"],
        "cost": record["cost"],
        "training": {**record["training"], "epochs": len(record["training"]["losses"])},
        "fold": record["test_fold"],
        "float": record["float"],
        "int8": record["int8"],
        "deployed": record.get("deployed"),
    }


def _warnings(done: FinishedTraining) -> list[str]:
    """Return what is too large for a small board, what cannot fire, and the boards that cannot hold the detector."""
    from soundsdk.models.fit import misfits
    from soundsdk.models.reachability import unreachable_classes
    from soundsdk_train.training_run import over_budget

    written = from_bytes(done.detector.data, done.path)
    return [
        *(f"note: too large for a small board: {line}" for line in over_budget(done.detector.record)),
        *(f"warning: {line}" for line in (*map(str, unreachable_classes(written)), *misfits(written))),
    ]


def _show(done: FinishedTraining) -> None:
    """Print cost and figures."""
    cost, fold = done.detector.record["cost"], done.detector.record["test_fold"]
    click.echo(
        f"{done.path}: {cost['file_bytes']:,} bytes, {cost['parameters']:,} parameters, "
        f"{cost['arena_bytes']:,} bytes of arena, "
        f"{cost['macs_per_second']:,} MAC per second of audio"
    )
    for kind, figures in (("float", done.detector.float_figures), ("INT8", done.detector.int8_figures)):
        if figures is not None:
            click.echo(f"fold {fold}, {kind}: {figures.words()}")
    if done.continuous is not None:
        from soundsdk_train.evaluation.tables import open_console, print_figures

        title = f"fold {fold}, on continuous sound as on the device"
        print_figures(open_console(), title, done.continuous, onsets_known=False)
