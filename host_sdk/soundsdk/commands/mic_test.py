"""`soundsdk mic-test`."""

from __future__ import annotations

import json

import click
import numpy as np


@click.command("mic-test")
@click.option(
    "-p", "--port", "where", metavar="PORT", help="The board (default: SOUNDSDK_PORT, else the one there is)."
)
@click.option("--seconds", type=click.IntRange(2, 60), default=4, show_default=True, help="How long it listens.")
@click.option("--json", "as_json", is_flag=True, help="Faults and levels as one JSON object.")
def mic_test(where: str | None, seconds: int, as_json: bool) -> None:
    """Listen to a board's microphone and name what is wrong with it.

    Speak or clap meanwhile. Named are: silent, ones, constant, channel, bytes, shift, clipping, dc, hum, quiet. Exit
    code 6 if there is a fault.
    """
    from soundsdk.device.session import Device
    from soundsdk.errors import CheckError
    from soundsdk.recording.audio_lines import record
    from soundsdk.recording.dataset_files import levels
    from soundsdk.recording.mic_faults import examine, find_hum
    from soundsdk.recording.recorder import best_bits

    with Device.open(where) as device:
        slow = best_bits(device) < 4
        click.echo(f"listening to {device.hello.board} for {seconds * (1 + slow)} s: speak or clap", err=True)
        take = record(device, seconds, 16)
        # The link carries a part of the samples themselves; for hum it takes all of them, as good as they come.
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
        click.echo(f"level {facts['rms_dbfs']} dBFS, peak {facts['peak_dbfs']} dBFS, {take.lost} samples lost")
        for fault in faults:
            click.echo(f"{fault.name}: {fault.sentence}\n  {fault.hint}")
        if not faults:
            click.echo("the microphone sounds as it should")
    if faults:
        raise CheckError(f"the microphone has a fault: {', '.join(fault.name for fault in faults)}.")
