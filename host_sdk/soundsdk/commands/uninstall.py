"""The verb `soundsdk uninstall`."""

from __future__ import annotations

import click

from soundsdk.commands.options import json_option, not_empty, one_port, port_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings


@click.command(
    cls=Verb,
    examples=[
        "soundsdk uninstall",
        "soundsdk uninstall /dev/ttyACM0",
    ],
)
@click.argument("place", metavar="[PORT]", required=False, callback=not_empty)
@port_option
@json_option
@pass_surroundings
def uninstall(surroundings: Surroundings, place: str | None, port: str | None, as_json: bool) -> None:
    """Remove from a board what `soundsdk install` has put there; it is as it was before.

    PORT as for install. Files that were set aside come back. A main.py that you have changed since stays. What an
    installation that was cut off has left over goes as well.

    Exit codes: 0 done; 3 no board; 4 the port is busy or not permitted; 5 it does not answer as MicroPython; 6 soundsdk
    install has put nothing there.
    """
    from soundsdk.device.system import THIS_COMPUTER
    from soundsdk.progress import Progress
    from soundsdk.stock.installer import uninstall as uninstall_from

    with Progress("removing", as_json) as progress:
        uninstall_from(one_port(place, port), progress, surroundings.system or THIS_COMPUTER)
