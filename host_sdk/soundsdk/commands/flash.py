"""The verb `soundsdk flash`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from soundsdk.commands.options import (
    json_option,
    model_option,
    port_option,
    read_settings,
    settings_option,
    warn,
)
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.errors import UsageError


@click.command(
    cls=Verb,
    examples=[
        "soundsdk flash                          # the only board there is, with the detector home",
        "soundsdk flash rpi_pico                 # a new board: name its kind",
        "soundsdk flash --model siren.tflite     # a detector of your own",
        "soundsdk flash -p /dev/ttyUSB0 --firmware firmware.bin",
        "soundsdk flash rpi_pico --stock RPI_PICO-20250415-v1.25.0.uf2 -m siren.tflite",
        "soundsdk flash --dry-run",
    ],
)
@click.argument("board", metavar="[BOARD]", required=False)
@click.option(
    "--firmware",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write this image, instead of soundsdk's own; with --model, with that detector in it.",
)
@click.option(
    "--stock", type=click.Path(path_type=Path), metavar="IMAGE",
    help="MicroPython's official image (.uf2, .bin; 1.24 or newer), with soundsdk's files beside it: see below.",
)  # fmt: skip
@model_option
@settings_option
@port_option
@click.option("--erase", is_flag=True, help="Erase the whole flash: files and pushed detectors on the board go.")
@click.option(
    "--baud",
    type=click.IntRange(1200, 4_000_000),
    default=460800,
    show_default=True,
    metavar="N",
    help="Speed of an ESP32's serial bridge.",
)
@click.option("--dry-run", is_flag=True, help="Print every step and touch nothing.")
@json_option
@pass_surroundings
def flash(
    surroundings: Surroundings,
    board: str | None,
    firmware: Path | None,
    stock: Path | None,
    model: str | None,
    settings: Path | None,
    port: str | None,
    erase: bool,
    baud: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put firmware and a detector onto a board, and check that it runs them.

    If one board is plugged in, nothing has to be named. BOARD (soundsdk boards lists them) is needed for a board that
    does not run soundsdk yet and whose USB ids do not show which it is. The detector is written into the image on this
    computer, which takes a second and no compiler; only changed C or Python is compiled. PORT may also be the drive of
    a boot loader.

    With --stock, the board gets MicroPython's official image as it is, and a file system made on this computer, with
    soundcore, soundfw, the detector, settings (--settings as in soundsdk install) and main.py, in one go. THE FILES
    THAT ARE ON THE BOARD ARE REPLACED; to keep them, use soundsdk install. Nothing is written before all is checked.

    Exit codes: 0 the board's hello names what was flashed; 1 the image did not get into the flash, or cannot be used;
    2 wrong use; 3 no board, or more than one; 4 the port is busy or not permitted; 5 the chip does not enter its boot
    loader; 6 a check failed: the image or the chip is another than the board's, the board has not the flash, the memory
    or the speed for the detector, or it does not run what was flashed; 7 a package or a compiler is missing.
    """
    from soundsdk.device.system import THIS_COMPUTER
    from soundsdk.flash.flasher import FlashRequest, flash_board
    from soundsdk.flash.timeouts import FlashTimeouts
    from soundsdk.models.shipped import load_model
    from soundsdk.progress import Progress

    if stock is None and settings is not None:
        raise UsageError("--settings belongs to --stock: an image has its settings built in.", "See soundsdk set.")
    if stock is not None and firmware is not None:
        raise UsageError("--stock and --firmware both name an image.", "Give one of them.")
    request = FlashRequest(board, firmware, model, port, erase, dry_run, baud)
    system, timeouts = surroundings.system or THIS_COMPUTER, surroundings.flash_timeouts or FlashTimeouts()
    load = partial(load_model, warn=warn)
    with Progress("flashing", as_json) as progress:
        if stock is None:
            flash_board(request, progress, load, system, timeouts)
        else:
            from soundsdk.stock.flash_stock import StockFlashRequest, flash_stock

            extra = read_settings(settings)
            wanted = StockFlashRequest(stock, board, model, port, extra, erase, dry_run, baud)
            flash_stock(wanted, progress, load, system, timeouts)
