"""The verb `soundsdk build`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from soundsdk.commands.options import board_argument, json_option, model_option, output_option, sources_option, warn
from soundsdk.commands.verb import Verb
from soundsdk.whole_file import check_folder


@click.command(
    cls=Verb,
    examples=[
        "soundsdk build rpi_pico",
        "soundsdk build esp32s3_devkit --model siren.tflite -o images",
        "soundsdk build qemu_arm --json",
    ],
)
@board_argument
@model_option
@sources_option
@output_option("Folder for the image.", default="dist", folder=True)
@json_option
def build(board: str, model: str | None, sources: Path | None, output: Path, as_json: bool) -> None:
    """Build the firmware image of BOARD, with a detector in it.

    Prints the path of the image. Only changed C or Python is compiled: a detector is written into the image that was
    compiled before, which needs no compiler. Sources are fetched once, at pinned versions, and kept in soundsdk's
    cache. Exit code 1 if the image cannot be built, 6 if the board has not
    the flash, the memory or the speed for the detector; an older image stays as it was.
    """
    from soundsdk.boards import find_board
    from soundsdk.build.builder import build_image
    from soundsdk.models.shipped import load_model

    def say(text: str) -> None:
        click.echo(f"{board}: {text}", err=True)

    begin = time.monotonic()
    chosen, detector = find_board(board), load_model(model, warn)
    check_folder(output)
    image = build_image(chosen, detector, sources, output, say)
    if as_json:
        facts = {"image": str(image.path), "size_bytes": image.size_bytes, "sha256": image.sha256}
        click.echo(json.dumps({**facts, "compiled": image.compiled}))
    else:
        click.echo(str(image.path))
    took = f"{time.monotonic() - begin:.1f} s"
    done = f"compiled in {took}" if image.compiled else f"nothing compiled, the detector written in {took}"
    say(f"{image.size_bytes} bytes, SHA-256 {image.sha256[:16]}…; {done}")
