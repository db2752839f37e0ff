"""The owner of a board, who answers questions at the terminal, each within a bounded time."""

from __future__ import annotations

import queue
import sys
import threading
from typing import TextIO

import click

from soundsdk.selftest.outcome import NotPossible

_ANSWER_S = 20.0


class Owner:
    """The person at the board. present: questions are asked; sound: and sounds asked for."""

    def __init__(self, present: bool, sound: bool, words: TextIO | None = None) -> None:
        self.present = present
        self.sound = present and sound
        self._words = sys.stdin if words is None else words
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader: threading.Thread | None = None

    def ask(self, question: str, timeout_s: float = _ANSWER_S) -> str:
        """Ask and return the answer in lower case; "" if none comes in time, or for Enter alone."""
        if not self.present:
            raise NotPossible("nobody was asked")
        if self._reader is None:
            # A reading of standard input cannot be ended: the thread waits for a line, or for the program's end.
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
        while not self._lines.empty():
            self._lines.get_nowait()  # of a question before, answered too late
        click.echo(f"  {question} ", nl=False, err=True)
        try:
            return self._lines.get(timeout=timeout_s).strip().lower()
        except queue.Empty:
            click.echo("(no answer)", err=True)
            return ""

    def _read(self) -> None:
        for line in self._words:
            self._lines.put(line)
