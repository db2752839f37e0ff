"""The verb `soundsdk set`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from soundsdk.commands.options import json_option, port_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.device.changes import check_pins, hint_for_pin, parse

if TYPE_CHECKING:
    from soundsdk.device.session import Device


def _present(device: Device) -> dict[str, str] | None:
    """Return the rules on a board by label; None if it does not say."""
    from soundsdk.device.classes import classes_of

    classes = classes_of(device)
    return None if classes is None else {one.label: one.action for one in classes}


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
        check_pins(device.hello.board, lambda: _present(device), by_label)
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
                if error.code == "action.pin":
                    present = (_present(device) or {}).items()
                    others = {other: rule for other, rule in present if label not in (None, other)}
                    error.hint = hint_for_pin(device.hello.board, values["action"], others)
                raise
            done.append(label or "every class")
    if as_json:
        changed = [{"label": label, **values} for label, values in by_label.items()]
        click.echo(json.dumps({"board": device.hello.board, "changed": changed, "saved": not until_restart}))
    click.echo(
        f"Changed {', '.join(done)}; {'until the board restarts' if until_restart else 'saved on the board'}.", err=True
    )
