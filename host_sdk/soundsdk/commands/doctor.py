"""`soundsdk doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from soundsdk.errors import EXIT_CHECK, EXIT_OK


@click.command()
@click.option("--udev", "show_rule", is_flag=True, help="Print the udev rule and do nothing else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per finding and line.")
def doctor(show_rule: bool, as_json: bool) -> int:
    """Find out why a board cannot be reached.

    Looks at versions, permissions, the udev rule, services that take ports, who has a port open, and asks the boards
    that are connected. Exit code 6 if there is something to do, which it says, 0 if not.
    """
    from soundsdk.device import udev

    if show_rule:
        click.echo(udev.text(), nl=False)
        return EXIT_OK
    from soundsdk.device.doctor import examine

    findings = examine()
    for one in findings:
        if as_json:
            click.echo(json.dumps(asdict(one)))
            continue
        mark = {True: "ok", False: "do", None: "  "}[one.ok]
        click.echo(f"{mark}  {one.topic}: {one.text}" + (f" -> {one.todo}" if one.todo else ""))
    return EXIT_CHECK if any(one.ok is False for one in findings) else EXIT_OK
