"""Run the notebook of the examples and keep what it shows.

Usage: python release/run_notebook.py [NOTEBOOK]. It runs in an empty folder with an empty cache. What a run leaves in
the file is the same on every machine but for figures of speed: folders are shortened, times of cells are left out.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[1] / "examples" / "first_detector.ipynb"
_TIMEOUT_S = 3600  # of a cell
_PIECES = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|(\n|\r|[^\n\r\x1b]+)")


def run(notebook: Path, folder: Path, options: str | None = None) -> Any:
    """Run a notebook in a folder and return it; an error in a cell is raised.

    options: instead of those in its cell of parameters.
    """
    content = nbformat.read(notebook, as_version=4)
    for cell in content.cells:
        if options is not None and "parameters" in cell.metadata.get("tags", ()):
            cell.source = f"options = {options!r}"
    os.environ["SOUNDSDK_CACHE"] = str(folder / "cache")
    os.environ["COLUMNS"] = "100"  # tables of a width that pages have
    # The kernel of this environment, whatever kernels the user has installed.
    client = NotebookClient(
        content, timeout=_TIMEOUT_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}},
        record_timing=False,
    )  # fmt: skip
    client.execute()
    for cell in content.cells:
        if "outputs" in cell:
            cell.outputs = _joined(cell.outputs)
            for output in cell.outputs:
                if "text" in output:
                    output.text = _plain(output.text, folder)
    content.metadata["language_info"] = {"name": "python"}  # not the version of this run
    return content


def _joined(outputs: list[Any]) -> list[Any]:
    """Return a cell's outputs with the pieces of one stream, which come as they were written, in one."""
    out: list[Any] = []
    for output in outputs:
        if out and output.output_type == out[-1].output_type == "stream" and output.name == out[-1].name:
            out[-1].text += output.text
        else:
            out.append(output)
    return out


def on_screen(text: str) -> str:
    """Return what is left on a terminal after this text: bars of progress redraw themselves and go.

    Understood are the sequences that rich writes: cursor up, erase line; the others (colours) change no character.
    """
    lines, row, column = [""], 0, 0
    for count, command, character in _PIECES.findall(text):
        if command == "A":
            row = max(0, row - int(count or 1))
        elif command == "K":
            lines[row] = "" if count == "2" else lines[row][:column]
        elif character == "\n":
            row, column = row + 1, 0
            if row == len(lines):
                lines.append("")
        elif character == "\r":
            column = 0
        elif character:
            lines[row] = lines[row][:column].ljust(column) + character + lines[row][column + len(character) :]
            column += len(character)
    return "\n".join(line.rstrip() for line in lines)


def _plain(text: str, folder: Path) -> str:
    """Return printed text as it stays on a terminal, without this machine's folders."""
    text = on_screen(text)
    for place in (str(folder.resolve()), str(folder)):
        text = text.replace(place, ".")
    return text.replace(os.path.expanduser("~"), "~")


def main() -> int:
    """Run the notebook that is named, or the examples', and write it; return the exit code."""
    notebook = Path(sys.argv[1]) if len(sys.argv) > 1 else NOTEBOOK
    with tempfile.TemporaryDirectory() as folder:
        content = run(notebook, Path(folder))
    nbformat.write(content, notebook)
    print(f"{notebook}: {sum(cell.cell_type == 'code' for cell in content.cells)} cells ran")
    return 0


if __name__ == "__main__":
    sys.exit(main())
