"""The verb `soundsdk selftest`."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundsdk.commands.options import json_option, not_empty, one_port, port_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.labels import printable

if TYPE_CHECKING:
    from soundsdk.detector_file import DetectorFile
    from soundsdk.selftest.report import CheckResult

_MARKS = {"passed": "ok", "failed": "FAILED", "not possible here": "-"}


def _detector(model: str | None, sha256: str) -> DetectorFile | None:
    """Return the detector of a file, else the one with that hash that comes with soundsdk, if there is one."""
    from soundsdk.cache import content_sha256
    from soundsdk.models.shipped import load_model
    from soundsdk.resources import models_dir

    if model is not None:
        return load_model(model)
    for path in sorted(models_dir().glob("*.tflite")):
        if content_sha256(path) == sha256:
            return load_model(str(path))
    return None


def _show(result: CheckResult, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(result)))
        return
    click.echo(f"{_MARKS[result.outcome]:>6}  {result.name}: {printable(result.says)}")
    if result.outcome == "failed" and result.bound:
        click.echo(f"        {result.promise} Wanted: {result.bound}.")


@click.command(
    cls=Verb,
    examples=[
        "soundsdk selftest",
        "soundsdk selftest /dev/ttyACM0 -m siren.tflite",
        "soundsdk selftest --unattended --json -o report.json",
    ],
)
@click.argument("where", metavar="[PORT]", required=False, callback=not_empty)
@port_option
@click.option(
    "-m", "--model", "own_model", metavar="MODEL", callback=not_empty,
    help="The file of the board's detector, if it is not one that comes with soundsdk.",
)  # fmt: skip
@click.option(
    "--seconds", type=click.IntRange(10, 180), default=60, show_default=True, metavar="N", help="Seconds to listen."
)
@click.option("--unattended", is_flag=True, help="Ask nothing: nobody is at the board.")
@click.option("--no-sound", is_flag=True, help="Ask for no sound; questions are asked all the same.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="The report (default: selftest-BOARD-DATE.json in this folder).",
)  # fmt: skip
@json_option
@pass_surroundings
def selftest(
    surroundings: Surroundings,
    where: str | None,
    port: str | None,
    own_model: str | None,
    seconds: int,
    unattended: bool,
    no_sound: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Check every promise that a board can show, within ten minutes, and write one report to send.

    Each check has a figure and a bound, and ends as passed, failed, or not possible here, with the reason. Among them:
    no sample is lost in a minute, the sample rate against this computer's clock, features and scores equal to this
    computer's to the byte, pushes that are cut or cannot run, settings over a restart. On a terminal it also asks for a
    sound, a look at the LED and a pulled cable, 20 s each. The board restarts several times, and is left as it was
    found, also after Ctrl-C or a pulled cable; the report says so. It names no person, computer, port or serial number.
    Exit code 6 if a check failed.
    """
    import sys

    from soundsdk.device.session import Device
    from soundsdk.errors import CheckError
    from soundsdk.recording.recorder import best_bits
    from soundsdk.selftest.context import SelfTest
    from soundsdk.selftest.outcome import FAILED
    from soundsdk.selftest.owner import Owner
    from soundsdk.selftest.report import counts, default_path, report_of
    from soundsdk.selftest.runner import CHECKS, TOTAL_S, Runner
    from soundsdk.whole_file import check_writable, write_results

    began, begin = datetime.now(timezone.utc), time.monotonic()
    place = one_port(where, port)
    if output is not None:
        check_writable(output)
    signals = surroundings.signals
    with Device.open(place, system=surroundings.system) as device:
        path = output or default_path(device.hello.board, began)
        check_writable(path)
        detector = _detector(own_model, device.hello.sha256)
        slow = best_bits(device, surroundings.system) < 4
        owner = Owner(present=not unattended and sys.stdin is not None and sys.stdin.isatty(), sound=not no_sound)
        test = SelfTest(
            device, seconds, detector, owner, slow, lambda text: click.echo(text, err=True), begin + TOTAL_S
        )
        test.restarts = device.counts.restarts
        hide = (device.transport.path, device.transport.serial_number or "", place or "")
        click.echo(f"{len(CHECKS)} checks of {printable(device.hello.board)}, ten minutes at most", err=True)
        runner = Runner(test, lambda result: _show(result, as_json))
        ended = "interrupted"
        try:
            runner.run()
            ended = ""
        finally:
            # Nothing ends it here but the third Ctrl-C: the board is put back, and what was found is written.
            with signals.held_back():
                if ended:
                    click.echo("  ending: the board is put back as it was", err=True)
                try:
                    runner.put_back()
                finally:
                    # Also where nobody reads standard output any more.
                    took_s = time.monotonic() - begin
                    write_results(
                        {path: report_of(runner.results, began, took_s, ended, (*hide, device.transport.path))}
                    )
                click.echo(f"the report: {path}", err=True)
    found = counts(runner.results)
    if as_json:
        click.echo(json.dumps({"report": str(path), "took_s": round(took_s, 1), "counts": found}))
    else:
        click.echo(", ".join(f"{number} {word}" for word, number in found.items()))
    failed = [one.name for one in runner.results if one.outcome == FAILED]
    if failed:
        raise CheckError(f"the board does not keep what was promised: {', '.join(failed)}.", f"Send {path}.")
