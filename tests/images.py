"""Images that tests run, built by soundsdk in its cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from soundsdk.boards import find_board
from soundsdk.build.builder import build_image
from soundsdk.errors import ToolError
from soundsdk.models.shipped import load_model


def image_of(board: str, folder: Path, model: str = "home") -> Path:
    """Build the image of a board with a detector in it, in the folder; skip the test where a compiler is missing."""
    try:
        return build_image(find_board(board), load_model(model), None, folder, print).path
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")
