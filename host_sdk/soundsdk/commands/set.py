"""`soundsdk set`."""

from __future__ import annotations

from typing import Any

import click

from soundfw.settings import THRESHOLDS
from soundsdk.errors import UsageError

# What a person writes: the board's key, how the value is read, its range; probabilities are 1/1000 on the board.
_KEYS: dict[str, tuple[str, type, float, float]] = {
    "threshold" if key == "on" else key: (
        (key, int, low, high) if key.endswith("_ms") else (key, float, low / 1000, high / 1000)
    )
    for key, _, low, high in THRESHOLDS
}


def parse(words: tuple[str, ...]) -> dict[str | None, dict[str, Any]]:
    """By label (None: every class) what is to be set, as arguments of Device.set. UsageError names a wrong word."""
    changes: dict[str | None, dict[str, Any]] = {}
    for word in words:
        name, equals, text = word.rpartition("=")
        key, dot, label = name.partition(".")
        if not equals or key.replace("-", "_") not in _KEYS or (dot and not label):
            known = ", ".join(_KEYS)
            raise UsageError(f"{word} says nothing to set.", f"Write KEY.LABEL=VALUE or KEY=VALUE; keys: {known}.")
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
            raise UsageError(f"{key}{dot}{label} is given twice.")
        there[argument] = value
    return changes


@click.command("set")
@click.argument("changes", nargs=-1, required=True, metavar="KEY[.LABEL]=VALUE...")
@click.option("-p", "--port", metavar="PORT", help="The board: auto, id:SERIAL, a path, a URL, sim:BOARD.")
@click.option("--until-restart", is_flag=True, help="Try it: the board forgets it when it restarts.")
def set_(changes: tuple[str, ...], port: str | None, until_restart: bool) -> None:
    """Change a board's thresholds.

    KEY is threshold (the probability at which an event begins), off (below which it ends), min_ms (how long it must
    last) or hold_ms (how long it must be over); without LABEL it is set for every class. The board keeps it for this
    detector. What is given for one label is set all or not at all.

    Example: soundsdk set threshold.siren=0.8 off.siren=0.5
    """
    from soundsdk.device.session import Device, Refused

    by_label = parse(changes)
    done: list[str] = []
    with Device.open(port) as device:
        for label, values in by_label.items():
            try:
                device.set(label, keep=not until_restart, **values)
            except Refused as error:
                if done:
                    click.echo(f"Already set: {', '.join(done)}.", err=True)
                if error.code == "unsupported" and not until_restart:
                    error.hint = "--until-restart sets it until the board restarts."
                raise
            done.append(label or "every class")
    click.echo(f"Set for {', '.join(done)}; {'until the board restarts' if until_restart else 'kept'}.", err=True)
