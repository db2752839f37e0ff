"""The verb `soundsdk mic-test`."""

from __future__ import annotations

import json

import click
import numpy as np

from soundsdk.commands.options import json_option, port_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.labels import counted


@click.command(
    "mic-test",
    cls=Verb,
    examples=[
        "soundsdk mic-test",
        "soundsdk mic-test --seconds 10 --json",
    ],
)
@port_option
@click.option(
    "--seconds", type=click.IntRange(2, 60), default=4, show_default=True, metavar="N", help="Seconds to listen."
)
@json_option
@pass_surroundings
def mic_test(surroundings: Surroundings, port: str | None, seconds: int, as_json: bool) -> None:
    """Listen to a board's microphone and name what is wrong with it.

    Speak or clap meanwhile. The faults: silent, ones, constant, channel, bytes, shift, clipping, dc, hum, quiet. Exit
    code 6 if there is one.
    """
    from soundsdk.device.audio_lines import record
    from soundsdk.device.session import Device
    from soundsdk.errors import CheckError
    from soundsdk.recording.dataset_files import levels
    from soundsdk.recording.mic_faults import examine, find_hum
    from soundsdk.recording.recorder import best_bits

    with Device.open(port, system=surroundings.system) as device:
        slow = best_bits(device, surroundings.system) < 4
        click.echo(f"listening to {device.hello.board} for {seconds * (1 + slow)} s: speak or clap", err=True)
        take = record(device, seconds, 16)
        # A slow link carries only some of the 16-bit samples. Finding hum needs all of them, at whatever resolution.
        second = record(device, seconds, 3) if slow else None
    if not take.captured:
        raise CheckError(
            "no sound arrives: the board lost all of it.", "Look at `lost` in soundsdk monitor, and at the pins."
        )
    pcm = np.concatenate([piece.pcm for piece in take.pieces])
    faults = examine(pcm, take.rate_hz)
    if second is not None and second.pieces and not faults:
        hum = find_hum(max((piece.pcm for piece in second.pieces), key=len), take.rate_hz)
        faults = [hum] if hum else []
    facts = levels(pcm)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "board": device.hello.board,
                    "samples": take.samples,
                    "lost": take.lost,
                    **facts,
                    "faults": [{"name": f.name, "says": f.sentence, "hint": f.hint} for f in faults],
                }
            )
        )
    else:
        lost = counted(take.lost, "sample")
        click.echo(f"level {facts['rms_dbfs']} dBFS, peak {facts['peak_dbfs']} dBFS, {lost} lost")
        for fault in faults:
            click.echo(f"{fault.name}: {fault.sentence}\n  {fault.hint}")
        if not faults:
            click.echo("the microphone sounds as it should")
    if faults:
        raise CheckError(f"the microphone has a fault: {', '.join(fault.name for fault in faults)}.")
