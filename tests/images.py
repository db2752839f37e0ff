"""Images that tests run, made by soundsdk build in its cache; skipped aloud where a compiler is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from soundsdk.boards import find_board
from soundsdk.build.builder import build
from soundsdk.build.tools import ToolError
from soundsdk.models import load_model


def image_of(board: str, folder: Path, model: str = "home") -> Path:
    """The image of a board with that detector, as a file in the folder."""
    try:
        return build(find_board(board), load_model(model), None, folder, print).path
    except ToolError as e:
        pytest.skip(f"{e.message} {e.hint}")
