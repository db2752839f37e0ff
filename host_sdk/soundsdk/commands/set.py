"""The verb `soundsdk set`."""

from __future__ import annotations

import json
from typing import Any

import click

from soundfw.settings import THRESHOLDS
from soundsdk.commands.options import json_option, port_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.errors import UsageError
from soundsdk.labels import meant

# The key on the command line: (the board's name for it, the type of the value, its range)
_KEYS: dict[str, tuple[str, type, float, float]] = {
    "threshold" if key == "on" else key: (
        (key, int, low, high) if key.endswith("_ms") else (key, float, low / 1000, high / 1000)
    )
    for key, _, low, high in THRESHOLDS
}


def parse(words: tuple[str, ...]) -> dict[str | None, dict[str, Any]]:
    """Return the changes by label (None: every class), as arguments of Device.set. UsageError names a wrong word."""
    changes: dict[str | None, dict[str, Any]] = {}
    for word in words:
        name, equals, text = word.rpartition("=")
        key, dot, label = name.partition(".")
        if not equals or key.replace("-", "_") not in _KEYS or (dot and not label):
            known = ", ".join(_KEYS)
            close = meant(key, _KEYS) if equals else ""
            raise UsageError(f"{word} is not a setting.", f"{close}Write KEY.LABEL=VALUE or KEY=VALUE; keys: {known}.")
        argument, kind, low, high = _KEYS[key.replace("-", "_")]
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            number = "a probability" if kind is float else "a whole number of milliseconds"
            raise UsageError(f"{word}: {key} is {number} from {low:g} to {high:g}.")
        there = changes.setdefault(label or None, {})
        if argument in there:
            raise UsageError(f"{key}{dot}{label} is there twice.")
        there[argument] = value
    return changes


@click.command(
    "set",
    cls=Verb,
    examples=[
        "soundsdk set threshold.siren=0.8 off.siren=0.5",
        "soundsdk set min_ms=200 --until-restart -p /dev/ttyACM0",
    ],
)
@click.argument("changes", nargs=-1, required=True, metavar="KEY[.LABEL]=VALUE...")
@port_option
@click.option("--until-restart", is_flag=True, help="Do not save the change: the board drops it when it restarts.")
@json_option
@pass_surroundings
def set_(
    surroundings: Surroundings, changes: tuple[str, ...], port: str | None, until_restart: bool, as_json: bool
) -> None:
    """Change a board's thresholds.

    KEY is one of: threshold, the score at which an event begins; off, the score below which it ends; min_ms, how long
    the score must then stay above `off` to make an event; hold_ms, how long it must stay below `off` to end one.
    Without LABEL the change applies to every class. The board saves it for its present detector. The changes to one
    label are made together or not at all.
    """
    from soundsdk.device.classes import check_labels
    from soundsdk.device.connection import CommandRejected
    from soundsdk.device.session import Device

    by_label = parse(changes)
    done: list[str] = []
    with Device.open(port, system=surroundings.system) as device:
        check_labels([device], [label for label in by_label if label is not None])
        for label, values in by_label.items():
            try:
                device.set(label, keep=not until_restart, **values)
            except CommandRejected as error:
                if done:
                    click.echo(f"Changed before the error: {', '.join(done)}.", err=True)
                if error.code == "unsupported" and not until_restart:
                    error.hint = "Change it until the board restarts, with --until-restart."
                raise
            done.append(label or "every class")
    if as_json:
        changed = [{"label": label, **values} for label, values in by_label.items()]
        click.echo(json.dumps({"board": device.hello.board, "changed": changed, "saved": not until_restart}))
    click.echo(
        f"Changed {', '.join(done)}; {'until the board restarts' if until_restart else 'saved on the board'}.", err=True
    )
