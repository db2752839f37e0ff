"""Firmware images for the targets: built when first needed, kept in soundsdk's cache."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from soundsdk.boards import find_board
from soundsdk.build.builder import build_image
from soundsdk.cache import cache_dir
from soundsdk.detector_file import DetectorFile
from soundsdk.models.shipped import load_model


def cached_image(board_id: str, detector: DetectorFile | None = None) -> Path:
    """Return the image of a board, compiled again if its sources have changed.

    detector: the one in the image, for a board that cannot load another; each has its own image. What is compiled is
    announced on standard error. Raises ToolError if a compiler is missing.
    """
    folder = cache_dir() / "images"
    if detector is not None:
        folder /= hashlib.sha256(detector.data).hexdigest()[:16]

    def report(text: str) -> None:
        click.echo(f"{board_id}: {text}", err=True)

    made = build_image(find_board(board_id), detector or load_model(), None, folder, report)
    if made.compiled:
        report(f"compiled once and kept: {made.path}")
    return made.path
