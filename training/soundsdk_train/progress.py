"""Progress of a training run: the shared bar or a line every half minute, and logs for TensorBoard."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Any

from soundsdk.progress import Progress
from soundsdk_train.training_loop import EpochReport

_LINE_S = 30.0


class TrainingDisplay:
    """Epochs on standard error with loss, metric and time left, and in TensorBoard's logs if a folder is given."""

    def __init__(self, tensorboard: str | Path | None = None) -> None:
        self._progress = Progress()
        self._stage = ""
        self._last_line = time.monotonic()
        self._log_dir = Path(tensorboard) if tensorboard else None
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> TrainingDisplay:
        self._progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.__exit__(kind, error, trace)
        for writer in self._writers.values():
            writer.close()

    def stage(self, text: str) -> None:
        """Show that a stage begins."""
        self._progress.say(text)

    def epoch(self, report: EpochReport) -> None:
        """Show that an epoch ended."""
        stage, epoch, epochs = report.stage, report.epoch, report.epochs
        if self._log_dir is not None:
            self._log(self._log_dir, report)
        left = "" if report.seconds_left is None else f"  {_clock(report.seconds_left)} left"
        note = f"loss {report.loss:.3f}  metric {report.metric:.3f}{left}"
        self._progress.update(epoch, epochs, note, stage)
        # The first line of a stage waits until it can say how long the stage takes.
        first = stage != self._stage and report.seconds_left is not None
        due = first or epoch == epochs or time.monotonic() - self._last_line > _LINE_S
        if due and not self._progress.shows_bar:
            self._last_line = time.monotonic()
            self._progress.say(f"{stage}: epoch {epoch} of {epochs}  {note}")
            self._stage = stage

    def _log(self, folder: Path, report: EpochReport) -> None:
        import tensorflow as tf
        from tensorflow.core.framework.summary_pb2 import Summary

        if report.stage not in self._writers:
            self._writers[report.stage] = tf.summary.create_file_writer(str(folder / report.stage.replace(" ", "_")))
        values = [Summary.Value(tag=name, simple_value=getattr(report, name)) for name in ("loss", "metric")]
        with self._writers[report.stage].as_default():
            # Written in the raw format: tf.summary.scalar would need TensorBoard installed here.
            tf.summary.experimental.write_raw_pb(Summary(value=values).SerializeToString(), step=report.epoch)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
