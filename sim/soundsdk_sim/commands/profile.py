"""`soundsdk profile`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from soundsdk.errors import CheckError


@click.command()
@click.argument("model")
@click.option("--board", "board_id", required=True, metavar="B", help="The board; `soundsdk boards` lists them.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.option(
    "--fail-over",
    metavar="KEY=N,...",
    help="Exit with 6 if a figure is larger: ms, rt, cycles, instructions, arena, flash, ram, ma, mw. k and M are "
    "understood. Example: ms=20,ram=60k,rt=0.5",
)
@click.option(
    "--sources",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="As for `soundsdk build`.",
)
def profile(model: str, board_id: str, as_json: bool, fail_over: str | None, sources: Path | None) -> None:
    """Measure what MODEL costs on a board: time, memory, current.

    MODEL is a .tflite file, or home or esc10. The board's image is built with the model in it and run in an emulator:
    cycles on boards with an RP2040, instructions on those with RISC-V. Two runs give the same figures.
    """
    from soundsdk.boards import find_board
    from soundsdk.models import load_model
    from soundsdk_sim.profile import limits
    from soundsdk_sim.profile.profiler import profile_detector
    from soundsdk_sim.profile.report import as_json as to_json
    from soundsdk_sim.profile.table import show

    bounds = limits.parse(fail_over) if fail_over is not None else {}
    board = find_board(board_id)

    def say(text: str) -> None:
        click.echo(f"{board_id}: {text}", err=True)

    report = profile_detector(board, load_model(model), sources, say)
    checks = limits.check(bounds, report.figures())
    if as_json:
        click.echo(json.dumps(to_json(report, checks)))
    else:
        show(report, checks)
    exceeded = [check for check in checks if check.exceeded]
    if exceeded:
        named = ", ".join(f"{check.key} is {check.value:.6g}, over {check.limit:g}" for check in exceeded)
        raise CheckError(f"{named}.", "Train a smaller model, or choose another board.")
