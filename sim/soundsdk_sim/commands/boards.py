"""The verb `soundsdk boards`: lists and searches the boards, shows one in full, draws its wiring."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from soundsdk.boards import WAYS, Board, all_boards, search_boards
from soundsdk.boards.describe import describe, settings_for_own_microphone
from soundsdk.commands.options import json_option, not_empty
from soundsdk.commands.verb import Verb
from soundsdk.errors import UsageError
from soundsdk.labels import meant
from soundsdk.whole_file import write_whole

_STANDARD_OUTPUT = Path("-")


@click.command(
    cls=Verb,
    examples=[
        "soundsdk boards",
        "soundsdk boards xiao pdm",
        "soundsdk boards --way stock --json | jq -r .id",
        "soundsdk boards rpi_pico --wiring pico.svg",
        "soundsdk boards adafruit_feather_rp2040 --wiring feather.svg --microphone pdm",
    ],
)
@click.argument("words", nargs=-1, metavar="[BOARD|WORD...]", callback=not_empty)
@click.option("--way", type=click.Choice(WAYS), help="List only boards that run soundsdk in this way.")
@click.option(
    "--wiring",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Draw how a microphone is wired to the board, as an SVG; - is standard output, with nothing else in it.",
)
@click.option(
    "--microphone",
    metavar="NAME",
    callback=not_empty,
    help="The microphone to draw: inmp441, sph0645, ics43434, pdm, max4466, or own, which is on the board. Default: "
    "that of the board's settings.",
)
@json_option
def boards(words: tuple[str, ...], way: str | None, wiring: Path | None, microphone: str | None, as_json: bool) -> None:
    """List the boards soundsdk knows, search them, show one in full.

    Every WORD must be found in what the files say: a maker, a chip, pdm, i2s, psram, microphone (for boards that have
    one). With the id of a board all of its file is shown. Boards of the way `image` get an image of soundsdk
    (build, flash); `stock` stands for MicroPython's official image (install, flash --stock), which most of the former
    run as well; `circuitpython` for sound that the computer listens to. Exit code 2 if no board is found.
    """
    known = all_boards()
    one = next((board for board in known if words == (board.id,)), None)
    found = [one] if one is not None else search_boards(known, words)
    found = [board for board in found if way is None or way in board.ways]
    if not found:
        raise _none(known, words, way)
    if microphone is not None and wiring is None:
        raise UsageError("--microphone is for a drawing.", "Add --wiring FILE.svg.")
    if wiring is not None:
        _draw(found, wiring, microphone)
        if wiring == _STANDARD_OUTPUT:
            return
    width = max(len(board.id) for board in found)
    for board in found:
        if as_json:
            click.echo(json.dumps({**dataclasses.asdict(board), "ways": board.ways}))
        elif one is not None:
            click.echo(describe(board))
        else:
            click.echo(f"{board.id:<{width}}  {board.name} ({_short(board)})")


def _short(board: Board) -> str:
    if not board.chip:
        return f"{board.arch}, {board.port}"
    own = [f"{board.own_mic.mic.kind.upper()} microphone"] if board.own_mic else []
    return ", ".join(dict.fromkeys([board.chip, board.arch, board.port, " or ".join(board.ways), *own]))


def _none(known: list[Board], words: tuple[str, ...], way: str | None) -> UsageError:
    near = meant(" ".join(words), [board.id for board in known]) if words else ""
    wanted = " ".join(words) or "these"
    only = f" of the way {way}" if way else ""
    return UsageError(f"no board{only} matches {wanted}.", f"{near}soundsdk boards lists all {len(known)}.")


def _draw(found: list[Board], path: Path, microphone: str | None) -> None:
    from soundsdk_sim.wiring import diagram, find_microphone

    if len(found) > 1:
        ids = ", ".join(board.id for board in found[:6])
        raise UsageError(f"{len(found)} boards match, and one can be drawn.", f"Name one of them: {ids}.")
    mic = find_microphone(found[0], microphone)
    if path == _STANDARD_OUTPUT:
        click.echo(diagram(found[0], mic), nl=False)
    elif path.suffix.lower() == ".svg":
        write_whole(path, diagram(found[0], mic), "Choose another file with --wiring.")
    else:
        raise UsageError(f"{path} does not end in .svg.", "Name the drawing FILE.svg, or - for standard output.")
    click.echo(f"{path}: {found[0].name} and {mic.name}", err=True)
    settings, own = settings_for_own_microphone(found[0]), found[0].own_mic
    if mic.own and settings:
        click.echo(f"  {settings}", err=True)
    elif microphone is None and own is not None and not mic.own:
        heard = f"is heard with {' or '.join(own.ways)} alone" if own.ways else "is not heard"
        click.echo(f"  The board's own {own.part} {heard}: --microphone own draws it.", err=True)
