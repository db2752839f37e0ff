"""The verb `soundsdk explain`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundsdk.commands.options import Number, json_option, model_option
from soundsdk.commands.verb import Verb
from soundsdk.errors import DataError, UsageError
from soundsdk.whole_file import check_writable, write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from soundsdk.detector_file import DetectorFile
    from soundsdk_sim.explain.occlusion import Saliency
    from soundsdk_sim.explain.report import Explanation


@click.command(
    cls=Verb,
    examples=[
        "soundsdk explain clip.wav",
        "soundsdk explain clip.wav --plot why.png --html why.html",
        "soundsdk explain missed.wav --lead 3     # as `soundsdk evaluate --deployed` hears a clip",
        "soundsdk explain clip.wav --label siren --at 3.2 --plot why.svg     # the siren's score at 3.2 s",
        "soundsdk explain clip.wav --model siren.tflite --json | jq 'select(.type == \"verdict\")'",
    ],
)
@click.argument("path", type=click.Path(path_type=Path), metavar="FILE")
@model_option
@json_option
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a picture, .png or .svg."
)
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page with the sound in it."
)
@click.option(
    "--lead",
    "lead_s",
    type=Number(0, 60),
    default=0.0,
    metavar="S",
    help="Seconds of quiet before the recording (default: none).",
)
@click.option("--label", "labels", multiple=True, metavar="LABEL", help="Draw this class; repeatable.")
@click.option("--at", "at_s", type=Number(0), metavar="S", help="Explain the score at this time (default: see above).")
def explain(
    path: Path,
    model: str | None,
    as_json: bool,
    plot: Path | None,
    html: Path | None,
    lead_s: float,
    labels: tuple[str, ...],
    at_s: float | None,
) -> None:
    """Show why each class did or did not fire on a recording.

    One sentence for every class: when it fired, or how much its score or its duration was short of the rule. Then,
    second by second, what the firmware's detector did with the scores. With --json: one object for the recording, one
    per step, and one per class.

    With --plot or --html also what the scores rest on: patches of the log-mel are covered one by one, and the INT8
    model runs again. Shown are up to three classes that fired or came near it, each at the step in which it was first
    reported, or else at its highest score.

    The recording is WAV, FLAC, OGG, MP3, AIFF or M4A, or anything else that libsndfile or ffmpeg decodes, of any rate
    and number of channels. It is heard from a cold start, as by `soundsdk sim`; with --lead after a while of quiet,
    which then is part of all times. Exit code 1 if it or the model cannot be used.
    """
    import numpy as np

    from soundsdk.models.shipped import load_model
    from soundsdk.recording.audio_file import read
    from soundsdk_sim.explain.report import explain_sound, json_objects, text_lines
    from soundsdk_sim.noise import quiet

    _check(plot, html, labels, at_s)
    detector = load_model(model)
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    pcm = np.concatenate([quiet(round(lead_s * rate_hz)), read(path, rate_hz)])
    found = explain_sound(detector.data, pcm)
    if found is None:
        raise DataError(
            f"{path} lasts {1000 * len(pcm) / rate_hz:.0f} ms, less than the first step of {detector.name} needs.",
            f"Give at least {_first_step_ms(detector):.0f} ms.",
        )
    saliencies = _draw(detector, found, pcm, path.name, plot, html, labels, at_s) if plot or html else []
    from soundsdk_sim.explain.evidence import evidence_json, evidence_sentence

    if written := " and ".join(str(file) for file in (plot, html) if file):
        click.echo(f"wrote {written}", err=True)
    if as_json:
        for one in json_objects(found, path.name):
            click.echo(json.dumps(one))
        for saliency in saliencies:
            click.echo(json.dumps(evidence_json(found.trace, saliency)))
        return
    for line in text_lines(found, path.name):
        click.echo(line)
    if saliencies:
        click.echo()
    for saliency in saliencies:
        click.echo(evidence_sentence(found.trace, saliency))


def _check(plot: Path | None, html: Path | None, labels: tuple[str, ...], at_s: float | None) -> None:
    """Refuse options that exclude each other, before any work."""
    if plot and plot.suffix.lower() not in (".png", ".svg"):
        raise UsageError(f"--plot writes PNG and SVG files, not {plot.name}.", "Give a name that ends in .png or .svg.")
    for option, file in (("--plot", plot), ("--html", html)):
        if file and not file.absolute().parent.is_dir():
            raise UsageError(f"there is no folder {file.parent} for the file of {option}.", "Make it first.")
        if file:
            check_writable(file)
    if (labels or at_s is not None) and not (plot or html):
        raise UsageError("--label and --at say what to draw.", "Add --plot or --html.")


def _first_step_ms(detector: DetectorFile) -> float:
    frontend = detector.metadata["frontend"]
    return 1000 * (detector.step_samples - frontend["hop"] + frontend["window"]) / frontend["rate_hz"]


def _draw(
    detector: DetectorFile,
    found: Explanation,
    pcm: NDArray[np.int16],
    name: str,
    plot: Path | None,
    html: Path | None,
    labels: tuple[str, ...],
    at_s: float | None,
) -> list[Saliency]:
    """Write the picture and the page, and return what the scores of the drawn classes rest on."""
    from soundsdk.labels import printable
    from soundsdk_sim.drawing.raster import Raster
    from soundsdk_sim.drawing.vector import Vector
    from soundsdk_sim.explain.evidence import chosen_classes, saliencies
    from soundsdk_sim.explain.page import page
    from soundsdk_sim.explain.picture import WIDTH, ClassPanel, EvidencePicture

    classes = chosen_classes(found, labels)
    evidence = saliencies(detector.data, found, classes, at_s)
    title = printable(f"{name}  ·  {detector.name}")
    panels = [ClassPanel(i, one) for i, one in zip(classes, evidence, strict=True)]

    def drawn(kind: type[Raster] | type[Vector], picture: EvidencePicture) -> bytes:
        surface = kind(WIDTH, picture.height(), "#ffffff")
        picture.draw(surface)
        return surface.data()

    if plot:
        kind = Raster if plot.suffix.lower() == ".png" else Vector
        write_whole(plot, drawn(kind, EvidencePicture(found, pcm, panels, title)))
    if html:
        picture = EvidencePicture(found, pcm, panels)
        write_whole(html, page(found, pcm, title, picture, drawn(Vector, picture)).encode())
    return evidence
