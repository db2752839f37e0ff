"""One training run, from clips to a detector file: train, quantise, compare the engines, evaluate, write."""

from __future__ import annotations

import itertools
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata as packages
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundfw.settings import THRESHOLDS
from soundsdk.errors import DataError, UsageError
from soundsdk.labels import is_background
from soundsdk.whole_file import check_writable, write_results
from soundsdk_train import crnn, crnn_step, engine_check, export, quantize, tf_runtime, training_loop
from soundsdk_train.augment import Bank
from soundsdk_train.checkpoint import CheckpointFiles
from soundsdk_train.datasets import LabelledClip, data_hash, label_matrix, refuse_duplicates
from soundsdk_train.evaluation import clips as clip_evaluation
from soundsdk_train.evaluation.clip_metrics import Figures
from soundsdk_train.features import statistics
from soundsdk_train.judge import choose_judge
from soundsdk_train.negatives import negatives_for
from soundsdk_train.negatives.mixing import ChosenNegatives
from soundsdk_train.pretrained import transfer
from soundsdk_train.pretrained.reading import DetectorNetwork
from soundsdk_train.run_settings import RunSettings, check_settings
from soundsdk_train.training_bank import training_bank
from soundsdk_train.workers import Workers

# What fits a small board beside the firmware.
BUDGET = {"parameters": 60_000, "macs_per_second": 1_300_000, "file_bytes": 100_000, "arena_bytes": 24 * 1024}

_CALIBRATION_NEGATIVES = 16  # whose ranges the quantisation covers as well, of all kinds


@dataclass
class TrainedDetector:
    """A detector file, its figures on the test clips (None without any), and the record of the run."""

    data: bytes
    float_figures: Figures | None
    int8_figures: Figures | None
    record: dict[str, Any]


@dataclass
class FittedNetwork:
    """A trained network and what went into it."""

    network: training_loop.TrainedNetwork
    negatives: ChosenNegatives
    mixed_precision: bool


def fit_network(
    clips: Sequence[LabelledClip],
    labels: Sequence[str],
    settings: RunSettings,
    *,
    on_epoch: Callable[[training_loop.EpochReport], None] | None = None,
    on_stage: Callable[[str], None] = lambda text: None,
    pretrained: DetectorNetwork | None = None,
    checkpoints: CheckpointFiles | None = None,
    workers: Workers | None = None,
) -> FittedNetwork:
    """Train the network of a detector, after its teachers; the arguments and errors are those of train_detector."""
    check_settings(settings)
    _check_clips(clips, labels, settings)
    workers = workers or Workers()
    gpu = tf_runtime.use_mixed_precision_on_gpu()
    tf_runtime.seed_everything(settings.seed)

    negatives = negatives_for(labels, settings)
    on_stage(negatives.note)
    bank, validation = _bank(clips, labels, settings, negatives.clips)
    same = _without_epochs(settings), list(labels), data_hash(clips), negatives.digest
    if workers.count > 1:
        on_stage(f"waiting until all {workers.count} workers have their data")
        begins = pretrained.origin() if pretrained is not None else None
        lasts = settings.train.epochs, settings.teacher.epochs
        workers.agree(json.dumps([*same, begins, lasts], sort_keys=True))
    teachers = []
    for i in range(settings.teacher.count):
        on_stage(f"teacher {i + 1} of {settings.teacher.count}")
        form = crnn.widened(settings.model, settings.teacher.width, settings.teacher.dropout)
        trained = training_loop.fit(
            bank,
            settings,
            form,
            stage=f"teacher {i + 1}",
            epochs=settings.teacher.epochs,
            on_epoch=on_epoch,
            seed=settings.seed * 1000 + i + 1,
            checkpoint=checkpoints.of(f"teacher {i + 1}", *same) if checkpoints else None,
            workers=workers,
        )
        if trained.interrupted:
            raise KeyboardInterrupt
        trained.model.trainable = False
        teachers.append(trained.model)
    on_stage("training")
    fitting: dict[str, Any] = {"teachers": teachers, "validation": validation, "on_epoch": on_epoch, "workers": workers}
    if pretrained is not None:
        start = pretrained.origin()["sha256"]
        fitting["checkpoint_of"] = (lambda stage: checkpoints.of(stage, *same, start)) if checkpoints else None
        trained = transfer.transfer(bank, settings, pretrained, seed=settings.seed, **fitting)
    else:
        fitting["checkpoint"] = checkpoints.of("train", *same) if checkpoints else None
        trained = training_loop.fit(bank, settings, settings.model, seed=settings.seed, **fitting)
    return FittedNetwork(trained, negatives, gpu)


def train_detector(
    clips: Sequence[LabelledClip],
    test: Sequence[LabelledClip],
    labels: Sequence[str],
    settings: RunSettings,
    *,
    test_fold: int | None = None,
    on_epoch: Callable[[training_loop.EpochReport], None] | None = None,
    on_stage: Callable[[str], None] = lambda text: None,
    choose_thresholds: Callable[[bytes], dict[str, Any]] | None = None,
    sources: Mapping[str, str] | None = None,
    pretrained: DetectorNetwork | None = None,
    checkpoints: CheckpointFiles | None = None,
    workers: Workers | None = None,
) -> TrainedDetector:
    """Train a detector on clips and check it, without writing anything.

    clips need features (and may have strong labels); test clips also need pcm. labels: the model's classes, in order;
    for a sigmoid head a clip without any of them is a negative. on_stage is called as each stage begins, on_epoch after
    each epoch. choose_thresholds maps the INT8 file to entries of the metadata (detector, calibration); without it the
    thresholds of the run's settings hold. sources: recordings that scenes were mixed from, name -> SHA-256, for the
    record.
    pretrained: the network of a detector to start from, whose form settings.model has. checkpoints: where the state of
    the training is kept after each epoch, and read from to resume it. workers: the processes that train together, of
    which this is worker 0; the others call fit_network.
    Raises DataError, UsageError, TrainingError, or CheckError when an engine differs.
    """
    check_settings(settings)
    judge = choose_judge()
    refuse_duplicates(clips, test)
    fitted = fit_network(
        clips,
        labels,
        settings,
        on_epoch=on_epoch,
        on_stage=on_stage,
        pretrained=pretrained,
        checkpoints=checkpoints,
        workers=workers,
    )
    trained, negatives, width = fitted.network, fitted.negatives, settings.frontend.width

    on_stage("converting to INT8")
    shape = crnn_step.spec(settings.model, width, len(labels))
    weights = crnn_step.fold_weights(trained.model, shape)
    features = [_features(clip) for clip in clips]
    chosen = quantize.calibration_indices(label_matrix(clips, labels), settings.quantize.clips_per_class, settings.seed)
    heard = [_features(clip) for clip in negatives.clips[:: max(1, len(negatives.clips) // _CALIBRATION_NEGATIVES)]]
    converted = quantize.convert(weights, shape, [features[i] for i in chosen] + heard)

    test_labels = label_matrix(test, labels)
    metadata = _metadata(settings, labels, shape, clips, features, test_fold)
    if pretrained is not None:
        metadata["provenance"]["from"] = pretrained.origin()
    if trained.interrupted:
        metadata["provenance"]["interrupted"] = len(trained.losses)
    metadata["provenance"]["judge"] = str(judge)
    metadata["provenance"]["negatives"] = {"clips": len(negatives.clips), "data": negatives.digest}
    if choose_thresholds is not None:
        on_stage("choosing thresholds")
        metadata.update(choose_thresholds(export.pack_detector(converted, shape, metadata)))
    floats = None
    if test:
        # By the thresholds of the file, as the INT8 figures are: else these would differ by the thresholds alone.
        logits = training_loop.clip_logits(trained.model, [_features(clip) for clip in test], len(labels))
        floats = clip_evaluation.figures(metadata, test_labels, logits)
        metadata["provenance"]["float"] = floats.brief()
    data = export.pack_detector(converted, shape, metadata)
    on_stage(f"comparing with {judge.name}")
    compared = [_features(clip) for clip in test] or [features[i] for i in chosen]
    steps = engine_check.verify_apart(data, compared, judge)
    int8 = None
    if test:
        on_stage("evaluating")
        int8 = clip_evaluation.evaluate_clips(data, test)
        # The same weights once more, now with the figures in the metadata.
        metadata["provenance"]["int8"] = int8.brief()
        data = export.pack_detector(converted, shape, metadata)

    export.check_by_rules(data, settings.name)
    cost = crnn.cost(settings.model, width, len(labels), settings.frontend.rate_hz / settings.frontend.hop)
    record = {
        "settings": _settings_record(settings),
        "labels": list(labels),
        # Scenes follow from settings, seed and sources; provenance.data in the metadata is over the scenes themselves.
        "data": dict(sources) if sources else {clip.name: clip.sha256 for clip in clips},
        "negatives": negatives.note,
        "test_fold": test_fold,
        "test_data": {clip.name: clip.sha256 for clip in test},
        "cost": {**cost, "file_bytes": len(data), **_arena(data)},
        "training": {
            "losses": [round(x, 5) for x in trained.losses],
            "metrics": [round(x, 5) for x in trained.metrics],
            "epochs_kept": trained.best_epoch,
            "interrupted": trained.interrupted,
            "mixed_precision": fitted.mixed_precision,
        },
        "calibration_clips": [clips[i].name for i in chosen],
        "detector": metadata["detector"],
        "calibration": metadata.get("calibration"),
        "judge": {"name": judge.name, "version": judge.version, "steps_equal": steps},
        "float": floats.as_dict() if floats else None,
        "int8": int8.as_dict() if int8 else None,
        "versions": _versions(),
        "commit": commit(),
    }
    return TrainedDetector(data, floats, int8, record)


def write_detector(detector: TrainedDetector, out: str | Path) -> Path:
    """Write the detector file and `<name>.run.json` beside it; return the path of the latter.

    OutputError if they cannot be written there; it says where they are instead.
    """
    out = Path(out)
    record = record_path(out)
    hint = "Free space, and make it of the checkpoint beside it with --resume."
    # The record last: what has one, as a fold of crossval that is done, has the detector that it is of.
    write_results({out: detector.data, record: (json.dumps(detector.record, indent=1) + "\n").encode()}, hint)
    return record


def keep_measured(out: Path, record: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Copy a detector with figures, and its record, to NAME.previous before one that has none takes its place.

    Figures are those of a fold that was held out. say gets a note. OutputError if there is no room for the copies.
    """
    if record.get("test_fold") is not None:
        return
    try:
        record_of_it = json.loads(record_path(out).read_bytes())
        fold, figures = (record_of_it[key] for key in ("test_fold", "int8"))
    except (OSError, ValueError, LookupError, TypeError):
        return  # There is none, or it is of another tool.
    if fold is None or figures is None or not out.is_file():
        return
    say(
        f"note: {out} had been measured on fold {fold}, and this training held nothing out to measure on: the earlier "
        f"detector is {keep_previous(out).name} now"
    )


def keep_previous(out: Path) -> Path:
    """Copy a detector, and its record if it has one, to NAME.previous; return where. OutputError, OSError."""
    free = (out.with_name(f"{out.stem}.previous{number or ''}{out.suffix}") for number in itertools.count())
    kept = next(path for path in free if not path.exists() and not record_path(path).exists())
    both = ((out, kept), (record_path(out), record_path(kept)))
    write_results({to: path.read_bytes() for path, to in both if path.is_file()})
    return kept


def record_path(out: Path) -> Path:
    """Return where the record of the run that makes a detector file is kept."""
    return out.with_suffix(".run.json")


def check_output(out: str | Path) -> None:
    """Raise UsageError, before hours of training, if the model or its record could not be written.

    OutputError if the place cannot be written to.
    """
    out = Path(out)
    if out.suffix != ".tflite":
        raise UsageError(f"{out} does not end in .tflite.", "Name the model OUT.tflite.")
    longest = out.with_suffix(".fine-tuning.checkpoint.old")
    for path in (out, record_path(out), longest):
        check_writable(path, parents=True)


def over_budget(record: dict[str, Any]) -> list[str]:
    """List the bounds of a small board that the model exceeds, in words."""
    cost = record["cost"]
    return [f"{key} {cost[key]:,} > {most:,}" for key, most in BUDGET.items() if cost.get(key, 0) > most]


def commit() -> str | None:
    """Return the commit of the running code, None outside a git checkout; "-dirty" if training or core were changed."""
    root = Path(__file__).parents[2]

    def git(*args: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *args], capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()

    try:
        head = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "training", "firmware/cmodules")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}-dirty" if changed else head


def _check_clips(clips: Sequence[LabelledClip], labels: Sequence[str], settings: RunSettings) -> None:
    if not clips:
        raise DataError("there is nothing to train on.", "Give a folder with recordings.")
    if not labels:
        raise DataError("there is no label to learn.", "Leave a class that is not in data.negatives.")
    if settings.model.head == "softmax" and len(labels) < 2:
        raise DataError(
            f"a softmax head needs two classes or more, and there is {len(labels)}.",
            'Add a class of backgrounds, or use model.head = "sigmoid".',
        )
    matrix = label_matrix(clips, labels)
    for label, count in zip(labels, matrix.sum(0), strict=True):
        if count == 0:
            raise DataError(f"no clip to train on has the label {label}.", "Add recordings or drop the class.")
    named = np.array([not clip.pseudo for clip in clips])
    if settings.model.head == "softmax" and not (matrix[named].sum(1) == 1).all():
        raise DataError("a clip has no label or several.", 'Use model.head = "sigmoid" for such data.')


def _settings_record(settings: RunSettings) -> dict[str, Any]:
    """Return all settings; of files their names, since where they lay is of one machine."""
    out = settings.as_dict()
    for table, key in (("teacher_file", "file"), ("teacher_file", "class_map"), ("pretrained", "file")):
        out[table][key] = Path(out[table][key]).name
    return out


def _without_epochs(settings: RunSettings) -> dict[str, Any]:
    """Return the settings that a resumed run shares; the number of epochs may be less, to end where it stands."""
    out = settings.as_dict()
    for table in ("train", "teacher"):
        del out[table]["epochs"]
    return out


def _features(clip: LabelledClip) -> NDArray[np.int8]:
    if clip.features is None:
        raise DataError(f"{clip.name} has no features.", "Compute them with features.extract.")
    return clip.features


def _bank(
    clips: Sequence[LabelledClip], labels: Sequence[str], settings: RunSettings, negatives: Sequence[LabelledClip]
) -> tuple[Bank, Any]:
    """Return the training bank and, if the settings hold recordings back, their features and labels.

    All takes of one recording stay on the same side.
    """
    held: set[str] = set()
    if settings.train.validation > 0:
        sources = sorted({clip.source or clip.name for clip in clips if not clip.pseudo})
        order = np.random.default_rng(settings.seed).permutation(len(sources))
        held = {sources[i] for i in order[: max(1, round(settings.train.validation * len(sources)))]}
    kept = [clip for clip in clips if (clip.source or clip.name) not in held]
    out = [clip for clip in clips if (clip.source or clip.name) in held]
    if settings.model.head == "softmax":
        # What nobody labelled is beside the labelled recordings, however much of it there is.
        negatives = [*(clip for clip in kept if clip.pseudo), *negatives]
        kept = [clip for clip in kept if not clip.pseudo]
    bank = training_bank(kept, labels, settings, negatives)
    return bank, ([_features(c) for c in out], label_matrix(out, labels)) if out else None


def _metadata(
    settings: RunSettings,
    labels: Sequence[str],
    shape: crnn_step.StepSpec,
    clips: Sequence[LabelledClip],
    features: Sequence[NDArray[np.int8]],
    test_fold: int | None,
) -> dict[str, Any]:
    import soundcore

    d = settings.detector
    one = {"on": d.on, "off": d.off, "min_ms": d.min_ms, "hold_ms": d.hold_ms}
    provenance: dict[str, Any] = {
        "data": data_hash(clips),
        "clips": len(clips),
        "test_fold": test_fold,
        "seed": settings.seed,
        "commit": commit(),
        "versions": {k: v for k, v in _versions().items() if k != "platform"},
        "licence": settings.data.licence,
    }
    if settings.teacher_file.file:
        provenance["teacher"] = Path(settings.teacher_file.file).name
    return {
        "soundsdk": 1,
        "name": settings.name,
        "labels": list(labels),
        "head": settings.model.head,
        "frontend": {"version": soundcore.FRONTEND_VERSION, **asdict(settings.frontend)},
        **export.tensor_map(shape, settings.model.hop_frames),
        "detector": {
            "pool_ms": d.pool_ms,
            "classes": [_never(one) if is_background(label) else one for label in labels],
        },
        "reference": statistics(features),
        "provenance": provenance,
    }


def _never(rule: dict[str, int]) -> dict[str, int]:
    """Return thresholds by which the class of backgrounds of a softmax head, which is no event, does not fire."""
    highest = {key: most for key, _, _, most in THRESHOLDS}
    return {**rule, "on": highest["on"], "min_ms": highest["min_ms"]}


def _arena(data: bytes) -> dict[str, int]:
    import soundcore

    return {"arena_bytes": soundcore.Model(data).arena_size, "stream_bytes": soundcore.Stream(data).arena_size}


def _versions() -> dict[str, str]:
    out = {"python": platform.python_version()}
    for name in ("soundsdk", "tensorflow", "keras", "tflite-micro", "numpy", "soxr", "soundfile"):
        try:
            out[name] = packages.version(name)
        except packages.PackageNotFoundError:
            out[name] = "unknown"
    out["platform"] = f"{sys.platform} {platform.machine()}"
    return out
