"""Progress of a training run: one bar per stage on a terminal, a line every half minute elsewhere."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from soundsdk_train.training_loop import EpochReport

_LINE_S = 30.0


class TrainingDisplay:
    """Epochs on standard error with loss, metric and time left, and in TensorBoard's logs if a folder is given."""

    def __init__(self, tensorboard: str | Path | None = None) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._stage = ""
        self._last_line = 0.0
        self._log_dir = Path(tensorboard) if tensorboard else None
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> TrainingDisplay:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total}"),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
            )
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        for writer in self._writers.values():
            writer.close()

    def stage(self, text: str) -> None:
        """Show that a stage begins."""
        if self._bar is not None:
            self._bar.console.print(text)
        else:
            click.echo(text, err=True)

    def epoch(self, report: EpochReport) -> None:
        """Show that an epoch ended."""
        if self._log_dir is not None:
            self._log(report)
        note = f"loss {report.loss:.3f}  metric {report.metric:.3f}  {_clock(report.seconds_left)} left"
        if self._bar is not None:
            if report.stage != self._stage:
                self._task = self._bar.add_task(report.stage, total=report.epochs, note="")
            self._bar.update(self._task, completed=report.epoch, note=note)
        elif (
            report.stage != self._stage or report.epoch == report.epochs or time.monotonic() - self._last_line > _LINE_S
        ):
            self._last_line = time.monotonic()
            click.echo(f"{report.stage}: epoch {report.epoch} of {report.epochs}  {note}", err=True)
        self._stage = report.stage

    def _log(self, report: EpochReport) -> None:
        import tensorflow as tf
        from tensorflow.core.framework.summary_pb2 import Summary

        assert self._log_dir is not None
        if report.stage not in self._writers:
            self._writers[report.stage] = tf.summary.create_file_writer(
                str(self._log_dir / report.stage.replace(" ", "_"))
            )
        with self._writers[report.stage].as_default():
            # Written in the raw format: tf.summary.scalar would need TensorBoard installed here.
            values = [
                Summary.Value(tag=k, simple_value=v) for k, v in (("loss", report.loss), ("metric", report.metric))
            ]
            tf.summary.experimental.write_raw_pb(Summary(value=values).SerializeToString(), step=report.epoch)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
