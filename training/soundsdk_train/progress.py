"""Progress of a run on a terminal, one line per stage; on anything else, a line now and then."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from soundsdk_train.train import Progress

_LINE_SECONDS = 30.0


class Display:
    """Shows Progress on standard error, with loss, metric and time left, and logs it for TensorBoard if asked."""

    def __init__(self, tensorboard: str | Path | None = None) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._stage = ""
        self._last_line = 0.0
        self._log_dir = Path(tensorboard) if tensorboard else None
        self._writers: dict[str, Any] = {}

    def __enter__(self) -> Display:
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

    def say(self, text: str) -> None:
        """A stage begins."""
        if self._bar is not None:
            self._bar.console.print(text)
        else:
            click.echo(text, err=True)

    def epoch(self, p: Progress) -> None:
        """An epoch ended."""
        if self._log_dir is not None:
            self._log(p)
        note = f"loss {p.loss:.3f}  metric {p.metric:.3f}  {_clock(p.seconds_left)} left"
        if self._bar is not None:
            if p.stage != self._stage:
                self._task = self._bar.add_task(p.stage, total=p.epochs, note="")
            self._bar.update(self._task, completed=p.epoch, note=note)
        elif p.stage != self._stage or p.epoch == p.epochs or time.monotonic() - self._last_line > _LINE_SECONDS:
            self._last_line = time.monotonic()
            click.echo(f"{p.stage}: epoch {p.epoch} of {p.epochs}  {note}", err=True)
        self._stage = p.stage

    def _log(self, p: Progress) -> None:
        import tensorflow as tf
        from tensorflow.core.framework.summary_pb2 import Summary

        assert self._log_dir is not None
        if p.stage not in self._writers:
            self._writers[p.stage] = tf.summary.create_file_writer(str(self._log_dir / p.stage.replace(" ", "_")))
        with self._writers[p.stage].as_default():
            # Written as the format has it: tf.summary.scalar would need TensorBoard here, not only where one looks.
            values = [Summary.Value(tag=k, simple_value=v) for k, v in (("loss", p.loss), ("metric", p.metric))]
            tf.summary.experimental.write_raw_pb(Summary(value=values).SerializeToString(), step=p.epoch)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
