"""`soundsdk info`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from soundsdk.detector_file import load


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The metadata and sizes as one JSON object.")
def info(model: Path, as_json: bool) -> None:
    """Show what a detector file holds and what it costs."""
    detector = load(model)
    meta = detector.metadata
    if as_json:
        sizes = {"file_bytes": len(detector.data), "arena_bytes": detector.arena_bytes}
        click.echo(json.dumps({**sizes, "metadata": meta}))
        return
    rate = meta["frontend"]["rate_hz"]
    click.echo(f"{detector.name}: {len(detector.labels)} classes, {meta['head']} head")
    click.echo(f"  file    {len(detector.data)} bytes")
    click.echo(f"  arena   {detector.arena_bytes} bytes, frontend included")
    click.echo(f"  step    {detector.step_samples} samples ({1000 * detector.step_samples / rate:g} ms at {rate} Hz)")
    click.echo(f"  pooled  over {meta['detector']['pool_ms']} ms")
    width = max(len(label) for label in detector.labels)
    for label, c in zip(detector.labels, meta["detector"]["classes"], strict=True):
        limits = "  ".join(f"{key} {value}" for key, value in c.items())
        click.echo(f"  {label:<{width}}  {limits}")
