"""The arguments and options that several verbs share: one spelling, one help text, one behaviour."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from soundsdk.errors import DataError, UsageError
from soundsdk.given_text import parse_json, read_text

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")


def not_empty(ctx: click.Context, param: click.Parameter, value: _T) -> _T:
    """Return what was given; UsageError for an empty word, as "$PORT" is one where PORT is not set."""
    for word in value if isinstance(value, tuple) else (value,):
        if isinstance(word, str) and not word.strip():
            name = param.opts[0] if isinstance(param, click.Option) else param.make_metavar(ctx)
            raise UsageError(f"{name} is given, and is empty.", "Is a variable of the shell not set? Give it a value.")
    return value


board_argument = click.argument("board", metavar="BOARD")
model_argument = click.argument("model", metavar="MODEL", callback=not_empty)
model_option = click.option(
    "-m", "--model", metavar="MODEL", callback=not_empty,
    help="The detector: a .tflite file, or one that comes with soundsdk: home (the default), esc10, knock_doorbell, "
    "and for boards with little memory home_tiny, knock_doorbell_tiny.",
)  # fmt: skip
port_option = click.option(
    "-p", "--port", metavar="PORT", callback=not_empty,
    help="The board: auto, id:SERIAL, a path, rfc2217://HOST:PORT, socket://HOST:PORT, sim:BOARD[,file=CLIP]. "
    "Default: SOUNDSDK_PORT, else auto, the only board there is.",
)  # fmt: skip
ports_option = click.option(
    "-p", "--port", "addresses", multiple=True, metavar="PORT", callback=not_empty,
    help="A board: auto, id:SERIAL, a path, rfc2217://HOST:PORT, socket://HOST:PORT, sim:BOARD[,file=CLIP]; may be "
    "repeated. Default: SOUNDSDK_PORT, else auto, the only board there is.",
)  # fmt: skip
json_option = click.option(
    "--json", "as_json", is_flag=True,
    help='Print JSON instead of text, one object per line; if it fails, the last is {"error": ...}.',
)  # fmt: skip
sources_option = click.option(
    "--sources", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="DIR",
    help="Build from this folder with micropython, pico-sdk and tinyusb, instead of fetching them.",
)  # fmt: skip
data_option = click.option("--data", required=True, type=click.Path(), metavar="DIR", help="Folder of recordings.")
config_option = click.option(
    "--config",
    type=click.Path(),
    metavar="FILE",
    help="TOML file of settings, or those of a detector that comes with soundsdk: home, home_tiny, esc10 …",
)
settings_option = click.option(
    "--settings", type=click.Path(path_type=Path), metavar="FILE",
    help='JSON of settings beside those of the board, such as {"mic": {"kind": "i2s", "sck": 4, "ws": 5, "sd": 6}}.',
)  # fmt: skip
seed_option = click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", help="Seed of all random choices.")


def one_port(argument: str | None, option: str | None) -> str | None:
    """Return the board's address of a verb that takes it as an argument or as -p; UsageError if both differ."""
    if argument is not None and option is not None and argument != option:
        raise UsageError(f"two boards are named: {argument} and {option}.", "Name one of them.")
    return argument if argument is not None else option


def read_settings(path: Path | None) -> dict[str, Any]:
    """Return the settings in a file of --settings, none without one; DataError if it cannot be read or is no object."""
    if path is None:
        return {}
    try:
        values = parse_json(read_text(path))
    except OSError as error:
        raise DataError(f"the settings {path} cannot be read: {error.strerror or error}.", "Check the path.") from error
    except ValueError as error:
        raise DataError(f"the settings {path} are no JSON: {error}.", "Correct the file.") from error
    if not isinstance(values, dict):
        raise DataError(f"the settings {path} are no JSON object.", 'It begins with {"mic": …')
    return values


class Number(click.FloatRange):
    """A number of the command line, in a range; what is no number (nan) or has no end (inf) is a usage error."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; a usage error if it is none or lies outside the range."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return number


def warn(text: str) -> None:
    """Write a line to standard error, as load_model() calls for what a detector cannot do."""
    click.echo(text, err=True)


def output_option(help: str, default: str | None = None, folder: bool = False) -> Callable[[_F], _F]:
    """Return `-o/--output`, a file or a folder to write; required if it has no default."""
    kind = click.Path(path_type=Path, file_okay=not folder)
    # No default=None: to some versions of click that is a value, with which nothing is missing.
    needed: dict[str, Any] = {"required": True} if default is None else {"default": default, "show_default": True}
    return click.option("-o", "--output", type=kind, metavar="DIR" if folder else "FILE", help=help, **needed)


def fold_option(help: str) -> Callable[[_F], _F]:
    """Return `--fold`, one of the dataset's folds."""
    return click.option("--fold", type=int, metavar="N", help=help)
