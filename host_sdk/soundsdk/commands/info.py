"""`soundsdk info`: of a detector file, or of a board."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from soundsdk.detector_file import DetectorFile, load
from soundsdk.errors import SoundsdkError, UsageError


@click.command()
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option("-p", "--port", metavar="PORT", help="The board: auto, id:SERIAL, a path, a URL, sim:BOARD.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def info(model: Path | None, port: str | None, as_json: bool) -> None:
    """Show what a board says of itself, or what a detector file holds and costs.

    With MODEL the file, else the board at PORT (default: the one that is connected).
    """
    if model is not None and port is not None:
        raise UsageError("info is of a file or of a board, not of both.", "Leave one out.")
    if model is None:
        _board(port, as_json)
        return
    detector = load(model)
    if as_json:
        click.echo(json.dumps({**_sizes(detector), "metadata": detector.metadata}))
        return
    _show(detector)


def _sizes(detector: DetectorFile) -> dict[str, int]:
    return {"file_bytes": len(detector.data), "arena_bytes": detector.arena_bytes}


def _show(detector: DetectorFile) -> None:
    meta = detector.metadata
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


def _known(sha256: str) -> DetectorFile | None:
    """The detector that comes with soundsdk and has that hash."""
    import hashlib

    from soundsdk.resources import models_dir

    for path in sorted(models_dir().glob("*.tflite")):
        if hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return load(path)
    return None


def _board(port: str | None, as_json: bool) -> None:
    from soundsdk.device.session import Device, Refused

    status, why = None, None
    with Device.open(port) as device:
        hello, where, serial_number = device.hello, device.transport.path, device.transport.serial_number
        try:
            status = device.status()
        except Refused as error:
            why = error
    try:
        detector = _known(hello.sha256)
    except SoundsdkError:
        detector = None
    if as_json:
        words: dict[str, Any] = {"path": where, "serial_number": serial_number, "hello": asdict(hello)}
        words["status"] = asdict(status) if status else None
        words["safe_mode"] = {"error": why.code, "detail": why.detail} if why else None
        words["metadata"] = detector.metadata if detector else None
        click.echo(json.dumps(words))
        return
    click.echo(f"{hello.board} at {where}" + (f", serial number {serial_number}" if serial_number else ""))
    click.echo(f"  firmware  {hello.fw}")
    if why is not None:
        click.echo(f"  safe mode: {why.detail} ({why.code})")
    if status is not None:
        heard_s = (status.captured + status.lost) / max(1, hello.rate_hz)
        click.echo(f"  heard     {heard_s:.0f} s of sound at {hello.rate_hz} Hz, {status.lost} samples lost")
        click.echo(f"  level     {status.level_dbfs:g} dBFS")
        click.echo(f"  step      {status.step_us} us at most")
        click.echo(f"  memory    {status.heap_free} bytes free")
        click.echo(f"  lines     {status.dropped} not sent, {status.damaged} came damaged")
    if hello.model:
        click.echo(f"  detector  {hello.model}, SHA-256 {hello.sha256}")
        for key, value in hello.extra.items():
            click.echo(f"  {key:<9} {value}")
    if detector is not None:
        click.echo("")
        _show(detector)
