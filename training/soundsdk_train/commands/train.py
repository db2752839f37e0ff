"""The verb `soundsdk train`: a folder of recordings in, one detector file out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from soundsdk_train import run_settings
from soundsdk_train.datasets import LAYOUTS, Dataset, LabelledClip, LabelledFile, LoadedClips, load, scan, split


@click.command("train")
@click.option("--data", required=True, type=click.Path(), help="Folder of recordings.")
@click.option("--layout", type=click.Choice(LAYOUTS), default="auto", show_default=True, help="How it is laid out.")
@click.option("--test-fold", type=int, default=None, help="Fold held out of training and measured afterwards.")
@click.option("--config", type=click.Path(), default=None, help="TOML file of settings, as in training/configs.")
@click.option("--seed", type=int, default=None, help="Same seed, same machine: same file.")
@click.option("--name", default=None, help="Name of the model in its metadata; by default that of the file.")
@click.option("--epochs", type=int, default=None, help="Instead of train.epochs of the settings.")
@click.option("--tensorboard", type=click.Path(), default=None, help="Write TensorBoard logs to this folder.")
@click.option("-o", "--out", required=True, type=click.Path(), help="Detector file to write, OUT.tflite.")
def train(
    data: str,
    layout: str,
    test_fold: int | None,
    config: str | None,
    seed: int | None,
    name: str | None,
    epochs: int | None,
    tensorboard: str | None,
    out: str,
) -> None:
    """Train a detector on a folder of recordings.

    Ctrl-C ends training early and keeps the best so far. The file is written only if TensorFlow Lite Micro and
    soundcore agree on every byte of its output; OUT.run.json beside it records settings, data, versions and figures.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from soundsdk_train import training_run

    training_run.check_output(out)
    chosen = run_settings.load(config)
    chosen.name = name or chosen.name or Path(out).stem
    if seed is not None:
        chosen.seed = seed
    if epochs is not None:
        chosen.train.epochs = epochs
        chosen.teacher.epochs = min(chosen.teacher.epochs, epochs)
    run_settings.check(chosen)
    dataset = scan(data, layout)
    train_clips, test_clips, labels = load_split(dataset, test_fold, chosen)
    choose_thresholds = None
    if chosen.scenes.count:
        click.echo(f"making {chosen.scenes.count} scenes of {chosen.scenes.seconds:g} s", err=True)
        train_clips, labels, choose_thresholds = add_scenes(train_clips, split(dataset, test_fold)[0], chosen)

    from soundsdk_train.progress import TrainingDisplay

    with TrainingDisplay(tensorboard) as display:
        detector = training_run.train_detector(
            train_clips,
            test_clips,
            labels,
            chosen,
            test_fold=test_fold,
            on_epoch=display.epoch,
            on_stage=display.stage,
            choose_thresholds=choose_thresholds,
        )
    record = training_run.write_detector(detector, out)
    cost = detector.record["cost"]
    click.echo(
        f"{out}: {cost['file_bytes']:,} bytes, {cost['parameters']:,} parameters, "
        f"{cost['arena_bytes']:,} bytes of arena, "
        f"{cost['macs_per_second']:,} MAC per second of audio"
    )
    for kind, figures in (("float", detector.float_figures), ("INT8", detector.int8_figures)):
        if figures is not None:
            click.echo(
                f"fold {test_fold}, {kind}: accuracy {figures.accuracy:.4f}, macro-F1 {figures.macro_f1:.4f}, "
                f"mAP {figures.mean_average_precision:.4f}"
            )
    for line in training_run.over_budget(detector.record):
        click.echo(f"note: larger than a small board likes: {line}", err=True)
    click.echo(f"record of the run: {record}", err=True)


def load_split(
    dataset: Dataset, test_fold: int | None, settings: run_settings.RunSettings
) -> tuple[list[LabelledClip], list[LabelledClip], list[str]]:
    """Decode both sides of a split and report what was skipped; returns training clips, test clips and labels."""
    train_files, test_files = split(dataset, test_fold)
    labels = [label for label in dataset.labels if label not in settings.data.negatives]
    loaded = load(train_files, settings.frontend, settings.model.hop_frames, keep_pcm=False)
    tested = load(test_files, settings.frontend, settings.model.hop_frames) if test_files else LoadedClips()
    skipped = loaded.unreadable + tested.unreadable
    for _, reason in skipped:
        click.echo(f"skipped: {reason}", err=True)
    if skipped:
        click.echo(f"{len(skipped)} of {len(train_files) + len(test_files)} files skipped", err=True)
    folds = "none held out" if test_fold is None else f"fold {test_fold} held out: {len(tested.clips)} clips"
    click.echo(f"{len(loaded.clips)} clips of {len(dataset.labels)} classes to train on, {folds}", err=True)
    return loaded.clips, tested.clips, labels


def add_scenes(
    clips: Sequence[LabelledClip], files: Sequence[LabelledFile], settings: run_settings.RunSettings
) -> tuple[list[LabelledClip], list[str], Callable[[bytes], dict[str, Any]] | None]:
    """Return clips and labels with generated scenes added, and what chooses the thresholds; None without validation."""
    from soundsdk_train import scene_data, scene_thresholds

    material = scene_data.recordings_of(files)
    with_scenes, labels = scene_data.add_scenes(clips, material, settings)
    if not settings.scenes.validation:
        return with_scenes, labels, None

    def choose_thresholds(model: bytes) -> dict[str, Any]:
        scenes = scene_thresholds.validation_scenes(settings.scenes.validation, material)
        return scene_thresholds.choose_thresholds(model, scenes)

    return with_scenes, labels, choose_thresholds
