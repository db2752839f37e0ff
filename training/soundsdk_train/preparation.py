"""Preparation of a training: its head, the network to start from, its teacher, decoded clips."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from soundsdk.detector_file import MOST_MACS_PER_SECOND
from soundsdk.errors import UsageError
from soundsdk.labels import counted, is_background, meant, printable
from soundsdk.models.shipped import DEFAULT
from soundsdk.recording.skipped import SkippedFiles
from soundsdk_train import run_settings
from soundsdk_train.data_report import report_of, without_silence
from soundsdk_train.datasets import Dataset, LabelledClip, LabelledFile, LoadedClips, load_clips, split
from soundsdk_train.feature_cache import FeatureStore, code_version, key_of
from soundsdk_train.mixtures.material import Scorer
from soundsdk_train.pretrained.reading import DetectorNetwork
from soundsdk_train.survey import survey
from soundsdk_train.waveform import variant_maker

if TYPE_CHECKING:
    from soundsdk_train.distillation.distil import Distiller


def choose_head(dataset: Dataset, settings: run_settings.RunSettings, given: Mapping[str, Any]) -> None:
    """Make the head one of events unless the settings file chose it: with a folder of backgrounds, or one label."""
    backgrounds = [label for label in dataset.labels if is_background(label)]
    if "head" not in given.get("model", {}) and (backgrounds or len(dataset.labels) == 1):
        settings.model.head = "sigmoid"
        if backgrounds:
            click.echo(f"sounds without a label: {', '.join(backgrounds)}", err=True)


def check_classes(dataset: Dataset, settings: run_settings.RunSettings) -> None:
    """Raise UsageError for a class in data.negatives that the recordings do not have: it would be an event."""
    for label in settings.data.negatives:
        if label not in dataset.labels:
            raise UsageError(
                f"data.negatives names {printable(label)}, and the recordings have no such class.",
                f"{meant(label, dataset.labels)}They have {', '.join(dataset.labels) or 'none'}.",
            )


def check_work(settings: run_settings.RunSettings) -> None:
    """Raise UsageError for a network that no board could run, whatever it learned."""
    from soundsdk_train.crnn import cost

    frames_per_second = settings.frontend.rate_hz / settings.frontend.hop
    work = cost(settings.model, settings.frontend.width, 1, frames_per_second)["macs_per_second"]
    if work > MOST_MACS_PER_SECOND:
        raise UsageError(
            f"the network of [model] multiplies {work:.2g} times for a second of sound, more than any board can.",
            "Use fewer filters, or longer strides.",
        )


def check_data(
    dataset: Dataset,
    fold: int | None,
    settings: run_settings.RunSettings,
    *,
    explicit: bool,
    say: Callable[[str], None],
) -> None:
    """Say what was found, and refuse what no detector can come of: first without reading sound, then with it.

    Silent recordings of events are taken out of the data set. explicit: the user named the fold. Scenes, whose labels
    are those of the settings, are neither refused nor read. Raises DataError.
    """
    report = report_of(dataset, fold, explicit=explicit)
    for line in report.listed_lines():
        say(line)
    if settings.scenes.count:
        return
    if report.problem is not None:
        raise report.problem
    facts = survey([item.path for item in dataset.recordings])
    heard = report_of(dataset, fold, facts, explicit=explicit)
    heard.unreadable = []  # they are named when they are to be trained on
    for line in heard.sound_lines():
        say(line)
    if heard.problem is not None:
        raise heard.problem
    if gone := without_silence(dataset, facts):
        say(f"not learned from: {counted(len(gone), 'silent clip')} of events")


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
        raise UsageError(
            f"--epochs is of a training from scratch, and this one starts from {name}.",
            "Use --from none, or set head_steps and tuned_steps of [pretrained].",
        )
    if not name:
        if not few_recordings(split(dataset, fold)[0], labels_to_learn(dataset, settings)):
            return None
        few = f"fewer than {FEW} recordings per label"
        scratch = ["--epochs"] if epochs is not None else []
        scratch += ["a teacher"] if settings.teacher_file.file else []
        scratch += [f"[{table}]" for table in TABLES if table in given and not (table == "teacher_file" and scratch)]
        if scratch:
            why = f"training starts from scratch, as {' and '.join(scratch)} asks for"
            click.echo(f"note: {few}, but {why}; --from {DEFAULT} starts from {DEFAULT}'s network", err=True)
            return None
        name = DEFAULT
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
    return [label for label in labels if not is_background(label)]


def load_split(
    dataset: Dataset, test_fold: int | None, settings: run_settings.RunSettings
) -> tuple[list[LabelledClip], list[LabelledClip], list[str]]:
    """Decode both sides of a split and report what was skipped; returns training clips, test clips and labels."""
    train_files, test_files = split(dataset, test_fold)
    labels = labels_to_learn(dataset, settings)
    hop_frames = settings.model.hop_frames
    variants = None
    if not settings.scenes.count:  # scenes take the place of the clips, and vary the sound themselves
        variants = variant_maker(len(train_files), settings.frontend, settings.waveform, settings.seed, hop_frames)
    made_by = [dataclasses.asdict(settings.frontend), hop_frames, None]
    if variants is not None:
        made_by[2] = [dataclasses.asdict(settings.waveform), settings.seed, variants.keywords["count"]]
    store = FeatureStore(key_of(made_by, code_version()), settings.frontend.width)
    loaded = load_clips(train_files, settings.frontend, hop_frames, keep_pcm=False, make_variants=variants, store=store)
    tested = load_clips(test_files, settings.frontend, hop_frames) if test_files else LoadedClips()
    skipped = SkippedFiles(partial(click.echo, err=True))
    for _, reason in loaded.unreadable + tested.unreadable:
        skipped(reason)
    skipped.finish(len(loaded.clips) + len(tested.clips))
    folds = "none held out" if test_fold is None else f"fold {test_fold} held out: {counted(len(tested.clips), 'clip')}"
    classes = counted(len(dataset.labels), "class", "classes")
    click.echo(f"{counted(len(loaded.clips), 'clip')} of {classes} to train on, {folds}", err=True)
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
        recordings = on_scenes.recordings_of(files)
        scenes = on_scenes.validation_scenes(settings.scenes.validation, settings.scenes.labels, recordings)
        return {"detector": on_scenes.choose_thresholds(model, scenes)}

    return choose_thresholds
