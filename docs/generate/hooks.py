"""MkDocs' hook: adds the pages and pictures that are made from the code, and fills in their places in written pages.

A written page asks for a piece by a line `{{ NAME }}`, NAME being a key of PIECES.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import boards_page
import cli_page
import codec_table
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
FIGURES: dict[str, Callable[..., bytes]] = {
    "evening": figures.evening,
    "frontend": figures.frontend,
    "rules": figures.rules,
    "quantised": figures.quantised,
}
PICTURES: dict[str, Callable[[], bytes]] = {
    **{f"pictures/{name}.svg": draw for name, draw in FIGURES.items()},
    **{f"pictures/{name}-narrow.svg": partial(draw, figures.NARROW) for name, draw in FIGURES.items()},
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
    "codec": codec_table.table,
}
_FIGURE = re.compile(r"!\[(?P<words>[^\]]*)\]\(pictures/(?P<name>\w+)\.svg\)")
_PICTURE = re.compile(r"^!\[[^\]]*\]\((?P<path>[^)\s]+)\)$", re.MULTILINE)
_PLACE = re.compile(r"^\{\{ (\w+) \}\}$", re.MULTILINE)


def on_files(files: Files, config: Any) -> Files:
    """Add what is generated."""
    for path, make in {**PAGES, **PICTURES}.items():
        files.append(File.generated(config, path, content=make()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the generated pieces into a page; KeyError for one that there is not.

    A phone gets the narrow figures. Another picture that has a line of its own opens at a touch, as large as it is.
    """
    whole = _PLACE.sub(lambda place: PIECES[place[1]](), markdown)
    return _PICTURE.sub(r"[\g<0>](\g<path>)", _FIGURE.sub(_for_each_width, whole))


def _for_each_width(figure: re.Match[str]) -> str:
    if figure["name"] not in FIGURES:
        return figure[0]
    path = f"pictures/{figure['name']}"
    source = f'<source media="(max-width: 600px)" srcset="{path}-narrow.svg">'
    return f'<picture>{source}<img alt="{escape(figure["words"])}" src="{path}.svg"></picture>'
