"""The verb `soundsdk install`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from soundsdk.commands.options import (
    json_option,
    model_option,
    not_empty,
    one_port,
    port_option,
    read_settings,
    settings_option,
    warn,
)
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings


@click.command(
    cls=Verb,
    examples=[
        "soundsdk install                        # the only board there is, with the detector home",
        "soundsdk install /dev/ttyACM0 --model esc10",
        "soundsdk install --board rpi_pico_w     # if it does not say what it is",
        "soundsdk install --settings mic.json    # a microphone at pins of your own",
        "soundsdk install --dry-run",
    ],
)
@click.argument("place", metavar="[PORT]", required=False, callback=not_empty)
@model_option
@click.option(
    "--board", metavar="BOARD", callback=not_empty,
    help="The board's id (soundsdk boards lists them), if it does not say what it is.",
)  # fmt: skip
@settings_option
@click.option(
    "--force", is_flag=True,
    help="Set files of yours that are in the way aside, such as main.py; soundsdk uninstall brings them back.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Ask the board, say what would be written, and write nothing.")
@port_option
@json_option
@pass_surroundings
def install(
    surroundings: Surroundings,
    place: str | None,
    port: str | None,
    model: str | None,
    board: str | None,
    settings: Path | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put soundsdk onto a board that runs stock MicroPython (1.24 or newer), without flashing it.

    PORT is a path, id:SERIAL, rfc2217://HOST:PORT or socket://HOST:PORT; without it, SOUNDSDK_PORT or the only board
    there is. The board is asked for its version, memory and file system; then soundcore, soundfw, the detector and its
    settings are copied with mpremote, verified, and started. Files of yours stay. soundsdk uninstall leaves the board
    as it was.

    Exit codes: 0 the board's hello names what was installed; 1 a file cannot be read, or the board stops at an error;
    2 wrong use, the board or its microphone is not known, or a file of yours is in the way; 3 no board, or it is gone;
    4 the port is busy or not permitted; 5 it does not answer as MicroPython; 6 the board cannot run it (version,
    architecture, memory, file system, speed), or does not; 7 a compiler or mpremote is missing. After every failure the
    board is as it was.
    """
    from soundsdk.device.system import THIS_COMPUTER
    from soundsdk.models.shipped import load_model
    from soundsdk.progress import Progress
    from soundsdk.stock.installer import InstallRequest
    from soundsdk.stock.installer import install as install_on

    request = InstallRequest(one_port(place, port), board, model, read_settings(settings), force, dry_run)
    with Progress("installing", as_json) as progress:
        install_on(request, progress, partial(load_model, warn=warn), surroundings.system or THIS_COMPUTER)
