"""What flashing tells: one sentence per step and a bar for people, one JSON object per step for programs."""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Any

import click

_BAR = 30


class Steps:
    """Sentences go to standard error, JSON Lines to standard output. Use it in a `with` statement: it ends the bar."""

    def __init__(self, as_json: bool = False) -> None:
        self._json = as_json
        self._tty = not as_json and sys.stderr.isatty()
        self._bar = False
        self._percent = -1

    def say(self, step: str, text: str, **facts: Any) -> None:
        """A step that begins or is done."""
        self._end_bar()
        if self._json:
            click.echo(json.dumps({"step": step, "text": text, **facts}))
        else:
            click.echo(text, err=True)

    def progress(self, done: int, total: int) -> None:
        """How much of the image is in the flash; both in bytes, or in any unit."""
        percent = 100 * done // total if total else 100
        if percent == self._percent:
            return
        self._percent = percent
        if self._json:
            click.echo(json.dumps({"step": "progress", "percent": percent}))
        elif self._tty:
            full = _BAR * percent // 100
            click.echo(f"\r  [{'#' * full}{'.' * (_BAR - full)}] {percent:3} %", nl=False, err=True)
            self._bar = True

    def _end_bar(self) -> None:
        self._percent = -1
        if self._bar:
            click.echo("", err=True)
            self._bar = False

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_bar()
        if self._json and error is not None:
            click.echo(json.dumps({"step": "failed", "text": str(error) or type(error).__name__}))
