"""Firmware images for the targets: built when they are first needed, kept in soundsdk's cache."""

from __future__ import annotations

from pathlib import Path

import click

from soundsdk.boards import find_board
from soundsdk.build.builder import build_image
from soundsdk.cache import cache_dir
from soundsdk.detector_file import DetectorFile
from soundsdk.models import load_model


def image(board: str, detector: DetectorFile | None = None) -> Path:
    """The image of a board, as new as its sources. detector: the one baked in, where it does not get it otherwise.

    Says on standard error what it does if that takes time. ToolError if a compiler is missing.
    """

    def say(text: str) -> None:
        click.echo(f"{board}: {text}", err=True)

    made = build_image(find_board(board), detector or load_model(), None, cache_dir() / "images", say)
    if made.built:
        say(f"built once and kept: {made.path}")
    return made.path
