"""Progress of long jobs: sentences and a bar for people, JSON Lines for programs."""

from __future__ import annotations

import json
import os
import sys
from types import TracebackType
from typing import Any

import click

from soundsdk.labels import printable_lines


def is_dumb() -> bool:
    """Return whether the terminal cannot move its cursor: neither bars nor a live table can be drawn on it."""
    return os.environ.get("TERM", "").lower() in ("dumb", "unknown")


class Progress:
    """Progress of one job. Use it in a `with` statement: that removes the bar at the end.

    Sentences go to standard error, with a bar below them if that is a terminal. With as_json, steps go to standard
    output instead, one JSON object each, and so does every percent, as {"step": "progress", "percent": N}.
    """

    def __init__(self, description: str = "", as_json: bool = False) -> None:
        self._description = description
        self._json = as_json
        self._bar: Any = None
        self._task: Any = None
        self._percent: int | None = None

    @property
    def shows_bar(self) -> bool:
        """True if update() draws on a terminal; without one, a job may say a sentence now and then."""
        return not self._json and sys.stderr.isatty() and not is_dumb()

    def step(self, name: str, text: str, **facts: Any) -> None:
        """Announce a step of the job. name and facts are for programs, text is for people."""
        self._remove_bar()
        self._percent = None
        if self._json:
            click.echo(json.dumps({"step": name, "text": text, **facts}))
        else:
            click.echo(printable_lines(text), err=True)

    def say(self, text: str) -> None:
        """Print a sentence on standard error, above the bar if there is one."""
        text = printable_lines(text)
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            click.echo(text, err=True)

    def update(self, completed: int, total: int | None, note: str = "", description: str | None = None) -> None:
        """Show how much is done, in any unit. total: None if unknown; note: stands beside the bar.

        Another description than before begins another bar.
        """
        if self._json:
            percent = 100 * completed // total if total else 100
            if percent != self._percent:
                self._percent = percent
                click.echo(json.dumps({"step": "progress", "percent": percent}))
        elif self.shows_bar:
            if self._bar is None:
                self._bar = _start_bar()
            if self._task is None or description not in (None, self._description):
                self._description = description or self._description
                self._task = self._bar.add_task(self._description, total=total, note="")
            self._bar.update(self._task, completed=completed, total=total, note=note)

    def _remove_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove_bar()


def _start_bar() -> Any:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[note]}"),
    )
    bar = progress.Progress(*columns, console=Console(stderr=True), transient=True)
    bar.start()
    return bar
