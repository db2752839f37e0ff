"""`soundsdk record`."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.option(
    "-p", "--port", "where", metavar="PORT", help="The board (default: SOUNDSDK_PORT, else the one there is)."
)
@click.option("--pc", is_flag=True, help="This computer's microphone instead of a board.")
@click.option("--label", required=True, metavar="L", help="The class: a folder of the dataset.")
@click.option("--seconds", type=click.IntRange(1, 3600), required=True, metavar="N", help="Length of a recording.")
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, metavar="K", help="How many recordings.")
@click.option("--on-trigger", "trigger", metavar="LABEL", help="Record when the board's detector hears LABEL.")
@click.option(
    "--pre-roll", "pre_roll_s", type=click.FloatRange(0, 60), default=1.0, show_default=True, metavar="S",
    help="With --on-trigger: seconds before the event's onset.",
)  # fmt: skip
@click.option(
    "--bits", type=click.Choice(["3", "4", "5", "16"]),
    help="Bits per sample on the wire; 16 is without loss (default: 4, or 3 through a USB-to-serial bridge).",
)  # fmt: skip
@click.option(
    "-o", "--output", "dataset", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DATASET",
    help="The dataset's folder, for soundsdk train.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The side-car of each recording as a JSON line.")
def record(
    where: str | None,
    pc: bool,
    label: str,
    seconds: int,
    count: int,
    trigger: str | None,
    pre_roll_s: float,
    bits: str | None,
    dataset: Path,
    as_json: bool,
) -> int:
    """Record sound into a dataset folder: DATASET/LABEL/….wav and a side-car .json.

    Prints the path of each file. What did not arrive is never filled with silence: a recording with gaps is divided at
    them, and the side-car says where they are and how long. Exit code 1 if nothing of a recording arrived.
    """
    from soundsdk.device.session import Device
    from soundsdk.errors import UsageError
    from soundsdk.progress import Bar
    from soundsdk.recording.audio_lines import Take
    from soundsdk.recording.dataset_files import check_label
    from soundsdk.recording.recorder import best_bits, facts_of, record_pc, save, takes

    check_label(label)
    if pc and (where or trigger or bits):
        raise UsageError("--pc excludes -p, --on-trigger and --bits.", "Leave them out.")
    if trigger and pre_roll_s >= seconds:
        raise UsageError("--pre-roll must be shorter than --seconds.", "The event itself would not be in it.")
    empty = False

    def keep(take: Take, facts: dict[str, object]) -> None:
        nonlocal empty
        sidecar, files = save(dataset, label, take, facts)
        empty = empty or not files
        if as_json:
            click.echo(json.dumps({"sidecar": str(sidecar), **json.loads(sidecar.read_text(encoding="utf-8"))}))
        else:
            for path in files:
                click.echo(str(path))
        gaps = f", in {len(take.gaps)} gaps" if take.gaps else ""
        end = "" if take.whole else "; the board went away before the end"
        click.echo(f"{take.captured} samples captured, {take.lost} lost{gaps}{end}", err=True)

    with Bar("recording") as bar:
        if pc:
            for _ in range(count):
                keep(record_pc(seconds, progress=bar.show), {"source": "pc"})
            return int(empty)
        with Device.open(where) as device:
            hello = device.hello
            depth = int(bits) if bits else best_bits(device)
            if trigger:
                click.echo(f"waiting for {trigger} on {hello.board}", err=True)
            for take in takes(device, seconds, count, depth, trigger, pre_roll_s, bar.show):
                keep(take, facts_of(device, depth))
    return int(empty)
