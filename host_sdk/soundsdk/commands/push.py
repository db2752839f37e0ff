"""The verb `soundsdk push`."""

from __future__ import annotations

import json

import click

from soundsdk.commands.options import json_option, model_argument, port_option, warn
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings


@click.command(
    cls=Verb,
    examples=[
        "soundsdk push siren.tflite",
        "soundsdk push esc10 -p /dev/ttyACM0",
    ],
)
@model_argument
@port_option
@json_option
@pass_surroundings
def push(surroundings: Surroundings, model: str, port: str | None, as_json: bool) -> None:
    """Send a board another detector, without flashing.

    MODEL is a .tflite file, or one that comes with soundsdk, such as home or home_tiny. It is checked here, sent,
    verified on the board, started on trial and confirmed; until then the old detector is kept. If the connection is
    cut, plug the board in again within 30 s, or run the command again: it resumes. Exit code 6 if the board cannot run
    the model; then the old one runs.
    """
    from soundsdk.device.push import push as push_model
    from soundsdk.device.session import Device
    from soundsdk.models.shipped import load_model
    from soundsdk.progress import Progress

    detector = load_model(model, warn)
    step = ""
    with Device.open(port, system=surroundings.system) as device, Progress(detector.name) as progress:
        before = device.hello

        def show(name: str, done: int, total: int) -> None:
            nonlocal step
            if name != step:
                step = name
                progress.say(f"{name} …")
            if name == "sending":
                progress.update(done, total)

        # Behind the version a build adds a hash of what it was made from.
        if before.fw.partition("+")[0] != _version().partition("+")[0]:
            click.echo(
                f"the board's firmware is {before.fw}, not {_version()}: the board checks the model itself", err=True
            )
        try:
            done = push_model(device, detector, show)
        except KeyboardInterrupt as error:
            # Until the commit nothing is tried; after it, the board goes back at the start after a trial.
            hint = "The old detector stays until a new one is confirmed; the same command goes on where this one ended."
            raise type(error)(hint) from error
    hello = done.hello
    if as_json:
        click.echo(
            json.dumps(
                {
                    "board": hello.board,
                    "model": hello.model,
                    "sha256": hello.sha256,
                    "sent_bytes": done.sent_bytes,
                    "resumed_bytes": done.resumed_bytes,
                    "cuts": done.cuts,
                }
            )
        )
    else:
        had = "had it already" if not done.sent_bytes else f"had {before.model or 'no detector'} before"
        click.echo(f"{hello.board} runs {hello.model} ({hello.sha256[:16]}…); it {had}")


def _version() -> str:
    from soundsdk import __version__

    return __version__
