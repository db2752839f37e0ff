"""The verb `soundsdk sim`."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from soundsdk.commands.end_signals import EndedBySignals, EndSignals, Readable
from soundsdk.commands.options import Number, json_option, model_option, warn
from soundsdk.commands.patient_output import write_patiently
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.errors import DataError, UsageError
from soundsdk.whole_file import check_writable, write_whole
from soundsdk_sim.commands.side_by_side import in_processes, one_after_another
from soundsdk_sim.targets.names import DEFAULT, PACED, TARGETS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from soundsdk.detector_file import DetectorFile
    from soundsdk_sim.explain.plotted_sound import PlottedSound
    from soundsdk_sim.outputs import OutputChange


@dataclass(frozen=True)
class _Run:
    """The options of a run of one recording. rules: of actions by label, whose outputs are shown."""

    target: str
    detector: DetectorFile
    form: str
    plot: Path | None
    realtime: bool
    as_json: bool
    rules: dict[str, str]

    @property
    def rate_hz(self) -> int:
        """Samples a second that the detector hears."""
        return int(self.detector.metadata["frontend"]["rate_hz"])


@click.command(
    cls=Verb,
    examples=[
        "soundsdk sim clip.wav",
        "soundsdk sim clip.wav --plot clip.png --noise-db 10",
        "soundsdk sim recordings --format tsv > events.tsv",
        "soundsdk sim recordings --jobs 4     # four at once",
        "soundsdk sim clip.wav --on qemu-arm",
        "soundsdk sim clip.wav --set action.siren=pin:15,high,2s     # and what the board switches",
        "soundsdk sim clip.wav --pty --realtime     # prints the path of the port",
        "soundsdk sim -     # sound from a pipe: ffmpeg -i rtsp://camera/stream -f wav - | soundsdk sim -",
        "soundsdk sim - --rate 16000     # raw: arecord -f S16_LE -r 16000 -t raw | soundsdk sim - --rate 16000",
    ],
)
@click.option(
    "--on",
    "target",
    type=click.Choice(list(TARGETS)),
    default=DEFAULT,
    show_default=True,
    help="Run the firmware on this Python, on MicroPython on this computer, or on an emulated chip.",
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...|DIR|-")
@click.option(
    "--rate", type=click.IntRange(1000, 768000), metavar="N",
    help="Samples a second of raw sound from standard input: 16 bits, little-endian, one channel.",
)  # fmt: skip
@model_option
@click.option("--noise-db", type=Number(-60, 120), metavar="N", help="Add white noise at N dB SNR.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "tsv", "audacity"]),
    default="jsonl",
    show_default=True,
    help="Print the firmware's own lines, a DCASE table, or an Audacity label track.",
)
@json_option
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a picture of scores, thresholds and near misses, .png or .svg; of a long sound its first 30 minutes.",
)
@click.option(
    "--set", "changes", multiple=True, metavar="action.LABEL=RULE",
    help="Give the board a rule, as `soundsdk set` does, and show what it switches; repeatable.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N",
    help="Recordings to play at once, in processes of their own.",
)  # fmt: skip
@click.option("--pty", is_flag=True, help="Serve a board at a virtual serial port and print its path.")
@click.option("--realtime", is_flag=True, help="Run in real time instead of as fast as possible.")
@pass_surroundings
def sim(
    surroundings: Surroundings,
    target: str,
    paths: tuple[Path, ...],
    rate: int | None,
    model: str | None,
    noise_db: float | None,
    form: str,
    as_json: bool,
    plot: Path | None,
    changes: tuple[str, ...],
    jobs: int,
    pty: bool,
    realtime: bool,
) -> None:
    """Run the firmware's own code on recordings and print its event lines.

    The lines are the same on every target. An image that a target needs is built once.

    Recordings are files of any kind that libsndfile or ffmpeg decodes, of any rate, number of channels and length, or
    folders of them. Each one is played to a freshly started board. Standard output holds nothing but the data. Exit
    code 1 if a recording or the model cannot be used. With --jobs several are played at once; what is printed is the
    same, in the same order.

    With - the sound comes from standard input, as WAV of any announced length or raw (--rate), and the lines as it
    comes. Ctrl-C ends that sound, and with it the events; exit code 130.

    With --set each switching of an output is shown on standard error, such as `GPIO 15 high at 3.86 s`. With --json it
    is an object on standard output instead: {"type": "output", "kind": "pin", "gpio": 15, "value": 1, "at_s": 3.856},
    where kind is pin, tone (value: Hz, 0 for silence) or led (gpio: null). What is on at the end of a recording is
    switched off there.
    """
    from soundsdk.models.shipped import load_model
    from soundsdk.recording.sound_files import find_named

    if as_json and form != "jsonl":
        raise UsageError(f"--json and --format {form} exclude each other.", "Leave one out.")
    piped = Path("-") in paths
    _check_piped(paths, rate, pty, noise_db)
    named = [(Path("-"), "-")] if piped else find_named(paths)
    _check_options(named, form, plot, pty, target, realtime)
    _check_rules(changes, pty, target)
    detector = load_model(model, warn)
    run = _Run(target, detector, form, plot, realtime, as_json, _rules(changes, detector))
    rate_hz = run.rate_hz
    if pty:
        from soundsdk_sim.pty import serve

        serve(detector.data, _whole(_sound(named[0][0], rate_hz, noise_db)), rate_hz, realtime, click.echo)
        return
    if form == "tsv":
        from soundsdk.labels import TSV_HEADER

        click.echo(TSV_HEADER)
    if piped:
        _stream(surroundings.signals, rate, run)
        return
    play = partial(_play, run, named, noise_db)
    results = one_after_another(play, len(named)) if jobs == 1 else in_processes(play, len(named), jobs)
    failed = 0
    heard: list[Path] = []
    events = 0
    with contextlib.closing(results):
        for (file, _), result in zip(named, results, strict=True):
            if isinstance(result, int):
                heard.append(file)
                events += result
            elif len(named) == 1:
                raise result
            else:
                click.echo(f"soundsdk: {result.message}", err=True)
                failed += 1
    if not events and heard:
        option = f" -m {shlex.quote(model)}" if model else ""
        # A name that begins with a dash would be an option.
        clip = shlex.quote(f"./{heard[0]}" if str(heard[0]).startswith("-") else str(heard[0]))
        click.echo(f"no event; why, and how near each class came: soundsdk explain {clip}{option}", err=True)
    if failed:
        raise DataError(f"{failed} of {len(named)} recordings could not be used.", "The reasons are above.")


def _check_piped(paths: tuple[Path, ...], rate: int | None, pty: bool, noise_db: float | None) -> None:
    if Path("-") not in paths:
        if rate is not None:
            raise UsageError("--rate is that of raw sound from standard input.", "Give - as the file, or leave it out.")
        return
    if len(paths) > 1:
        raise UsageError("- is standard input, and the only sound of a call.", "Leave out the other files.")
    if pty or noise_db is not None:
        option = "--pty" if pty else "--noise-db"
        raise UsageError(f"{option} needs the whole sound, and standard input may have no end.", "Give a file.")
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("no sound comes from standard input.", "Such as: ffmpeg -i … -f wav - | soundsdk sim -")


def _check_options(
    named: list[tuple[Path, str]], form: str, plot: Path | None, pty: bool, target: str, realtime: bool
) -> None:
    many = len(named) > 1
    if many and (plot or pty or form == "audacity"):
        option = "--plot" if plot else "--pty" if pty else "--format audacity"
        raise UsageError(f"{option} takes one recording, not {len(named)}.", "Give one file.")
    if pty and (plot or form != "jsonl"):
        raise UsageError("--pty speaks the wire protocol only.", "Leave out --plot and --format.")
    if pty and target != DEFAULT:
        raise UsageError(f"--pty does not go with --on {target}.", f"Leave out --on: that board runs on {DEFAULT}.")
    if realtime and target not in PACED:
        hint = "Leave it out, or use --on " + " or ".join(PACED) + "."
        raise UsageError(f"--realtime does not go with {target}: an emulated chip has a time of its own.", hint)
    if plot and plot.suffix.lower() not in (".png", ".svg"):
        hint = "Give a name that ends in .png or .svg."
        raise UsageError(f"--plot writes PNG and SVG files, not {plot.name}.", hint)
    if plot and not plot.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {plot.parent} for the picture.", "Make it first.")
    if plot:
        check_writable(plot)


def _check_rules(changes: tuple[str, ...], pty: bool, target: str) -> None:
    if changes and pty:
        raise UsageError("--set does not go with --pty.", "Use soundsdk set at that port.")
    if changes and target != DEFAULT:
        raise UsageError(f"--set does not go with --on {target}: its outputs are not seen.", "Leave one out.")


def _rules(changes: tuple[str, ...], detector: DetectorFile) -> dict[str, str]:
    if not changes:
        return {}
    from soundsdk_sim.outputs import rules_of

    return rules_of(changes, detector)


def _sound(file: Path, rate_hz: int, noise_db: float | None) -> Iterator[NDArray[np.int16]]:
    """Return the blocks of a recording as they are decoded: an hour of sound needs no more memory than a second.

    The first is decoded at once, so that a file that is no sound is known before anything is printed.
    """
    from soundsdk.recording.audio_file import SoundReader

    def blocks() -> Iterator[NDArray[np.int16]]:
        return SoundReader(file, rate_hz).blocks()

    if noise_db is None:
        sound = blocks()
    else:
        from soundsdk_sim.noise import add_noise_to_blocks

        sound = add_noise_to_blocks(blocks, noise_db)
    return chain([next(sound)], sound)


def _whole(blocks: Iterator[NDArray[np.int16]]) -> NDArray[np.int16]:
    import numpy as np

    return np.concatenate(list(blocks))


def _stream(signals: EndSignals, rate: int | None, run: _Run) -> None:
    """Run the sound of standard input, and show what is found at once; a signal ends the sound, then the verb."""
    from soundsdk.recording.sound_stream import SoundStream
    from soundsdk_sim.board import run_recording
    from soundsdk_sim.explain.plotted_sound import PlottedSound

    rate_hz = run.rate_hz
    stream = EndedBySignals(cast(Readable, sys.stdin.buffer), signals)
    blocks: Iterator[NDArray[np.int16]] = SoundStream(stream, rate_hz, rate).blocks()
    plotted = PlottedSound(blocks, rate_hz) if run.plot and run.target == DEFAULT else None
    blocks = blocks if plotted is None else iter(plotted)
    # An emulator takes its time, and is not waited for.
    with signals.held_back() if run.target == DEFAULT else contextlib.nullcontext():
        try:
            if run.target == DEFAULT:
                show = _line_shower(signals, run.form, rate_hz)
                out = _output_shower(run, lambda line: write_patiently(sys.stdout.buffer, line, signals))
                run_recording(
                    run.detector.data, blocks, rate_hz, show, run.realtime, prompt=True, rules=run.rules, on_output=out
                )
            else:
                _one(run, blocks, "-")
        except DataError:
            if not stream.ended:  # else too little had come to be sound
                raise
    if run.plot and plotted is not None and len(plotted.sound()):
        _draw(run.plot, run.detector, plotted, "-")
    if stream.ended:
        raise KeyboardInterrupt


def _line_shower(signals: EndSignals, form: str, rate_hz: int) -> Callable[[bytes], None]:
    """Return what writes a line, or the event that ends in it, at once."""
    from soundsdk.labels import format_audacity, format_tsv
    from soundsdk_sim.board import EdgePairs

    edges = EdgePairs(rate_hz)

    def show(line: bytes) -> None:
        if form == "jsonl":
            write_patiently(sys.stdout.buffer, line + b"\n", signals)
        elif (event := edges.add(line)) is not None:
            for row in format_tsv("-", [event]) if form == "tsv" else format_audacity([event]):
                write_patiently(sys.stdout, row + "\n", signals)

    return show


def _output_shower(run: _Run, write: Callable[[bytes], object]) -> Callable[[OutputChange], None]:
    """Return what shows a switching: as an object with `write`, or as a line on standard error."""

    def show(change: OutputChange) -> None:
        if run.as_json:
            write(json.dumps(change.json()).encode() + b"\n")
        else:
            sys.stdout.flush()
            click.echo(change.text(), err=True)

    return show


def _play(run: _Run, named: Sequence[tuple[Path, str]], noise_db: float | None, number: int) -> int:
    """Run one of the recordings, and return the number of its events."""
    file, name = named[number]
    if len(named) > 1 and run.form == "jsonl":
        click.echo(name, err=True)
    return _one(run, _sound(file, run.rate_hz, noise_db), name)


def _one(run: _Run, blocks: Iterator[NDArray[np.int16]], name: str) -> int:
    """Run one recording, write what was asked for, and return the number of its events."""
    from soundsdk_sim.targets.runner import run_on_target

    plotted = None
    if run.plot:
        from soundsdk_sim.explain.plotted_sound import PlottedSound

        plotted = PlottedSound(blocks, run.rate_hz)
        blocks = iter(plotted)
    out = sys.stdout.buffer

    def show(line: bytes) -> None:
        out.write(line + b"\n")
        if run.realtime or run.target != DEFAULT:
            out.flush()

    on_line = show if run.form == "jsonl" else None
    result = run_on_target(
        run.target, run.detector, blocks, on_line, run.realtime, run.rules, _output_shower(run, out.write)
    )
    out.flush()
    if run.form != "jsonl":
        from soundsdk.labels import format_audacity, format_tsv

        for row in format_tsv(name, result.events) if run.form == "tsv" else format_audacity(result.events):
            click.echo(row)
    if run.plot and plotted is not None:
        _draw(run.plot, run.detector, plotted, name)
    return len(result.events)


def _draw(plot: Path, detector: DetectorFile, plotted: PlottedSound, name: str) -> None:
    """Write the picture of what was played."""
    from soundsdk_sim.explain.plotted_sound import MOST_S
    from soundsdk_sim.explain.run_picture import run_picture

    title = f"{name}  ·  {detector.name}"
    if plotted.cut:
        title = f"{name}, its first {MOST_S // 60} minutes  ·  {detector.name}"
        click.echo(f"{plot.name} shows the first {MOST_S // 60} minutes.", err=True)
    write_whole(plot, run_picture(plot.suffix.lower(), detector.data, plotted.sound(), title))
    click.echo(f"wrote {plot}", err=True)
