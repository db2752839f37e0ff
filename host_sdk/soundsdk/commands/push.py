"""`soundsdk push`."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("model")
@click.option(
    "-p", "--port", "where", metavar="PORT", help="The board (default: SOUNDSDK_PORT, else the one there is)."
)
@click.option("--json", "as_json", is_flag=True, help="What the board runs afterwards as one JSON object.")
def push(model: str, where: str | None, as_json: bool) -> None:
    """Give a board the detector MODEL (a .tflite file, or home or esc10), without flashing.

    It is checked here, sent, verified on the board, started on trial and confirmed; until then the old detector is
    kept. If the connection is cut, plug the board in again within 30 s, or run the command again: it goes on where it
    was. Exit code 6 if the board cannot run the model; then the old one runs.
    """
    from soundsdk.device.push import push as push_model
    from soundsdk.device.session import Device
    from soundsdk.models import load_model
    from soundsdk.progress import Bar

    detector = load_model(model)
    step = ""
    with Device.open(where) as device, Bar(detector.name) as bar:
        before = device.hello

        def progress(name: str, done: int, total: int) -> None:
            nonlocal step
            if name != step:
                step = name
                click.echo(f"{name} …", err=True)
            if name == "sending":
                bar.show(done, total)

        if before.fw != _version():
            click.echo(f"the board's firmware is {before.fw}, not {_version()}: it decides itself", err=True)
        done = push_model(device, detector, progress)
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
