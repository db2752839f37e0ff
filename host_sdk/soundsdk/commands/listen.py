"""The verb `soundsdk listen`."""

from __future__ import annotations

import json
import shlex
import sys
import time
from dataclasses import asdict
from typing import Any

import click
from click.core import ParameterSource

from soundsdk.commands.monitor import display_options, show_events
from soundsdk.commands.options import model_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.errors import UsageError

_READ_S = 0.2


@click.command(
    cls=Verb,
    context_settings={"allow_extra_args": True},  # of a recording it says where that is heard
    examples=[
        "soundsdk listen",
        "soundsdk listen --list",
        "soundsdk listen --microphone USB --model my_detector.tflite --web",
        "soundsdk listen --json --label doorbell | jq .score",
        "soundsdk listen --wire > lines.jsonl     # as `soundsdk sim` prints them",
    ],
)
@click.option(
    "--microphone",
    default="",
    metavar="NAME|N",
    help="The microphone: its name, a part of it, or its number in --list (default: the system's).",
)
@click.option("--list", "list_them", is_flag=True, help="List this computer's microphones, and end.")
@model_option
@click.option("--wire", is_flag=True, help="Print the firmware's own lines, as soundsdk sim does.")
@display_options
@pass_surroundings
def listen(
    surroundings: Surroundings, microphone: str, list_them: bool, model: str | None, wire: bool, **display: Any
) -> None:
    """Listen to this computer's microphone with a detector, as a board would.

    The firmware's own code runs on this computer, in real time, and shows what `soundsdk monitor` shows. Nothing leaves
    this computer, unless --mqtt says where to. A microphone that does not offer the detector's rate is converted; which
    rate it has is said. Samples that are lost on the way are counted. Runs until Ctrl-C (exit code 130). Exit code 3
    without a microphone, 7 without the packages: pip install "soundsdk[listen]".

    The same board is the address mic: or mic:NAME of any verb that takes -p.
    """
    from soundsdk.install.packages import need
    from soundsdk.recording.computer_microphone import check_no_recording

    context = click.get_current_context()
    if context.args:
        word = context.args[0]
        check_no_recording(word, "soundsdk listen")
        hint = f"A microphone: --microphone {shlex.quote(word)}. A recording: soundsdk sim FILE"
        raise UsageError(f"soundsdk listen takes options alone, and {word} is none.", hint)
    need("soundsdk listen", "listen")
    if list_them:
        _list(display["as_json"])
        return
    address = f"mic:{microphone}" + (f",model={model}" if model else "")
    if not wire:
        show_events(surroundings, (address,), **display)
        return
    given = [name for name in display if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if set(given) - {"seconds"}:
        raise UsageError("--wire prints the firmware's lines, and nothing else.", "Leave out all but --seconds.")
    _print_lines(address, display["seconds"])


def _list(as_json: bool) -> None:
    from soundsdk.recording.computer_microphone import choose_microphone, microphones

    found = microphones()
    choose_microphone(found, "")  # says so if there is none
    for one in found:
        if as_json:
            click.echo(json.dumps(asdict(one)))
            continue
        rate = f"{one.rate_hz} Hz" if one.rate_hz else ""  # some drivers do not say it
        words = [str(one.number), one.name, one.system, rate, "default" if one.default else ""]
        click.echo("  ".join(word for word in words if word))


def _print_lines(address: str, seconds: float | None) -> None:
    """Print the lines of a board as they come, its text to standard error."""
    from soundsdk.device.address import parse
    from soundsdk.device.transport import open_transport

    transport = open_transport(parse(address))
    try:
        end = None if seconds is None else time.monotonic() + seconds
        rest = b""
        while end is None or time.monotonic() < end:
            *lines, rest = (rest + transport.read(_READ_S)).split(b"\n")
            for line in filter(None, lines):
                if line.startswith(b"{"):
                    sys.stdout.buffer.write(line + b"\n")
                else:
                    click.echo(line.decode(errors="replace"), err=True)
            sys.stdout.buffer.flush()
    finally:
        transport.close()
