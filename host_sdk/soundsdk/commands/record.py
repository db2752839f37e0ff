"""The verb `soundsdk record`."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

import click

from soundsdk.commands.options import Number, json_option, output_option, port_option
from soundsdk.commands.patient_output import write_patiently
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings


@click.command(
    cls=Verb,
    examples=[
        "soundsdk record --label bark --seconds 5 --count 10 -o my_sounds",
        "soundsdk record --label bark --on-trigger bark --pre-roll 1 --seconds 4 -o my_sounds",
        "soundsdk record --label street --seconds 600 --labels -o my_sounds     # with a label track beside the sound",
        "soundsdk record --pc --label background --seconds 60 -o my_sounds",
    ],
)
@port_option
@click.option("--pc", is_flag=True, help="Record from this computer's microphone instead of a board.")
@click.option("--label", required=True, metavar="LABEL", help="Class of the sound: a folder of the dataset.")
@click.option("--seconds", type=click.IntRange(1, 3600), required=True, metavar="N", help="Length of a recording.")
@click.option(
    "--count", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Number of recordings."
)
@click.option("--on-trigger", "trigger", metavar="LABEL", help="Record when the board's detector finds LABEL.")
@click.option(
    "--pre-roll", "pre_roll_s", type=Number(0, 60), default=1.0, show_default=True, metavar="N",
    help="Seconds to keep before the event's onset, with --on-trigger.",
)  # fmt: skip
@click.option(
    "--bits", type=click.Choice(["3", "4", "5", "16"]),
    help="Bits per sample on the wire; 16 is lossless (default: 4, or 3 through a USB-to-serial bridge).",
)  # fmt: skip
@click.option(
    "--labels", is_flag=True, help="Write what the board's detector hears as Audacity labels, too: NAME.txt."
)
@output_option("Folder of the dataset, for soundsdk train.", folder=True)
@json_option
@pass_surroundings
def record(
    surroundings: Surroundings,
    port: str | None,
    pc: bool,
    label: str,
    seconds: int,
    count: int,
    trigger: str | None,
    pre_roll_s: float,
    bits: str | None,
    labels: bool,
    output: Path,
    as_json: bool,
) -> None:
    """Record sound into a dataset folder: DIR/LABEL/….wav and a sidecar .json.

    Prints the path of each file. What did not arrive is never filled with silence: a recording with gaps is divided at
    them, and the sidecar lists them. Ctrl-C, SIGTERM and SIGHUP end it, and what has arrived is kept (exit codes 130,
    143, 129). Files are written whole or not at all; where the disk is full, the take is kept elsewhere, and the place
    is said. Exit code 1 if nothing of a recording arrived.
    """
    from soundsdk.device.audio_lines import Take, TakeInterrupted
    from soundsdk.device.classes import check_labels
    from soundsdk.device.session import Device
    from soundsdk.errors import DataError, UsageError
    from soundsdk.labels import counted
    from soundsdk.progress import Progress
    from soundsdk.recording.dataset_files import check_label
    from soundsdk.recording.recorder import best_bits, facts_of, record_pc, save, takes
    from soundsdk.whole_file import check_folder

    check_label(label)
    check_folder(output)
    if pc and (port or trigger or bits or labels):
        raise UsageError("--pc excludes -p, --on-trigger, --bits and --labels.", "Leave them out.")
    if trigger and pre_roll_s >= seconds:
        raise UsageError("--pre-roll must be shorter than --seconds.", "The event itself would not be in it.")
    empty = False

    def keep(take: Take, facts: dict[str, object]) -> None:
        with surroundings.signals.held_back():
            sidecar, files = save(output, label, take, facts, labels=labels)
            show(take, sidecar, files)

    def show(take: Take, sidecar: Path, files: list[Path]) -> None:
        nonlocal empty
        empty = empty or not files
        if as_json:
            say(json.dumps({"sidecar": str(sidecar), **json.loads(sidecar.read_text(encoding="utf-8"))}))
        else:
            for path in files:
                say(str(path))
        gaps = f", in {counted(len(take.gaps), 'gap')}" if take.gaps else ""
        end = "; interrupted: what had arrived is kept" if take.interrupted else ""
        end = end if take.whole or end else "; the board was unplugged before the end"
        say(f"{counted(take.captured, 'sample')} captured, {take.lost} lost{gaps}{end}", err=True)

    def say(line: str, err: bool = False) -> None:
        # A reader of the names that has gone does not end the recording.
        with contextlib.suppress(BrokenPipeError):
            write_patiently(sys.stderr if err else sys.stdout, line + "\n", surroundings.signals)

    facts: dict[str, object] = {"source": "pc"}

    def run(progress: Progress) -> None:
        if pc:
            for _ in range(count):
                keep(record_pc(seconds, progress=progress.update), facts)
            return
        with Device.open(port, system=surroundings.system) as device:
            hello = device.hello
            if trigger:
                check_labels([device], [trigger])
            depth = int(bits) if bits else best_bits(device, surroundings.system)
            if trigger:
                click.echo(f"waiting for {trigger} on {hello.board}", err=True)
            facts.update(facts_of(device, depth))
            # Closed before the device is: a board that waits for a trigger is told to stop.
            with contextlib.closing(
                takes(device, seconds, count, depth, trigger, pre_roll_s, progress.update)
            ) as coming:
                for take in coming:
                    keep(take, {**facts, **facts_of(device, depth)})

    with Progress("recording") as progress:
        try:
            run(progress)
        except TakeInterrupted as error:
            keep(error.take, facts)
            raise KeyboardInterrupt from None
    if empty:
        raise DataError("nothing of a recording arrived.", "soundsdk doctor says what is wrong with the connection.")
