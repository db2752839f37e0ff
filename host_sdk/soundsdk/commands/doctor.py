"""The verb `soundsdk doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from soundsdk.commands.options import json_option, port_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.errors import CheckError


@click.command(
    cls=Verb,
    examples=[
        "soundsdk doctor",
        "soundsdk doctor -p rfc2217://pi.local:4000",
        "soundsdk doctor --udev | sudo tee /etc/udev/rules.d/70-soundsdk.rules",
    ],
)
@click.option("--udev", "show_rule", is_flag=True, help="Print the udev rule and do nothing else.")
@port_option
@json_option
@pass_surroundings
def doctor(surroundings: Surroundings, show_rule: bool, port: str | None, as_json: bool) -> None:
    """Find out why a board cannot be reached.

    Checks versions, permissions, the udev rule, services that take ports, programs that have a port open, and the
    boards that are connected; with -p (or SOUNDSDK_PORT) also the board at that address, such as one behind a forwarded
    port. Exit code 6 if there is something to do, which it prints; else 0.
    """
    from soundsdk.device import udev

    if show_rule:
        click.echo(udev.rule_text(), nl=False)
        return
    from soundsdk.device.doctor import examine

    findings = examine(surroundings.system, port)
    for one in findings:
        if as_json:
            click.echo(json.dumps(asdict(one)))
            continue
        mark = {True: "ok", False: "do", None: "  "}[one.ok]
        click.echo(f"{mark}  {one.topic}: {one.text}" + (f" -> {one.todo}" if one.todo else ""))
    to_do = list(dict.fromkeys(one.topic for one in findings if one.ok is False))
    if to_do:
        raise CheckError(f"there is something to do: {', '.join(to_do)}.", "Their lines say what.")
