"""The verb `soundsdk info`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from soundsdk.build.engine_code import of_both
from soundsdk.cache import content_sha256
from soundsdk.commands.options import json_option, not_empty, port_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.detector_file import DetectorFile
from soundsdk.errors import SoundsdkError, UsageError
from soundsdk.labels import counted, printable
from soundsdk.models.engines import EngineArenas, arenas
from soundsdk.models.fit import misfits
from soundsdk.models.reachability import as_set_takes, unreachable_classes
from soundsdk.models.shipped import find_model, load_model

if TYPE_CHECKING:
    from soundsdk.device.classes import BoardClass
    from soundsdk.device.messages import Status
    from soundsdk.device.system import System


@click.command(
    cls=Verb,
    examples=[
        "soundsdk info siren.tflite",
        "soundsdk info -p id:E6614103E7452D2F",
        "soundsdk info --json | jq .status.lost",
    ],
)
@click.argument("model", metavar="[MODEL]", required=False, callback=not_empty)
@port_option
@json_option
@pass_surroundings
def info(surroundings: Surroundings, model: str | None, port: str | None, as_json: bool) -> None:
    """Show the state of a board, or the contents and cost of a detector file.

    MODEL is a .tflite file or a detector that comes with soundsdk; without it, the board at PORT is shown.
    """
    if model is not None and port is not None:
        raise UsageError("info shows a file or a board, not both.", "Leave out MODEL or -p.")
    if model is None:
        _show_board(port, as_json, surroundings.system)
        return
    detector = load_model(model)
    if as_json:
        engines = {**asdict(arenas(detector.data)), "code": {code.board: asdict(code) for code in of_both()}}
        click.echo(json.dumps({**_facts(detector), "engines": engines, "metadata": detector.metadata}))
        return
    _show(detector, arenas(detector.data))
    card = find_model(model).with_suffix(".md")
    if card.is_file():
        click.echo(f"  card    {card}")


def _facts(detector: DetectorFile) -> dict[str, Any]:
    return {
        "file_bytes": len(detector.data),
        "arena_bytes": detector.arena_bytes,
        "macs": detector.macs,
        "warnings": _warnings(detector),
    }


def _warnings(detector: DetectorFile) -> list[str]:
    """Return what keeps classes from working, and the boards that cannot hold or run the detector."""
    return [*map(str, unreachable_classes(detector)), *misfits(detector)]


def _say(line: str) -> None:
    """Print a line with words of a file or a board in it, none of which may steer the terminal."""
    click.echo(printable(line))


def _show(detector: DetectorFile, engines: EngineArenas | None = None) -> None:
    meta = detector.metadata
    rate = meta["frontend"]["rate_hz"]
    _say(f"{detector.name}: {counted(len(detector.labels), 'class', 'classes')}, {meta['head']} head")
    _say(f"  file    {len(detector.data)} bytes")
    _say(f"  arena   {detector.arena_bytes} bytes, frontend included")
    if engines is not None and engines.tflm is not None:
        _say(f"  network {engines}")
    for code in of_both() if engines is not None else ():
        _say(f"  code    on {code.board}: {code}")
    lasts = f"{1000 * detector.step_s:g} ms at {rate} Hz"
    _say(f"  step    {detector.step_samples} samples ({lasts}), {detector.macs:,} MACs")
    _say(f"  pooled  over {meta['detector']['pool_ms']} ms")
    width = max(len(label) for label in detector.labels)
    for label, c in zip(detector.labels, meta["detector"]["classes"], strict=True):
        _say(f"  {label:<{width}}  {as_set_takes(c)}")
    for problem in _warnings(detector):
        _say(f"  warning: {problem}")
    provenance = meta.get("provenance")
    provenance = provenance if isinstance(provenance, dict) else {}
    if isinstance(provenance.get("interrupted"), int):
        _say(f"  interrupted: its training was ended after {counted(provenance['interrupted'], 'epoch')}")
    if isinstance(provenance.get("judge"), str):
        _say(f"  checked against {provenance['judge']}: every byte of its outputs is the same")
    calibration = meta.get("calibration")
    if isinstance(calibration, dict) and {"max_fa_per_hour", "hours"} <= set(calibration):
        _say(f"  {_calibration(calibration)}")


def _calibration(entry: dict[str, Any]) -> str:
    """Say what the thresholds keep: the rate that was asked for, and the classes for which it was not attained."""
    rate = f"{counted(float(entry['max_fa_per_hour']), 'false alarm')} an hour"
    where = f"on {entry['hours']:.2f} h of {', '.join(entry.get('sources', ())) or 'background'}"
    classes = entry.get("classes", [])
    failed = [c for c in classes if c.get("attained") is False]
    counts = ", ".join(f"{c['label']} ({c['false']} false)" for c in failed)
    if not failed:
        return f"calibrated for {rate} {where}"
    if len(failed) == len(classes):
        return f"not calibrated: {rate} was not attained {where}: {counts}"
    return f"calibrated for {rate} {where}, which was not attained for {counts}"


def _known(sha256: str) -> DetectorFile | None:
    """Return the detector that comes with soundsdk and has this hash, if there is one."""
    from soundsdk.resources import models_dir

    for path in sorted(models_dir().glob("*.tflite")):
        if content_sha256(path) == sha256:
            return load_model(path)
    return None


def _show_board(port: str | None, as_json: bool, system: System | None) -> None:
    from soundsdk.device.classes import classes_of
    from soundsdk.device.connection import CommandRejected
    from soundsdk.device.session import Device

    status, why, classes = None, None, None
    with Device.open(port, system=system) as device:
        hello, where, serial_number = device.hello, device.transport.path, device.transport.serial_number
        try:
            status = device.status()
            classes = classes_of(device)
        except CommandRejected as error:
            why = error
    try:
        detector = _known(hello.sha256)
    except SoundsdkError:
        detector = None
    if as_json:
        words: dict[str, Any] = {"path": where, "serial_number": serial_number, "hello": asdict(hello)}
        words["status"] = asdict(status) if status else None
        words["safe_mode"] = {"error": why.code, "detail": why.detail} if why else None
        words["classes"] = [asdict(one) for one in classes] if classes is not None else None
        words["metadata"] = detector.metadata if detector else None
        click.echo(json.dumps(words))
        return
    _say(f"{hello.board} at {where}" + (f", serial number {serial_number}" if serial_number else ""))
    _say(f"  firmware  {hello.fw}")
    if why is not None:
        _say(f"  safe mode: {why.detail} ({why.code})")
    if status is not None:
        heard_s = (status.captured + status.lost) / max(1, hello.rate_hz)
        _say(f"  heard     {heard_s:.0f} s of sound at {hello.rate_hz} Hz, {counted(status.lost, 'sample')} lost")
        _say(f"  level     {status.level_dbfs:g} dBFS")
        _say(f"  step      {status.step_us} us at most")
        _say(f"  memory    {status.heap_free} bytes free")
        _say(f"  lines     {status.dropped} not sent, {status.damaged} received damaged")
        _show_actions(status)
    if hello.model:
        _say(f"  detector  {hello.model}, SHA-256 {hello.sha256}")
        for key, value in hello.extra.items():
            _say(f"  {key:<9} {value}")
    if classes:
        _show_classes(classes, detector)
    if detector is not None:
        click.echo("")
        _show(detector)


def _show_actions(status: Status) -> None:
    """Print what the board has done by itself, if it has rules or an on_event.py."""
    counts = status.extra
    if "acted" in counts:
        _say(f"  acted     on {counted(counts['acted'], 'event')}")
    if "hook_calls" in counts:
        click.echo(
            f"  on_event  {counted(counts['hook_calls'], 'call')}, {counted(counts.get('hook_errors', 0), 'error')}, "
            f"{counts.get('hook_missed', 0)} missed, {counts.get('hook_slow', 0)} longer than a step, "
            f"{counts.get('hook_us', 0)} us at most"
        )


def _show_classes(classes: list[BoardClass], detector: DetectorFile | None) -> None:
    """Print the board's labels and thresholds as they are now, and which of them are not the file's any more."""
    rules = detector.metadata["detector"]["classes"] if detector is not None else []
    width = max(len(printable(one.label)) for one in classes)
    click.echo("  thresholds now")
    for index, one in enumerate(classes):
        rule = {key: value for key, value in asdict(one).items() if key not in ("label", "action")}
        changed = index < len(rules) and rule != rules[index]
        limits = as_set_takes(rule)
        _say(f"    {printable(one.label):<{width}}  {limits}{'  (set on this board)' if changed else ''}")
    for one in classes:
        if one.action:
            _say(f"  action    {printable(one.label)}: {one.action}")
