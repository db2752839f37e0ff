"""The verb `soundsdk boards`."""

from __future__ import annotations

import dataclasses
import json

import click

from soundsdk.boards import all_boards
from soundsdk.commands.options import json_option
from soundsdk.commands.verb import Verb


@click.command(
    cls=Verb,
    examples=["soundsdk boards", "soundsdk boards --json | jq -r .id"],
)
@json_option
def boards(as_json: bool) -> None:
    """List the boards soundsdk knows, one line each."""
    found = all_boards()
    width = max(len(board.id) for board in found)
    for board in found:
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(board)))
        else:
            click.echo(f"{board.id:<{width}}  {board.name} ({board.arch}, {board.port})")
