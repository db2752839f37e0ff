"""`soundsdk devices`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command()
@click.option("--bridges", is_flag=True, help="Also ask what is behind USB-to-serial bridges (may restart it).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def devices(bridges: bool, as_json: bool) -> None:
    """List the boards that are connected.

    Ports with the USB ids of boards are opened, without a reset, and asked for hello. Other ports are listed, but
    neither opened nor written to. Exit code 0 whatever is found.
    """
    from soundsdk.device.discovery import discover

    found = discover(bridges)
    if as_json:
        for one in found:
            click.echo(json.dumps(asdict(one)))
        return
    for one in found:
        what = f"{one.board}  {one.model or 'no detector'}  {one.fw}" if one.board else one.product
        ids = f"{one.vid:04x}:{one.pid:04x}" if one.vid is not None and one.pid is not None else ""
        words = [one.by_id or one.path or "(no drive)", one.state, what, ids, one.serial_number or "", one.note]
        click.echo("  ".join(word for word in words if word))
    if not any(one.state == "ready" for one in found):
        click.echo("No board has answered. soundsdk doctor looks for the cause.", err=True)
