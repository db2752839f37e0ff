"""The report that the page `report.md` shows: the shipped detector of doorbells on the sounds of `doorbell.md`."""

from __future__ import annotations

import os

from doorbell_folder import doorbell_folder, output_of
from prose import code

_COMMAND = ("evaluate", "knock_doorbell", "--deployed", "--data", "my_sounds")


def report() -> str:
    """Run the command and return it with its output, as a block of Markdown."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "120"  # its tables are as wide as they need
    try:
        with doorbell_folder():
            lines = output_of(_COMMAND)
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    return code("console", "\n".join([f"$ soundsdk {' '.join(_COMMAND)}", *lines])) + "\n"
