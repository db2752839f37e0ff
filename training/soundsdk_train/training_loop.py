"""The training loop: batches in, averaged weights out."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soundsdk.detector_file import FEATURE_SCALE
from soundsdk.errors import UsageError
from soundsdk_train import losses
from soundsdk_train.augment import Augmenter, Bank, Batch
from soundsdk_train.checkpoint import Checkpoint, Snapshot, TrainingError
from soundsdk_train.crnn import build
from soundsdk_train.run_settings import ModelSettings, RunSettings, TrainSettings
from soundsdk_train.workers import Workers, summed

# A loss of so many times that of an untrained network, in two epochs or in the last, is that of no training.
_MOST_LOSS = 5.0

F32 = NDArray[np.float32]


@dataclass
class EpochReport:
    """Loss, metric and time left after one epoch."""

    stage: str
    epoch: int
    epochs: int
    loss: float
    metric: float  # share of right labels; with recordings held back, accuracy or mean average precision on those
    seconds_left: float | None  # of this stage; None while only its first batch is done, which compiles the step


@dataclass
class TrainedNetwork:
    """A trained network, its history and the epoch whose weights it has."""

    model: Any  # keras.Model
    losses: list[float] = field(default_factory=list)
    metrics: list[float] = field(default_factory=list)
    interrupted: bool = False
    best_epoch: int = 0


def pool(outputs: Any, classes: int) -> Any:
    """Return the attention-weighted mean over time: (batch, steps, classes + attentions) -> (batch, classes)."""
    import tensorflow as tf

    weights = tf.nn.softmax(outputs[..., classes:], axis=1)
    return tf.reduce_sum(weights * outputs[..., :classes], axis=1)


def fit(
    bank: Bank,
    settings: RunSettings,
    network: ModelSettings,
    *,
    model: Any = None,
    stage: str = "train",
    epochs: int | None = None,
    steps: int | None = None,
    teachers: Sequence[Any] = (),
    validation: tuple[Sequence[NDArray[np.int8]], F32] | None = None,
    on_epoch: Callable[[EpochReport], None] | None = None,
    seed: int = 1,
    checkpoint: Checkpoint | None = None,
    workers: Workers | None = None,
) -> TrainedNetwork:
    """Train a network of the given form on a bank of clips.

    model: the network to start from, of which only what is trainable changes; None builds one. steps: batches in all,
    instead of epochs, rounded up to whole epochs.
    teachers: Keras models of the same classes; their mean prediction is learned beside the labels.
    validation: features and labels of recordings held back; the best epoch by them is kept, else the last.
    Ctrl-C ends training early and keeps the best so far. checkpoint: where the state is kept after each epoch and, to
    resume a run, read from; a run interrupted at any epoch ends as one that was not.
    workers: the processes that train together, each of which calls this with the same arguments and has a part of every
    batch; the weights are those of one process up to rounding. Only worker 0 writes checkpoints, and they all resume
    from its.
    Raises TrainingError if the loss or a weight is not finite, the loss stays far above an untrained network's, the
    checkpoint cannot be written, or another worker is gone; the last checkpoint stays. UsageError if a batch does not
    divide among the workers.
    """
    import keras
    import tensorflow as tf

    workers = workers or Workers()
    train = settings.train
    epochs = train.epochs if epochs is None else epochs
    keras.utils.set_random_seed(seed)
    classes = bank.labels.shape[1]
    if model is None:
        model = build(network, settings.frontend.width, classes)
    share = settings.negatives.share
    augmenter = Augmenter(bank, settings.augment, train, settings.frontend, network.hop_frames, seed, share)
    batches_per_epoch = augmenter.batches_per_epoch
    if steps is not None:
        epochs = -(-steps // batches_per_epoch)
    schedule = keras.optimizers.schedules.CosineDecay(
        train.learning_rate / 25,
        max(1, (epochs - train.warmup_epochs) * batches_per_epoch),
        warmup_target=train.learning_rate,
        warmup_steps=max(1, train.warmup_epochs * batches_per_epoch),
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=train.weight_decay, global_clipnorm=train.clip_norm or None
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if keras.mixed_precision.dtype_policy().compute_dtype == "float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)  # without it, small gradients underflow
    optimizer.build(model.trainable_variables)
    variables = model.trainable_variables + [v for v in model.non_trainable_variables if "moving" in v.name]
    averages = [tf.Variable(v, trainable=False) for v in variables]
    count = tf.Variable(0.0)
    softmax = network.head == "softmax"
    smoothing, taught_share, temperature = train.label_smoothing, settings.teacher.weight, settings.teacher.temperature

    hop_s = network.hop_frames * settings.frontend.hop / settings.frontend.rate_hz
    event_steps = max(1, round(train.event_ms / 1000 / hop_s))
    plain = replace(train, loss="cross_entropy")

    def clip_loss(targets: Any, logits: Any, form: TrainSettings) -> Any:
        if softmax:
            return losses.softmax_loss(targets, logits, form)
        known = tf.cast(targets >= 0.0, tf.float32)
        return 4.0 * losses.masked_mean(losses.sigmoid_loss(targets, logits, form), known)

    def gradients(features: Any, labels: Any, strong: Any, has_strong: Any, strong_clips: Any) -> list[Any]:
        """Return loss, share of right labels and gradients of the whole batch, of which this process has a part."""
        size = features.shape[0] * workers.count
        if smoothing:
            smoothed = labels * (1 - smoothing) + smoothing * (1.0 / classes if softmax else 0.5)
            labels = tf.where(labels < 0.0, labels, smoothed)
        with tf.GradientTape() as tape:
            outputs = tf.cast(model(features, training=True), tf.float32)
            logits = pool(outputs, classes)
            if bank.strong is not None and not softmax:
                # Absence of a label that may sound in some step and is known in none is not known for the clip.
                doubtful = tf.reduce_any(strong < 0, axis=1) & ~tf.reduce_any(strong > 0.5, axis=1) & (labels < 0.5)
                labels = tf.where(doubtful & (has_strong[:, None] > 0), -1.0, labels)
            loss = train.clip_weight * tf.reduce_sum(clip_loss(labels, logits, train)) / size
            if softmax:
                right = tf.argmax(logits, axis=1) == tf.argmax(labels, axis=1)
            else:
                right = (logits > 0.0) == (labels > 0.5)
            if teachers:
                taught = tf.add_n([pool(tf.cast(t(features, training=False), tf.float32), classes) for t in teachers])
                taught = taught / (len(teachers) * temperature)
                taught = tf.nn.softmax(taught) if softmax else tf.sigmoid(taught)
                taught_loss = tf.reduce_sum(clip_loss(taught, logits / temperature, plain)) / size
                loss = (1 - taught_share) * loss + taught_share * temperature**2 * taught_loss
            if bank.strong is not None:
                known = tf.cast(strong >= 0, tf.float32)
                per_step = losses.sigmoid_loss(strong, outputs[..., :classes], train)
                per_clip = 4.0 * losses.masked_mean(per_step, known)
                loss += train.strong_weight * tf.reduce_sum(per_clip * has_strong) / tf.maximum(1.0, strong_clips)
            if train.event_weight and not softmax:
                per_clip = losses.event_loss(labels, outputs[..., :classes], event_steps, train)
                loss += 4.0 * train.event_weight * tf.reduce_sum(per_clip) / size
            scaled = optimizer.scale_loss(loss)
        share = tf.reduce_mean(tf.cast(right, tf.float32)) / workers.count
        return summed([loss, share, *tape.gradient(scaled, model.trainable_variables)])

    @tf.function
    def step(*batch: Any) -> Any:
        loss, right, *slopes = workers.run(gradients, *batch)
        optimizer.apply(slopes, model.trainable_variables)
        # A running mean of the weights; the decay starts short, so that early weights are forgotten.
        count.assign_add(1.0)
        decay = tf.minimum(train.average, count / (count + 10.0)) if train.average else 0.0
        for average, variable in zip(averages, variables, strict=True):
            average.assign(decay * average + (1 - decay) * variable)
        return loss, right

    def parts(batch: Batch) -> list[Any]:
        rows = workers.rows(len(batch.features))
        part = (batch.features[rows], batch.labels[rows], batch.strong[rows], batch.has_strong[rows])
        return [*part, np.asarray(batch.has_strong.sum(), np.float32)]

    out = TrainedNetwork(model)
    best: list[F32] | None = None
    best_value = -np.inf
    state = [*model.variables, *optimizer.variables, *averages, count]
    first = 1
    workers.start_alike(state)
    snapshot = checkpoint.read(workers.share) if checkpoint is not None else None
    if snapshot is not None:
        first, best, best_value = _resume(snapshot, out, augmenter, state, epochs)
    pace = Pace()
    epoch = first - 1
    left_over = max(0, epochs - epoch)
    untrained, high = _untrained_loss(train, classes, softmax=softmax), 0
    if teachers:
        untrained *= max(1.0, temperature**2)
    try:
        for epoch, batches in enumerate(epochs_ahead(augmenter, left_over), first):
            results = [pace.after(step(*parts(batch))) for batch in batches]
            loss, metric = (float(np.mean([float(r[i]) for r in results])) for i in (0, 1))
            kept = checkpoint is not None and epoch > 1
            if not np.isfinite(loss):
                raise _diverged(stage, epoch, f"the loss is {loss}", train.learning_rate, kept=kept)
            if not all(np.isfinite(a.numpy()).all() for a in averages):
                raise _diverged(stage, epoch, "weights are no numbers", train.learning_rate, kept=kept)
            high = high + 1 if loss > _MOST_LOSS * untrained else 0
            if high == 2 or (high and epoch == epochs):
                what = f"the loss is {loss:.3g}, far above that of an untrained network ({untrained:.2g})"
                raise _diverged(stage, epoch, what, train.learning_rate, kept=kept)
            value = -loss
            if validation is not None:
                live = [v.numpy() for v in variables]
                _assign(variables, [a.numpy() for a in averages])
                metric = value = validation_metric(clip_logits(model, validation[0], classes), validation[1], softmax)
                _assign(variables, live)
                out.metrics.append(metric)
            out.losses.append(loss)
            # Training loss alone cannot choose an epoch: the last one stands, unless training is interrupted.
            if validation is None or value >= best_value:
                best, best_value, out.best_epoch = [a.numpy() for a in averages], value, epoch
            if checkpoint is not None and workers.first:
                about: dict[str, Any] = {"epoch": epoch, "epochs": epochs, "best_epoch": out.best_epoch}
                about |= {"best_value": best_value, "losses": out.losses, "metrics": out.metrics}
                about["random"] = batches.random
                checkpoint.write(Snapshot([np.asarray(v) for v in state], list(best or ()), about))
            if on_epoch is not None:
                left = pace.left((epochs - epoch) * batches_per_epoch)
                on_epoch(EpochReport(stage, epoch, epochs, loss, metric, left))
    except KeyboardInterrupt:
        workers.leave("interrupted")
        if best is None or not workers.first:
            raise
        out.interrupted = True
    if best is not None:
        _assign(variables, best)
    return out


class Pace:
    """The time that batches take, without the first one: that compiles the step, which can take as long as hundreds."""

    def __init__(self) -> None:
        self._began = 0.0
        self._done = 0

    def after(self, result: Any) -> Any:
        """Count a batch as done, and return its result."""
        if self._done == 0:
            self._began = time.monotonic()
        self._done += 1
        return result

    def left(self, batches: int) -> float | None:
        """Return the seconds that so many more take, with all that is done between them; None while that is unknown."""
        if self._done < 2:
            return None if batches else 0.0
        return (time.monotonic() - self._began) / (self._done - 1) * batches


def clip_logits(model: Any, features: Sequence[NDArray[np.int8]], classes: int) -> F32:
    """Return the pooled float logits (clips, classes) of whole clips, each from a cold start.

    Clips are cut to whole steps of the model, as the device does.
    """
    out = np.zeros((len(features), classes), np.float32)
    for indices in _by_length(features):
        batch = np.stack([features[i] for i in indices]).astype(np.float32) * FEATURE_SCALE
        for at in range(0, len(indices), 32):
            logits = pool(_predict(model, batch[at : at + 32]), classes)
            out[indices[at : at + 32]] = logits.numpy()
    return out


def validation_metric(logits: F32, labels: F32, softmax: bool) -> float:
    """Return the accuracy for a softmax head, the mean average precision for a sigmoid head."""
    if softmax:
        return float(np.mean(logits.argmax(1) == labels.argmax(1)))
    from soundsdk_train.evaluation.clip_metrics import mean_average_precision

    return mean_average_precision(labels, logits)


def _predict(model: Any, batch: F32) -> Any:
    import tensorflow as tf

    return tf.cast(model(batch, training=False), tf.float32)


def _by_length(features: Sequence[NDArray[np.int8]]) -> Iterator[NDArray[np.int64]]:
    lengths = np.array([len(f) for f in features])
    for length in np.unique(lengths):
        yield np.flatnonzero(lengths == length)


def _assign(variables: Sequence[Any], values: Sequence[F32]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _resume(
    snapshot: Snapshot, out: TrainedNetwork, augmenter: Augmenter, state: Sequence[Any], epochs: int
) -> tuple[int, list[F32], float]:
    """Set everything to where a checkpoint was taken; return the epoch to go on with, the best weights and their value.

    Raises UsageError if epochs are left and the run was to have another number of them.
    """
    about = snapshot.about
    if about["epoch"] < epochs != about["epochs"]:
        raise UsageError(
            f"the checkpoint is of a training of {about['epochs']} epochs, not {epochs}; the learning rate follows it.",
            f"Give --epochs {about['epochs']}, or {about['epoch']} to end there.",
        )
    _assign(state, snapshot.state)
    augmenter.random.bit_generator.state = about["random"]
    out.losses, out.metrics, out.best_epoch = about["losses"], about["metrics"], about["best_epoch"]
    return about["epoch"] + 1, snapshot.best, about["best_value"]


def _untrained_loss(train: TrainSettings, classes: int, *, softmax: bool) -> float:
    """Return the loss of a network that gives every class the same score, over all that is summed in it."""
    if softmax:
        return train.clip_weight * max(1.0, float(np.log(classes)))
    return 4.0 * float(np.log(2.0)) * (train.clip_weight + train.strong_weight + train.event_weight)


def _diverged(stage: str, epoch: int, what: str, rate: float, *, kept: bool) -> TrainingError:
    setting = {"new head": "pretrained.head_rate", "fine-tuning": "pretrained.tuned_rate"}
    hint = f"Lower {setting.get(stage, 'train.learning_rate')} ({rate:g})."
    if kept:
        hint = f"{hint[:-1]}, or make a detector of what came before with --resume --epochs {epoch - 1}."
    return TrainingError(f"{stage}: {what} in epoch {epoch}: training has diverged.", hint)


class EpochBatches:
    """The batches of one epoch; once they are used up, `random` is the generator's state after them."""

    def __init__(self, ready: queue.Queue[Batch | BaseException | dict[str, Any]]) -> None:
        self.ready = ready
        self.random: dict[str, Any] = {}

    def __iter__(self) -> Iterator[Batch]:
        while True:
            item = self.ready.get()
            if isinstance(item, BaseException):
                raise item
            if isinstance(item, dict):
                self.random = item
                return
            yield item


def epochs_ahead(augmenter: Augmenter, epochs: int) -> Iterator[EpochBatches]:
    """Yield the batches of each epoch, made a few ahead on a second thread; timing does not change their order."""
    ready: queue.Queue[Batch | BaseException | dict[str, Any]] = queue.Queue(maxsize=8)
    stopped = threading.Event()

    def put(item: Batch | BaseException | dict[str, Any]) -> bool:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for _ in range(epochs):
                for batch in augmenter.epoch():
                    if not put(batch):
                        return
                if not put(dict(augmenter.random.bit_generator.state)):
                    return
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        for _ in range(epochs):
            yield EpochBatches(ready)
    finally:
        stopped.set()
        thread.join()
