"""The verb `soundsdk build`."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from soundsdk.commands.options import json_option, model_option, not_empty, output_option, sources_option, warn
from soundsdk.commands.verb import Verb
from soundsdk.errors import UsageError
from soundsdk.whole_file import check_folder


@click.command(
    cls=Verb,
    examples=[
        "soundsdk build rpi_pico",
        "soundsdk build esp32s3_devkit --model siren.tflite -o images",
        "soundsdk build qemu_arm --json",
        "soundsdk build --native",
        "soundsdk build --native armv6m rv32imc -o modules",
    ],
)
@click.argument("names", nargs=-1, metavar="BOARD | --native [ARCH]...", callback=not_empty)
@click.option(
    "--native", is_flag=True,
    help="Build soundcore.mpy instead, the module with which stock MicroPython 1.24 or newer runs soundfw, for ARCH: "
    "armv6m, armv7m, rv32imc, x64, xtensawin; all of them if none is given.",
)  # fmt: skip
@model_option
@sources_option
@output_option("Folder for the image or the modules.", default="dist", folder=True)
@json_option
def build(
    names: tuple[str, ...], native: bool, model: str | None, sources: Path | None, output: Path, as_json: bool
) -> None:
    """Build the firmware image of BOARD, with a detector in it, or native modules for stock MicroPython.

    Prints the path of the image. Only changed C or Python is compiled: a detector is written into the image that was
    compiled before, which needs no compiler. Sources are fetched once, at pinned versions, and kept in soundsdk's
    cache. With --native the modules are soundcore-ARCH.mpy, beside a manifest, soundcore.json, and packages for mip,
    package-ARCH.json. Exit code 1 if the image cannot be built, 6 if the board has not the flash, the memory or the
    speed for the detector, 7 if a compiler is missing; an older image stays as it was.
    """
    check_folder(output)
    if native:
        if model is not None:
            raise UsageError("a native module holds no detector: --model goes with a board.", "Leave it out.")
        _build_modules(names, sources, output, as_json)
    elif len(names) != 1:
        raise UsageError(
            f"build takes one board, and {len(names) or 'none'} {'are' if len(names) > 1 else 'is'} given.",
            "Name one of `soundsdk boards`, or pass --native for the modules of stock MicroPython.",
        )
    else:
        _build_board(names[0], model, sources, output, as_json)


def _build_board(board: str, model: str | None, sources: Path | None, output: Path, as_json: bool) -> None:
    from soundsdk.boards import find_board
    from soundsdk.build.builder import build_image
    from soundsdk.models.shipped import load_model

    def say(text: str) -> None:
        click.echo(f"{board}: {text}", err=True)

    begin = time.monotonic()
    image = build_image(find_board(board), load_model(model, warn), sources, output, say)
    if as_json:
        facts = {"image": str(image.path), "size_bytes": image.size_bytes, "sha256": image.sha256}
        click.echo(json.dumps({**facts, "compiled": image.compiled}))
    else:
        click.echo(str(image.path))
    took = f"{time.monotonic() - begin:.1f} s"
    done = f"compiled in {took}" if image.compiled else f"nothing compiled, the detector written in {took}"
    say(f"{image.size_bytes} bytes, SHA-256 {image.sha256[:16]}…; {done}")


def _build_modules(names: tuple[str, ...], sources: Path | None, output: Path, as_json: bool) -> None:
    from soundsdk.build.mip_packages import write_packages
    from soundsdk.build.native import native_modules, write_modules
    from soundsdk.build.native_archs import ARCHS

    begin = time.monotonic()
    modules = native_modules(list(dict.fromkeys(names)) or list(ARCHS), warn, sources)
    for module, path in zip(modules, write_modules(modules, output), strict=True):
        if as_json:
            facts = {"module": str(path), "arch": module.arch, "size_bytes": len(module.data)}
            click.echo(json.dumps({**facts, "sha256": module.facts.sha256, "compiled": module.fresh}))
        else:
            click.echo(str(path))
    write_packages(modules, output, warn)
    size, fresh = sum(len(module.data) for module in modules), sum(module.fresh for module in modules)
    took = f"{time.monotonic() - begin:.1f} s"
    warn(f"{len(modules)} native module{'s' * (len(modules) > 1)}, {size} bytes; {fresh} compiled, in {took}")
