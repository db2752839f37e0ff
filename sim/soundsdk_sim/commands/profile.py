"""The verb `soundsdk profile`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from soundsdk.commands.options import board_argument, json_option, model_option, sources_option
from soundsdk.commands.verb import Verb
from soundsdk.errors import CheckError


@click.command(
    cls=Verb,
    examples=[
        "soundsdk profile rpi_pico",
        "soundsdk profile qemu_rv32 --model siren.tflite --json",
        "soundsdk profile rpi_pico --model esc10 --fail-over ms=60,rt=0.5",
        "soundsdk profile rpi_pico --mhz 48     # slower, with less current",
    ],
)
@board_argument
@model_option
@json_option
@click.option(
    "--fail-over",
    metavar="KEY=N,...",
    help="Exit with 6 if a figure is larger: ms, rt, cycles, instructions, arena, flash, ram, ma, mw. k and M are "
    "understood.",
)
@click.option(
    "--mhz", type=click.IntRange(48, 400), metavar="N",
    help="Times and currents at another clock, which clock_mhz in the board's settings.json sets.",
)  # fmt: skip
@sources_option
def profile(
    board: str, model: str | None, as_json: bool, fail_over: str | None, mhz: int | None, sources: Path | None
) -> None:
    """Measure what a detector costs on BOARD: time, memory, current.

    The board's image is built with the detector in it and run in an emulator, which counts cycles on boards with an
    RP2040 and instructions on those with RISC-V. Two runs give the same figures.
    """
    from soundsdk.boards import find_board
    from soundsdk.models.shipped import load_model
    from soundsdk_sim.profile import limits
    from soundsdk_sim.profile.profiler import profile_detector
    from soundsdk_sim.profile.report import as_json as to_json
    from soundsdk_sim.profile.table import show

    bounds = limits.parse(fail_over) if fail_over is not None else {}
    found = find_board(board)

    def say(text: str) -> None:
        click.echo(f"{board}: {text}", err=True)

    report = profile_detector(found, load_model(model), sources, say, (mhz or 0) * 1_000_000)
    checks = limits.check(bounds, report.figures())
    if as_json:
        click.echo(json.dumps(to_json(report, checks)))
    else:
        show(report, checks)
    exceeded = [check for check in checks if check.exceeded]
    if exceeded:
        named = ", ".join(f"{check.key} is {check.value:.6g}, over {check.limit:g}" for check in exceeded)
        raise CheckError(f"{named}.", "Train a smaller model, or choose another board.")
