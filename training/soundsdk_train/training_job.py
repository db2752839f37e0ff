"""One training as `soundsdk train` asks for it: prepared, run, measured, and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from soundsdk.errors import UsageError
from soundsdk.install.packages import need
from soundsdk.labels import counted
from soundsdk.whole_file import check_folder
from soundsdk_train import run_settings, settings_files, training_run
from soundsdk_train.checkpoint import CheckpointFiles
from soundsdk_train.datasets import Dataset, add_backgrounds, chosen_fold, scan, split
from soundsdk_train.evaluation.deployed_figures import DeployedFigures
from soundsdk_train.judge import choose_judge
from soundsdk_train.own_keras import own_keras
from soundsdk_train.preparation import (
    check_classes,
    check_data,
    check_work,
    choose_head,
    choose_start,
    load_split,
    open_teacher_file,
    scene_scorer,
    scene_thresholds_of,
)
from soundsdk_train.progress import TrainingDisplay
from soundsdk_train.training_run import TrainedDetector
from soundsdk_train.workers import Workers, check_addresses


@dataclass
class TrainingRequest:
    """The options of a training, by the names of the command line; None where the settings file decides."""

    data: str
    output: Path
    layout: str = "auto"
    fold: int | None = None  # 0: none, also where the data set comes with a test part
    background: Sequence[str] = ()
    config: str | None = None
    seed: int | None = None
    name: str | None = None
    epochs: int | None = None
    teacher: str | None = None
    unlabelled: Sequence[Path] = ()
    start: str | None = None
    tensorboard: str | None = None
    material: Sequence[str] = field(default_factory=tuple)
    resume: bool = False
    workers: Sequence[str] = ()
    worker: int = 0
    also_recorded: dict[str, Any] = field(default_factory=dict)  # entries of the record besides those of the training


@dataclass
class FinishedTraining:
    """A detector and where it was written; continuous: its figures on the held-out fold, None without one.

    notes: the notes and warnings of the training.
    """

    detector: TrainedDetector
    path: Path
    record: Path
    continuous: DeployedFigures | None
    notes: list[str] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """True if Ctrl-C ended the training: path is then not the one that was asked for."""
        return bool(self.detector.record["training"]["interrupted"])


class SaidNotes:
    """Lines that a training says, shown by a function, with the notes and warnings among them kept."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self.kept: list[str] = []

    def __call__(self, text: str) -> None:
        """Show a line, and keep it if it is a note or a warning."""
        self.through(self._show)(text)

    def through(self, show: Callable[[str], None]) -> Callable[[str], None]:
        """Return a function that shows otherwise, and keeps as this does."""

        def say(text: str) -> None:
            show(text)
            if text.startswith(("note: ", "warning: ")):
                self.kept.append(text)

        return say


def run_training(
    request: TrainingRequest,
    say: Callable[[str], None],
    *,
    show: bool = True,
    held_back: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> FinishedTraining | None:
    """Train a detector and write it; say gets notes about what is done. show: the progress of the epochs.

    held_back: makes a context in which no KeyboardInterrupt is raised before its end, for writing the detector and its
    record both or not at all.

    With request.workers several processes train it, each called with the same request but for its number; those other
    than worker 0 write nothing and return None.
    What Ctrl-C left unfinished goes to NAME.interrupted.tflite, so that a detector that is there already stays, and the
    checkpoint stays as well. The words of KeyboardInterrupt say what is kept. Raises what make_detector() raises,
    OutputError if nothing can be written, and UsageError if there is no checkpoint to resume from.
    """
    say = SaidNotes(say)
    checkpoints = CheckpointFiles(request.output, request.resume, say)
    if request.worker == 0:
        training_run.check_output(request.output)
        checkpoints.check()
    try:
        made = make_detector(request, say, checkpoints, show=show)
    except KeyboardInterrupt as interruption:
        raise KeyboardInterrupt(checkpoints.kept_words()) from interruption
    if made is None:
        return None
    detector, continuous = made
    done = FinishedTraining(detector, request.output, request.output, continuous, say.kept)
    if done.interrupted:
        done.path = request.output.with_suffix(".interrupted.tflite")
    try:
        with held_back():
            if not done.interrupted:
                training_run.keep_measured(done.path, detector.record, say)
            done.record = training_run.write_detector(detector, done.path)
            if not done.interrupted:
                checkpoints.remove()
    except KeyboardInterrupt as interruption:  # at the end of that context
        raise KeyboardInterrupt(f"{done.path} and its record are written.") from interruption
    return done


def make_detector(
    request: TrainingRequest, say: Callable[[str], None], checkpoints: CheckpointFiles | None, *, show: bool = True
) -> tuple[TrainedDetector, DeployedFigures | None] | None:
    """Train the detector of a request without writing it; return it with its figures on continuous sound.

    Those are of the held-out fold, None without one. A process that is not worker 0 returns None. checkpoints: where
    the state is kept after each epoch. show: the progress of the epochs. Raises what scan(), the settings and
    training_run.train_detector() raise, TrainingError if another worker does not come or is gone, and UsageError if
    this process runs Keras on something other than TensorFlow.
    """
    with own_keras():
        return _make(request, say, checkpoints, show)


def _make(
    request: TrainingRequest, say: Callable[[str], None], checkpoints: CheckpointFiles | None, show: bool
) -> tuple[TrainedDetector, DeployedFigures | None] | None:
    """Do what make_detector() says, with Keras' settings as training needs them."""
    if request.tensorboard is not None and request.worker == 0:
        check_folder(request.tensorboard)
    settings = settings_of(request)
    need_installed(settings.teacher_file.file)
    note = choose_judge().note()
    if note is not None and request.worker == 0:
        say(note)
    if request.workers:
        check_addresses(request.workers, request.worker)
        say(f"worker {request.worker} waits for {counted(len(request.workers) - 1, 'other')}")
    with Workers(request.workers, request.worker).together() as workers:
        return _train(request, settings, workers, checkpoints, say, show)


def _train(
    request: TrainingRequest,
    settings: run_settings.RunSettings,
    workers: Workers,
    checkpoints: CheckpointFiles | None,
    say: Callable[[str], None],
    show: bool,
) -> tuple[TrainedDetector, DeployedFigures | None] | None:
    """Do this process's share of the training; worker 0 finishes it."""
    dataset = scan(request.data, request.layout)
    add_backgrounds(dataset, request.background)
    fold = chosen_fold(dataset, request.fold)
    given = settings_files.tables_in(request.config)
    check_classes(dataset, settings)
    choose_head(dataset, settings, given)
    check_data(dataset, fold, settings, explicit=request.fold is not None, say=say)
    pretrained = choose_start(dataset, fold, settings, given, request.start, request.epochs)
    if settings.scenes.count and request.unlabelled:
        raise UsageError("--unlabelled does not go with [scenes].", "Put those recordings into a folder of --material.")
    distiller = None if settings.scenes.count else open_teacher_file(dataset, settings, request.unlabelled)
    clips, test, labels = load_split(dataset, fold, settings)
    files = split(dataset, fold)[0]
    sources = None
    if settings.scenes.count:
        from soundsdk_train.scene_data import make_scenes

        say(f"making {settings.scenes.count} scenes of {settings.scenes.seconds:g} s")
        made = make_scenes(files, request.material, settings, scene_scorer(settings))
        clips, labels, sources = made.clips, made.labels, made.sources
    if distiller is not None:
        from soundsdk_train.distillation.distil import distil

        distiller = distiller.for_labels(labels)
        clips = distil(distiller, clips, files, request.unlabelled, say)
    with TrainingDisplay(request.tensorboard if workers.first else None) if show else nullcontext() as display:
        fitting: dict[str, Any] = {"on_epoch": display.epoch, "on_stage": display.stage} if display else {}
        fitting |= {"pretrained": pretrained, "checkpoints": checkpoints, "workers": workers}
        noted = say
        if display:
            noted = say.through(display.stage) if isinstance(say, SaidNotes) else display.stage
        if not workers.first:
            training_run.fit_network(clips, labels, settings, **fitting)
            return None
        detector = training_run.train_detector(
            clips,
            test,
            labels,
            settings,
            test_fold=fold,
            choose_thresholds=_threshold_chooser(dataset, fold, settings, noted),
            sources=sources,
            **fitting,
        )
    if distiller is not None:
        detector.record["teacher_file"] = distiller.describe()
    detector.record.update(request.also_recorded)
    continuous = None
    if test:
        from soundsdk_train.evaluation.view import clip_figures

        continuous = clip_figures(detector.data, test)
        detector.record["deployed"] = continuous.as_dict()
    return detector, continuous


def need_installed(teacher: str | None, dask: bool = False) -> None:
    """Raise MissingPackageError with all that this training lacks, before anything is read.

    teacher: its file. dask: the cluster's workers train, and this process only asks them to.
    """
    if dask:
        need("a training on a Dask cluster", "dask")
        return
    need("training", "train", *(["onnx"] if (teacher or "").lower().endswith(".onnx") else []))


def settings_of(request: TrainingRequest) -> run_settings.RunSettings:
    """Return the settings of the file with those of the command line in their place."""
    settings = run_settings.read_settings(request.config)
    settings.name = request.name or settings.name or request.output.stem
    if request.seed is not None:
        settings.seed = request.seed
    if request.epochs is not None:
        settings.train.epochs = request.epochs
        settings.teacher.epochs = min(settings.teacher.epochs, request.epochs)
    settings.teacher_file.file = request.teacher or settings.teacher_file.file
    run_settings.check_settings(settings)
    check_work(settings)
    return settings


def _threshold_chooser(
    dataset: Dataset, fold: int | None, settings: run_settings.RunSettings, say: Callable[[str], None]
) -> Callable[[bytes], dict[str, Any]] | None:
    """Return what chooses the thresholds: validation scenes, or the calibration that every training does."""
    files = split(dataset, fold)[0]
    on_scenes = scene_thresholds_of(files, settings) if settings.scenes.count else None
    if on_scenes is not None or not settings.calibration.use:
        return on_scenes
    from soundsdk_train.calibration.by_default import calibrate_trained

    return partial(calibrate_trained, settings=settings.calibration, files=files, say=say)
