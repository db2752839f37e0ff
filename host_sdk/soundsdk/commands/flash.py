"""`soundsdk flash`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("board", required=False)
@click.option("--firmware", type=click.Path(path_type=Path), metavar="F", help="An image, instead of building one.")
@click.option("--model", metavar="M", help="The detector in a built image: a .tflite file, or home or esc10.")
@click.option(
    "-p", "--port", "where", metavar="PORT", help="The board's port, id:<serial number>, or boot loader drive."
)
@click.option("--erase", is_flag=True, help="Erase the whole flash: files and pushed detectors on the board go.")
@click.option("--baud", default=460800, show_default=True, metavar="N", help="Speed of an ESP32's serial bridge.")
@click.option("--dry-run", is_flag=True, help="Say every step and touch nothing.")
@click.option("--json", "as_json", is_flag=True, help="The steps as JSON Lines on standard output.")
def flash(
    board: str | None,
    firmware: Path | None,
    model: str | None,
    where: str | None,
    erase: bool,
    baud: int,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put firmware and a detector onto a board, and check that it runs them.

    With one board attached nothing has to be named. BOARD (soundsdk boards lists them) is needed for a board that
    does not run soundsdk yet and whose USB ids do not tell which it is. Without --firmware the image is built, which
    takes a minute or two the first time.

    Exit codes: 0 the board says that it runs what was flashed; 1 the image did not get into the flash, or cannot be
    used; 2 wrong use; 3 no board, or more than one; 4 the port is busy or not permitted; 5 the chip does not enter its
    boot loader; 6 a check failed: the image or the chip is another than the board's, or the board does not run what was
    flashed.
    """
    from soundsdk.flash.flasher import Wish, run
    from soundsdk.flash.reporter import Steps
    from soundsdk.models import load_model

    with Steps(as_json) as steps:
        run(Wish(board, firmware, model, where, erase, dry_run, baud), steps, load_model)
