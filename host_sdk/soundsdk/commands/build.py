"""`soundsdk build`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click


@click.command()
@click.argument("board")
@click.option("--model", metavar="M", help="The detector in it: a .tflite file, or home or esc10 (default: home).")
@click.option(
    "--sources",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="A folder with micropython, pico-sdk and tinyusb, instead of fetching them.",
)
@click.option(
    "-o", "--output", "out", type=click.Path(path_type=Path, file_okay=False), default=Path("dist"), show_default=True,
    metavar="DIR", help="Where the image goes.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Path, size and hash as one JSON object.")
def build(board: str, model: str | None, sources: Path | None, out: Path, as_json: bool) -> None:
    """Make the firmware image of BOARD, with a detector in it.

    Prints the path of the image. Sources are fetched once, at pinned versions, and kept in soundsdk's cache; nothing is
    compiled again when nothing has changed. Exit code 1 if the image cannot be made; then none is left, and an older
    one stays as it was.
    """
    from soundsdk.boards import find_board
    from soundsdk.build.builder import build as build_image
    from soundsdk.models import load_model

    def say(text: str) -> None:
        click.echo(f"{board}: {text}", err=True)

    begin = time.monotonic()
    image = build_image(find_board(board), load_model(model), sources, out, say)
    if as_json:
        click.echo(json.dumps({"image": str(image.path), "size_bytes": image.size_bytes, "sha256": image.sha256}))
    else:
        click.echo(str(image.path))
    done = f"built in {time.monotonic() - begin:.0f} s" if image.built else "nothing has changed"
    say(f"{image.size_bytes} bytes, SHA-256 {image.sha256[:16]}…; {done}")
