"""The verb `soundsdk train`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from soundsdk.commands.options import config_option, data_option, fold_option, output_option, seed_option
from soundsdk.commands.verb import Verb
from soundsdk.errors import UsageError
from soundsdk.models.shipped import DEFAULT
from soundsdk.whole_file import check_folder
from soundsdk_train import run_settings
from soundsdk_train.checkpoint import CheckpointFiles
from soundsdk_train.datasets import LAYOUTS, Dataset, LabelledClip, LabelledFile, LoadedClips, load_clips, scan, split
from soundsdk_train.feature_cache import FeatureStore, code_version, key_of
from soundsdk_train.mixtures.material import Scorer
from soundsdk_train.pretrained.reading import DetectorNetwork
from soundsdk_train.waveform import variant_maker

if TYPE_CHECKING:
    from soundsdk_train.distillation.distil import Distiller


@click.command(
    "train",
    cls=Verb,
    examples=[
        "soundsdk train --data my_sounds -o siren.tflite",
        "soundsdk train --data my_sounds --fold 1 --seed 7 -o siren.tflite",
        "soundsdk train --data my_sounds --resume -o siren.tflite",
        "soundsdk train --data my_sounds --teacher yamnet.tflite --unlabelled long_recordings -o siren.tflite",
        "soundsdk train --data ten_clips --from home -o doorbell.tflite",
        "soundsdk train --data esc10 --config training/configs/esc10.toml -o esc10.tflite",
    ],
)
@data_option
@click.option("--layout", type=click.Choice(LAYOUTS), default="auto", show_default=True, help="Layout of the folder.")
@fold_option("Hold this fold out of training, and measure on it afterwards.")
@config_option
@seed_option
@click.option("--name", default=None, help="Name of the model in its metadata (default: the file's name).")
@click.option("--epochs", type=click.IntRange(1), metavar="N", help="Number of epochs, instead of the settings'.")
@click.option("--teacher", metavar="FILE", help="Learn from this model as well: .tflite, .onnx or SavedModel.")
@click.option(
    "--unlabelled",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="Recordings without labels, learned as the teacher hears them. May be repeated.",
)
@click.option(
    "--from",
    "start",
    default=None,
    metavar="MODEL",
    help="Start from the network of this detector, `none` for no one's (default: home if there are few recordings).",
)
@click.option("--tensorboard", type=click.Path(), default=None, metavar="DIR", help="Write TensorBoard logs to DIR.")
@click.option(
    "--material",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Add a folder of labelled folders to the scenes that [scenes] makes; may be repeated.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint beside FILE, where a training was cut off.")
@output_option("Detector file to write, such as siren.tflite.")
def train(
    data: str,
    layout: str,
    fold: int | None,
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
    output: Path,
) -> None:
    """Train a detector on a folder of recordings.

    Ctrl-C ends training early and keeps the best so far; a checkpoint beside the file is written after each epoch, from
    which --resume goes on, also after a crash, as if there had been none. The same seed on the same machine gives the
    same file. The file is written only if TensorFlow Lite Micro and soundcore agree on every byte of its output; a
    .run.json beside it records settings, data, versions and figures.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from soundsdk_train import training_run
    from soundsdk_train.scene_data import make_scenes

    training_run.check_output(output)
    if tensorboard is not None:
        check_folder(tensorboard)
    chosen = run_settings.read_settings(config)
    chosen.name = name or chosen.name or output.stem
    if seed is not None:
        chosen.seed = seed
    if epochs is not None:
        chosen.train.epochs = epochs
        chosen.teacher.epochs = min(chosen.teacher.epochs, epochs)
    chosen.teacher_file.file = teacher or chosen.teacher_file.file
    run_settings.check_settings(chosen)
    dataset = scan(data, layout)
    given = run_settings.tables_in(config)
    choose_head(dataset, chosen, given)
    pretrained = choose_start(dataset, fold, chosen, given, start, epochs)
    if chosen.scenes.count and unlabelled:
        raise UsageError("--unlabelled does not go with [scenes].", "Put those recordings into a folder of --material.")
    distiller = None if chosen.scenes.count else open_teacher_file(dataset, chosen, unlabelled)
    train_clips, test_clips, labels = load_split(dataset, fold, chosen)
    choose_thresholds = None
    sources: dict[str, str] | None = None
    if chosen.scenes.count:
        click.echo(f"making {chosen.scenes.count} scenes of {chosen.scenes.seconds:g} s", err=True)
        made = make_scenes(split(dataset, fold)[0], material, chosen, scene_scorer(chosen))
        train_clips, labels, sources = made.clips, made.labels, made.sources
        choose_thresholds = scene_thresholds_of(split(dataset, fold)[0], chosen)
    if choose_thresholds is None and chosen.calibration.use:
        from soundsdk_train.calibration.by_default import calibrate_trained

        say = partial(click.echo, err=True)
        choose_thresholds = partial(
            calibrate_trained, settings=chosen.calibration, files=split(dataset, fold)[0], say=say
        )

    if distiller is not None:
        from soundsdk_train.distillation.distil import distil

        distiller = distiller.for_labels(labels)
        files = split(dataset, fold)[0]
        train_clips = distil(distiller, train_clips, files, unlabelled, partial(click.echo, err=True))

    from soundsdk_train.progress import TrainingDisplay

    checkpoints = CheckpointFiles(output, resume)
    with TrainingDisplay(tensorboard) as display:
        detector = training_run.train_detector(
            train_clips,
            test_clips,
            labels,
            chosen,
            test_fold=fold,
            on_epoch=display.epoch,
            on_stage=display.stage,
            choose_thresholds=choose_thresholds,
            sources=sources,
            pretrained=pretrained,
            checkpoints=checkpoints,
        )
    if distiller is not None:
        detector.record["teacher_file"] = distiller.describe()
    if test_clips:
        from soundsdk_train.evaluation.view import clip_figures

        continuous = clip_figures(detector.data, test_clips)
        detector.record["deployed"] = continuous.as_dict()
    record = training_run.write_detector(detector, output)
    if detector.record["training"]["interrupted"]:
        click.echo("note: interrupted; the same command with --resume goes on from there", err=True)
    else:
        checkpoints.remove()
    cost = detector.record["cost"]
    click.echo(
        f"{output}: {cost['file_bytes']:,} bytes, {cost['parameters']:,} parameters, "
        f"{cost['arena_bytes']:,} bytes of arena, "
        f"{cost['macs_per_second']:,} MAC per second of audio"
    )
    for kind, figures in (("float", detector.float_figures), ("INT8", detector.int8_figures)):
        if figures is not None:
            click.echo(
                f"fold {fold}, {kind}: accuracy {figures.accuracy:.4f}, macro-F1 {figures.macro_f1:.4f}, "
                f"mAP {figures.mean_average_precision:.4f}"
            )
    if test_clips:
        from soundsdk_train.evaluation.tables import open_console, print_figures

        print_figures(open_console(), f"fold {fold}, on continuous sound as on the device", continuous)
    for line in training_run.over_budget(detector.record):
        click.echo(f"note: too large for a small board: {line}", err=True)
    click.echo(f"record of the run: {record}", err=True)


def choose_head(dataset: Dataset, settings: run_settings.RunSettings, given: Mapping[str, Any]) -> None:
    """Make the head one of events unless the settings file chose it: with a folder of backgrounds, or one label."""
    backgrounds = [label for label in dataset.labels if run_settings.is_background(label)]
    if "head" not in given.get("model", {}) and (backgrounds or len(dataset.labels) == 1):
        settings.model.head = "sigmoid"
        if backgrounds:
            click.echo(f"sounds without a label: {', '.join(backgrounds)}", err=True)


def choose_start(
    dataset: Dataset,
    fold: int | None,
    settings: run_settings.RunSettings,
    given: Mapping[str, Any],
    start: str | None = None,
    epochs: int | None = None,
) -> DetectorNetwork | None:
    """Return the network to start from: of --from, of the settings file or, with few recordings, of home.

    The settings become those of such a training. given: the tables of the settings file.
    """
    from soundsdk_train.pretrained.choice import FEW, TABLES, few_recordings, start_from

    name = start or settings.pretrained.file
    if name in ("none", "scratch"):
        return None
    if name and epochs is not None:
        raise UsageError("--epochs is of a training from scratch.", "Use --from none, or set [pretrained] steps.")
    if not name:
        chosen = settings.teacher_file.file or epochs is not None or any(table in given for table in TABLES)
        if chosen or not few_recordings(split(dataset, fold)[0], labels_to_learn(dataset, settings)):
            return None
        name = DEFAULT
        few = f"fewer than {FEW} recordings per label"
        click.echo(f"{few}: training starts from {name}'s network (--from none: from scratch)", err=True)
    return start_from(name, settings, own_thresholds="detector" in given)


def open_teacher_file(
    dataset: Dataset, settings: run_settings.RunSettings, unlabelled: Sequence[Path]
) -> Distiller | None:
    """Load the teacher before the recordings, so that what is wrong with it shows at once; None without one."""
    if not settings.teacher_file.file:
        if unlabelled:
            raise UsageError("unlabelled recordings need a teacher.", "Give one with --teacher, such as YAMNet.")
        return None
    from soundsdk_train.distillation.distil import open_distiller

    for folder in unlabelled:
        if not folder.exists():
            raise UsageError(f"there is no folder {folder}.", "Give a folder of recordings.")
    return open_distiller(labels_to_learn(dataset, settings), settings)


def labels_to_learn(dataset: Dataset, settings: run_settings.RunSettings) -> list[str]:
    """Return the labels of a detector. A folder of backgrounds is never an event; only softmax needs a class for it."""
    labels = [label for label in dataset.labels if label not in settings.data.negatives]
    if settings.model.head == "softmax":
        return labels
    return [label for label in labels if not run_settings.is_background(label)]


def load_split(
    dataset: Dataset, test_fold: int | None, settings: run_settings.RunSettings
) -> tuple[list[LabelledClip], list[LabelledClip], list[str]]:
    """Decode both sides of a split and report what was skipped; returns training clips, test clips and labels."""
    train_files, test_files = split(dataset, test_fold)
    labels = labels_to_learn(dataset, settings)
    hop_frames = settings.model.hop_frames
    variants = variant_maker(len(train_files), settings.frontend, settings.waveform, settings.seed, hop_frames)
    made_by = [dataclasses.asdict(settings.frontend), hop_frames, None]
    if variants is not None:
        made_by[2] = [dataclasses.asdict(settings.waveform), settings.seed, variants.keywords["count"]]
    store = FeatureStore(key_of(made_by, code_version()), settings.frontend.width)
    loaded = load_clips(
        train_files, settings.frontend, hop_frames, keep_pcm=False, make_variants=variants, store=store
    )
    tested = load_clips(test_files, settings.frontend, hop_frames) if test_files else LoadedClips()
    skipped = loaded.unreadable + tested.unreadable
    for _, reason in skipped:
        click.echo(f"skipped: {reason}", err=True)
    if skipped:
        click.echo(f"{len(skipped)} of {len(train_files) + len(test_files)} files skipped", err=True)
    folds = "none held out" if test_fold is None else f"fold {test_fold} held out: {len(tested.clips)} clips"
    click.echo(f"{len(loaded.clips)} clips of {len(dataset.labels)} classes to train on, {folds}", err=True)
    click.echo(f"features are kept in {store.path}", err=True)
    return loaded.clips, tested.clips, labels


def scene_scorer(settings: run_settings.RunSettings) -> Scorer | None:
    """Return what the teacher file of the settings hears of the scenes' labels; None without one."""
    from soundsdk_train.distillation.class_map import label_map
    from soundsdk_train.distillation.score_cache import ScoreCache
    from soundsdk_train.distillation.teacher import open_teacher
    from soundsdk_train.mixtures.material import LabelScores

    chosen, labels = settings.teacher_file, settings.scenes.labels
    if not chosen.file:
        return None
    teacher = open_teacher(chosen.file, chosen)
    classes = label_map(labels, chosen.map, teacher.names, teacher.classes, chosen.combine)
    cache = ScoreCache(teacher)

    def score(pcm: NDArray[np.int16]) -> LabelScores:
        heard = cache.hear(pcm)
        return LabelScores(classes.apply(heard.values), heard.hop_s, teacher.window_s)

    return score


def scene_thresholds_of(
    files: Sequence[LabelledFile], settings: run_settings.RunSettings
) -> Callable[[bytes], dict[str, Any]] | None:
    """Return what chooses the thresholds on validation scenes; None if the settings ask for no such scenes."""
    from soundsdk_train.calibration import on_scenes

    if not settings.scenes.validation:
        return None

    def choose_thresholds(model: bytes) -> dict[str, Any]:
        scenes = on_scenes.validation_scenes(settings.scenes.validation, on_scenes.recordings_of(files))
        return {"detector": on_scenes.choose_thresholds(model, scenes)}

    return choose_thresholds
