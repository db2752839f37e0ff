"""The verb `soundsdk monitor`."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from soundsdk.commands.options import Number, port_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.errors import EXIT_OK, CheckError

if TYPE_CHECKING:
    from soundsdk.monitor.lines import Sink
    from soundsdk.monitor.page_server import PageServer

_TERMINATED = 128 + 15


@click.command(
    cls=Verb,
    examples=[
        "soundsdk monitor",
        "soundsdk monitor --format jsonl --label siren | jq .score",
        "soundsdk monitor --log events.jsonl --web",
        "soundsdk monitor --mqtt mqtt://user:password@broker.local/sounds",
        "soundsdk monitor --once --label smoke_alarm --seconds 60",
    ],
)
@port_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl", "tsv", "audacity"]),
    default="text",
    show_default=True,
    help="Print a live table or plain lines, JSON Lines, a DCASE table, or an Audacity label track.",
)
@click.option(
    "--log", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Append JSON Lines to FILE."
)
@click.option(
    "--label", "labels", multiple=True, metavar="LABEL", help="Show events of this label only; may be repeated."
)
@click.option(
    "--min-score",
    type=Number(0, 1),
    default=0.0,
    metavar="SCORE",
    help="Show events that reach this score only.",
)
@click.option("--once", is_flag=True, help="End after the first of these events.")
@click.option(
    "--web",
    type=click.IntRange(0, 65535),
    is_flag=False,
    flag_value=0,
    metavar="[TCP_PORT]",
    help="Serve a page to this computer; its address is printed.",
)
@click.option(
    "--mqtt",
    envvar="SOUNDSDK_MQTT",
    metavar="URL",
    help="Publish to mqtt[s]://[USER:PASSWORD@]HOST[:PORT]/PREFIX, with Home Assistant discovery.",
)
@click.option("--seconds", type=Number(0, min_open=True), metavar="N", help="End after this time.")
@pass_surroundings
def monitor(
    surroundings: Surroundings,
    port: str | None,
    form: str,
    log: Path | None,
    labels: tuple[str, ...],
    min_score: float,
    once: bool,
    web: int | None,
    mqtt: str | None,
    seconds: float | None,
) -> int:
    """Show a board's events and levels as they come.

    Standard output holds nothing but the data. Runs until Ctrl-C (exit code 130) or until its output is closed (0).
    With --once it ends with 0 after an event: at its onset, or at its end for formats of whole events (tsv, audacity);
    with 6 if there is none within --seconds. If the board is unplugged, it waits for its return.
    """
    from soundsdk.device.classes import check_labels
    from soundsdk.device.reconnect import ReconnectingDevice
    from soundsdk.monitor.event_filter import EventFilter
    from soundsdk.monitor.lines import Lines
    from soundsdk.monitor.log import Log
    from soundsdk.monitor.loop import run_monitor
    from soundsdk.monitor.notes import Notes, summary
    from soundsdk.monitor.source import DeviceSource
    from soundsdk.monitor.state import State
    from soundsdk.monitor.telemetry_requests import TelemetryRequests

    broker = None
    if mqtt is not None:
        from soundsdk.monitor.mqtt_topics import parse

        broker = parse(mqtt)
    with contextlib.ExitStack() as stack:
        # What can fail comes first; the live table, which occupies the terminal, last.
        server = None
        if web is not None:
            from soundsdk.monitor.page_server import PageServer

            server = PageServer(web)
            stack.callback(server.close)
        board = stack.enter_context(ReconnectingDevice(port, system=surroundings.system))
        if board.device is not None:
            check_labels(board.device, labels)
        source = DeviceSource(board)
        state = State(source.hello, source.path)
        live = form == "text" and sys.stdout.isatty()
        requests = TelemetryRequests(source, state, lambda: (live or _watched(server), _watched(server)))
        sinks: list[Sink] = []

        def add(sink: Sink) -> None:
            sinks.append(sink)
            stack.callback(sink.close)

        kept = Log(log, state, _say) if log else None
        stack.callback(lambda: _last_words(summary(state, source.counts, kept.failed if kept else 0)))
        if kept is not None:
            add(kept)
        if broker is not None:
            from soundsdk.monitor.mqtt import Mqtt

            add(Mqtt(broker, state, requests, source.serial_number, labels, _say))
        if server is not None:
            from soundsdk.monitor.web import Web

            add(Web(server, source, state, requests))
            _say(f"the page is at {server.url}")
        if live:
            from rich.console import Console

            from soundsdk.monitor.table import Table

            add(Table(source, state, Console()))
        else:
            add(Lines(form, state))
        add(Notes(state, _say, lambda words: click.echo(f"board: {words}", err=True)))
        stack.enter_context(_terminable())
        now = time.time()
        for sink in sinks:
            sink.handle(source.hello, None, now)
        found = run_monitor(
            source, state, EventFilter(labels, min_score), requests, sinks, once, form in ("tsv", "audacity"), seconds
        )
    if once and not found:
        raise CheckError(f"no such event came within {seconds:g} s.")
    return EXIT_OK


def _watched(server: PageServer | None) -> bool:
    return server is not None and server.watched


def _say(sentence: str) -> None:
    click.echo(f"soundsdk: {sentence}", err=True)


def _last_words(lines: list[str]) -> None:
    # Whoever closed the pipe may have closed this one as well.
    with contextlib.suppress(OSError):
        for line in lines:
            click.echo(line, err=True)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Make SIGTERM end the program as Ctrl-C does, with a summary; exit code 143."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(_TERMINATED)

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
