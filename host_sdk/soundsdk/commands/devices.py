"""The verb `soundsdk devices`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from soundsdk.commands.options import json_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings


@click.command(
    cls=Verb,
    examples=[
        "soundsdk devices",
        "soundsdk devices --bridges",
        "soundsdk devices --json | jq -r .path",
    ],
)
@click.option(
    "--bridges",
    is_flag=True,
    help="Send hello through USB-to-serial bridges, too; this may restart what is behind them.",
)
@json_option
@pass_surroundings
def devices(surroundings: Surroundings, bridges: bool, as_json: bool) -> None:
    """List the boards that are connected.

    Ports with the USB ids of boards are opened, without a reset, and sent hello. Other ports are listed, but neither
    opened nor written to. Exit code 0 whatever is found.
    """
    from soundsdk.device.discovery import discover

    found = discover(bridges, system=surroundings.system)
    if as_json:
        for one in found:
            click.echo(json.dumps(asdict(one)))
        return
    for one in found:
        what = f"{one.board}  {one.model or 'no detector'}  {one.fw}" if one.board else one.product
        ids = f"{one.vid:04x}:{one.pid:04x}" if one.vid is not None and one.pid is not None else ""
        nowhere = "(no drive)" if one.kind == "boot loader" else "(no port)"
        words = [one.by_id or one.path or nowhere, one.state, what, ids, one.serial_number or "", one.note]
        click.echo("  ".join(word for word in words if word))
    if not any(one.state == "ready" for one in found):
        click.echo("No board has answered. Find the cause with soundsdk doctor.", err=True)
