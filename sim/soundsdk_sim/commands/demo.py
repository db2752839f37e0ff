"""The verb `soundsdk demo`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from soundsdk.commands.options import json_option, model_option, output_option, seed_option
from soundsdk.commands.verb import Verb
from soundsdk.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from soundsdk_sim.scenes.matching import Matched


@click.command(
    cls=Verb,
    examples=[
        "soundsdk demo",
        "soundsdk demo --model siren.tflite --seed 7 -o out",
    ],
)
@model_option
@seed_option
@output_option("Folder for demo.png and demo.wav.", default="demo-out", folder=True)
@json_option
def demo(model: str | None, seed: int | None, output: Path, as_json: bool) -> None:
    """Make a 40 s scene with known events, run the detector on it, and compare the two.

    The scene is synthesised: a smoke alarm, sirens, and sounds that are neither. Writes demo.png and demo.wav.
    """
    from rich.console import Console

    from soundsdk.models.shipped import load_model
    from soundsdk.whole_file import check_folder, write_whole
    from soundsdk_sim.board import run_recording
    from soundsdk_sim.plot import draw
    from soundsdk_sim.scenes import demo_scene
    from soundsdk_sim.scenes.matching import match

    check_folder(output, "Use -o.")
    detector = load_model(model)
    rate_hz = int(detector.metadata["frontend"]["rate_hz"])
    scene = demo_scene(seed or 0)
    if rate_hz != scene.rate_hz:
        raise ModelError(f"{detector.name} hears {rate_hz} Hz, the scene has {scene.rate_hz} Hz.", "Use another model.")
    result = run_recording(detector.data, scene.pcm, rate_hz, features=True)
    outcome = match(scene.events, result.events, detector.labels)
    unknown = sorted({e.label for e in scene.events} - set(detector.labels))
    picture, sound = output / "demo.png", output / "demo.wav"
    write_whole(sound, _wav(scene.pcm.tobytes(), rate_hz), parents=True)
    draw(picture, scene.pcm, detector.metadata, result, f"soundsdk demo  ·  {detector.name}", scene.events)

    if as_json:
        facts = {"model": detector.name, "seconds": scene.seconds, "picture": str(picture), "sound": str(sound)}
        click.echo(json.dumps({**facts, **outcome.as_dict()}))
    else:
        console = Console()
        console.print(table(outcome, f"{scene.seconds:.0f} s of sound"))
        found = sum(f is not None for _, f in outcome.pairs)
        console.print(f"{found} of {len(outcome.pairs)} events found, {len(outcome.false)} false", highlight=False)
    if unknown:
        click.echo(f"{detector.name} has no class for: {', '.join(unknown)}", err=True)
    click.echo(f"wrote {picture} and {sound}", err=True)


def table(outcome: Matched, title: str) -> Table:
    """Return a table of the scene's events beside the detector's, by time; a false alarm stands alone."""
    from rich.markup import escape
    from rich.table import Table

    out = Table(title=title)
    columns: Sequence[str] = ("sound", "SNR dB", "true s", "detected s", "onset s", "score", "")
    for name in columns:
        out.add_column(name, justify="left" if name in ("sound", "") else "right", no_wrap=True)
    rows: list[tuple[float, list[str]]] = []
    for true, found in outcome.pairs:
        row = [escape(true.label), f"{true.snr_db:.0f}", f"{true.onset_s:.2f}-{true.offset_s:.2f}"]
        if found is None:
            row += ["", "", "", "[red]missed[/red]"]
        else:
            row += [
                f"{found.onset_s:.2f}-{found.offset_s:.2f}",
                f"{found.onset_s - true.onset_s:+.2f}",
                f"{found.score:.2f}",
                "[green]found[/green]",
            ]
        rows.append((true.onset_s, row))
    for extra in outcome.false:
        span = f"{extra.onset_s:.2f}-{extra.offset_s:.2f}"
        rows.append((extra.onset_s, [escape(extra.label), "", "", span, "", f"{extra.score:.2f}", "[red]false[/red]"]))
    for _, row in sorted(rows):
        out.add_row(*row)
    return out


def _wav(pcm: bytes, rate_hz: int) -> bytes:
    """Return samples as a mono WAV file."""
    import io
    import wave

    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm)
    return out.getvalue()
