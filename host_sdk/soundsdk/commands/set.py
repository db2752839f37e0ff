"""The verb `soundsdk set`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from soundfw import FirmwareError
from soundfw.act import rules
from soundfw.settings import THRESHOLDS
from soundsdk.commands.options import json_option, port_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.errors import UsageError
from soundsdk.labels import meant

if TYPE_CHECKING:
    from soundsdk.device.session import Device

# The key on the command line: (the board's name for it, the type of the value, its range)
_KEYS: dict[str, tuple[str, type, float, float]] = {
    "threshold" if key == "on" else key: (
        (key, int, low, high) if key.endswith("_ms") else (key, float, low / 1000, high / 1000)
    )
    for key, _, low, high in THRESHOLDS
}


_KNOWN = (*_KEYS, "action")


def _number(word: str, key: str, text: str) -> tuple[str, Any]:
    """Return the board's name of a threshold's key, and its value."""
    argument, kind, low, high = _KEYS[key.replace("-", "_")]
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        number = "a probability" if kind is float else "a whole number of milliseconds"
        raise UsageError(f"{word}: {key} is {number} from {low:g} to {high:g}.")
    return argument, value


def _rule(name: str, text: str) -> str:
    """Return the rule of an action, as the board takes it."""
    try:
        rules.parse(text)
    except FirmwareError as error:
        how = "soundsdk set --help shows how actions are written."
        raise UsageError(f"{name}={text}: {error.args[1]}.", how) from error
    return text.strip()


def parse(words: tuple[str, ...]) -> dict[str | None, dict[str, Any]]:
    """Return the changes by label (None: every class), as arguments of Device.set. UsageError names a wrong word."""
    changes: dict[str | None, dict[str, Any]] = {}
    for word in words:
        name, equals, text = word.rpartition("=")
        key, dot, label = name.partition(".")
        if not equals or key.replace("-", "_") not in _KNOWN or (dot and not label):
            known = ", ".join(_KNOWN)
            close = meant(key, _KNOWN) if equals else ""
            raise UsageError(f"{word} is not a setting.", f"{close}Write KEY.LABEL=VALUE or KEY=VALUE; keys: {known}.")
        argument, value = ("action", _rule(name, text)) if key == "action" else _number(word, key, text)
        there = changes.setdefault(label or None, {})
        if argument in there:
            raise UsageError(f"{key}{dot}{label} is there twice.")
        there[argument] = value
    return changes


def _check_pins(device: Device, by_label: dict[str | None, dict[str, Any]]) -> None:
    """Raise UsageError if a rule and another, new or on the board, cannot have their GPIOs both, before any is sent."""
    from soundsdk.boards import find_board
    from soundsdk.device.classes import classes_of

    new = {label: values["action"] for label, values in by_label.items() if "action" in values}
    try:
        port = find_board(device.hello.board).port
    except UsageError:
        return  # The board itself refuses what it cannot do.
    known = classes_of(device) if any("tone" in rule.lower() for rule in new.values()) else None
    wanted = {one.label: new.get(one.label, new.get(None, one.action)) or "none" for one in known or ()}
    # What the board has besides is for the board to say.
    use = rules.PinUse({}, {"kind": "gpio"}, (), port)
    for label in sorted(wanted, key=lambda label: label in new):
        try:
            use.claim(rules.parse(wanted[label]), f"action.{label}")
        except FirmwareError as error:
            raise UsageError(f"action.{label}={wanted[label]}: {error.args[1]}.") from error


@click.command(
    "set",
    cls=Verb,
    examples=[
        "soundsdk set threshold.siren=0.8 off.siren=0.5",
        "soundsdk set min_ms=200 --until-restart -p /dev/ttyACM0",
        "soundsdk set action.doorbell=pin:15,high,2s",
        "soundsdk set 'action.smoke alarm=led,blink+tone:14,2000hz,pulse,200ms,3'",
        "soundsdk set action.doorbell=none",
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
    """Change a board's thresholds, and what it does by itself.

    KEY is one of: threshold, the score at which an event begins; off, the score below which it ends; min_ms, how long
    the score must then stay above `off` to make an event; hold_ms, how long it must stay below `off` to end one;
    action, what the board does when an event begins. Without LABEL the change applies to every class. The board saves
    thresholds for its present detector, and actions for any. The changes to one label are made together or not at all.

    An action is pin:N, led or tone:N with the number of a GPIO; several are joined by +. After pin: `high` or `low`,
    its level meanwhile; after tone: its frequency, such as 880hz. Then how long: a time such as 500ms or 2s, or `event`
    (the default), as long as the event lasts; or `pulse` with a width and a count; or `blink` with a period and how
    long. `none` takes the action away.
    """
    from soundsdk.device.classes import check_labels
    from soundsdk.device.connection import CommandRejected
    from soundsdk.device.session import Device

    by_label = parse(changes)
    done: list[str] = []
    with Device.open(port, system=surroundings.system) as device:
        # What another detector had can be taken away.
        named = [label for label, values in by_label.items() if values != {"action": "none"}]
        check_labels([device], [label for label in named if label is not None])
        _check_pins(device, by_label)
        for label, values in by_label.items():
            try:
                device.set(label, keep=not until_restart, **values)
            except CommandRejected as error:
                if done:
                    click.echo(f"Changed before the error: {', '.join(done)}.", err=True)
                if label is not None and values == {"action": "none"}:
                    check_labels([device], [label])  # a sentence with the labels, if the board has no such rule either
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
