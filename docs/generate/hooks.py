"""MkDocs' hook: adds the pages and pictures that are made from the code, and fills in their places in written pages.

A written page asks for a piece by a line `{{ NAME }}`, NAME being a key of PIECES.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import boards_page
import cli_page
import exit_codes_page
import figures
import metadata_page
import python_page
import report_example
import wire_page
import wiring
from mkdocs.structure.files import File, Files

from soundsdk_sim.wiring import diagram, fitting

# Path in the site: what returns its content.
PAGES: dict[str, Callable[[], str]] = {
    "reference/cli.md": cli_page.page,
    "reference/python.md": python_page.page,
    "reference/soundfw.md": python_page.soundfw_page,
    "reference/wire-trace.md": wire_page.page,
    "reference/metadata.md": metadata_page.page,
    "reference/boards.md": boards_page.page,
    "reference/exit-codes.md": exit_codes_page.page,
    **{f"wiring/{board.id}.md": partial(wiring.page, board) for board in wiring.wired_boards()},
}
PICTURES: dict[str, Callable[[], bytes]] = {
    "pictures/evening.svg": figures.evening,
    "pictures/frontend.svg": figures.frontend,
    "pictures/rules.svg": figures.rules,
    "pictures/quantised.svg": figures.quantised,
    **{
        f"pictures/{board.id}-{mic.id}.svg": partial(diagram, board, mic)
        for board in wiring.wired_boards()
        for mic in fitting(board)
    },
}
PIECES: dict[str, Callable[[], str]] = {
    "wiring": wiring.chooser,
    "layers": figures.layers,
    "report": report_example.report,
}
_PLACE = re.compile(r"^\{\{ (\w+) \}\}$", re.MULTILINE)


def on_files(files: Files, config: Any) -> Files:
    """Add what is generated."""
    for path, make in {**PAGES, **PICTURES}.items():
        files.append(File.generated(config, path, content=make()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the generated pieces into a page; KeyError for one that there is not."""
    return _PLACE.sub(lambda place: PIECES[place[1]](), markdown)
