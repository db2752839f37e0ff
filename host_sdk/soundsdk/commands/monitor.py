"""The verb `soundsdk monitor`."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from soundsdk.commands.options import Number, json_option, model_option, not_empty, ports_option
from soundsdk.commands.verb import Surroundings, Verb, pass_surroundings
from soundsdk.errors import CheckError, UsageError
from soundsdk.progress import is_dumb

if TYPE_CHECKING:
    from soundsdk.monitor.boards.board import MonitoredBoard
    from soundsdk.monitor.lines import Sink
    from soundsdk.monitor.log import Log
    from soundsdk.monitor.page.server import PageServer


_F = TypeVar("_F", bound=Callable[..., Any])

# What a board's sound is shown by, for every verb that listens on.
_DISPLAY = (
    click.option(
        "--format",
        "form",
        type=click.Choice(["text", "jsonl", "tsv", "audacity"]),
        default="text",
        show_default=True,
        help="Print a live table or plain lines, JSON Lines, a DCASE table, or an Audacity label track.",
    ),
    json_option,
    click.option(
        "--log", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Append JSON Lines to FILE."
    ),
    click.option(
        "--label", "labels", multiple=True, metavar="LABEL", help="Show events of this label only; may be repeated."
    ),
    click.option(
        "--min-score",
        type=Number(0, 1),
        default=0.0,
        metavar="SCORE",
        help="Show events that reach this score only.",
    ),
    click.option("--once", is_flag=True, help="End after the first of these events."),
    click.option(
        "--web",
        type=click.IntRange(0, 65535),
        is_flag=False,
        flag_value=0,
        metavar="[TCP_PORT]",
        help="Serve a page to this computer; its address is printed.",
    ),
    click.option(
        "--mqtt",
        envvar="SOUNDSDK_MQTT",
        metavar="URL",
        help="Publish to mqtt[s]://[USER:PASSWORD@]HOST[:PORT]/PREFIX, with Home Assistant discovery. User and "
        "password may be in SOUNDSDK_MQTT_USER and SOUNDSDK_MQTT_PASSWORD instead.",
    ),
    click.option(
        "--mqtt-ca",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Check the certificate of an mqtts:// broker with these (PEM), not with those this computer trusts.",
    ),
    click.option("--seconds", type=Number(0, min_open=True), metavar="N", help="End after this time."),
)


def display_options(function: _F) -> _F:
    """Add the options that say how events are shown: the arguments of show_events()."""
    for option in reversed(_DISPLAY):
        function = option(function)
    return function


@click.command(
    cls=Verb,
    examples=[
        "soundsdk monitor",
        "soundsdk monitor --json --label siren | jq .score",
        "soundsdk monitor --log events.jsonl --web",
        "soundsdk monitor -p /dev/ttyACM0 -p id:E6614103E7452D2F --web",
        "soundsdk monitor --mqtt mqtts://broker.local/sounds --mqtt-ca authority.pem",
        "soundsdk monitor --once --label smoke_alarm --seconds 60",
        "soundsdk monitor --listen /dev/ttyACM1 --model doorbell.tflite",
    ],
)
@ports_option
@click.option(
    "--listen", "heard", multiple=True, metavar="PORT", callback=not_empty,
    help="A board that sends its sound, in which this computer detects; may be repeated.",
)  # fmt: skip
@model_option
@display_options
@pass_surroundings
def monitor(
    surroundings: Surroundings, addresses: tuple[str, ...], heard: tuple[str, ...], model: str | None, **display: Any
) -> None:
    """Show the events and levels of a board, or of several, as they come.

    With several -p, each line names its board, and the table and the page show all. If a board is unplugged, it waits
    for its return; the others go on. Standard output holds nothing but the data. Runs until Ctrl-C (exit code 130) or
    until its output is closed (0). With --once it ends with 0 after an event: at its onset, or at its end for formats
    of whole events (tsv, audacity); with 6 if there is none within --seconds.

    With --listen the detector runs on this computer, and the board there sends its sound: a CircuitPython board, which
    runs no detector, or any other, whose own detector goes on.
    """
    if model is not None and not heard:
        raise UsageError("-m is there and --listen is not.", "A board runs its own detector: soundsdk push changes it.")
    behind = f",model={model}" if model else ""
    show_events(surroundings, (*addresses, *(f"listen:{port}{behind}" for port in heard)), **display)


def show_events(
    surroundings: Surroundings,
    addresses: tuple[str, ...],
    form: str,
    as_json: bool,
    log: Path | None,
    labels: tuple[str, ...],
    min_score: float,
    once: bool,
    web: int | None,
    mqtt: str | None,
    mqtt_ca: Path | None,
    seconds: float | None,
) -> None:
    """Show boards until the end, as the options of display_options() say."""
    from soundsdk.monitor.boards.feeds import GATHER_S, ManyBoards, OneBoard
    from soundsdk.monitor.lines import Lines
    from soundsdk.monitor.log import Log
    from soundsdk.monitor.loop import GATHER_S as GATHER_ONE_S
    from soundsdk.monitor.loop import run_monitor
    from soundsdk.monitor.notes import Notes

    broker = None
    if mqtt is not None:
        from soundsdk.monitor.mqtt.address import parse

        broker = parse(mqtt, mqtt_ca)
    elif mqtt_ca is not None:
        raise UsageError("--mqtt-ca is there and --mqtt is not.", "Give the address of the broker, too.")
    if as_json and form not in ("text", "jsonl"):
        raise UsageError(f"--json and --format {form} exclude each other.", "Leave one out.")
    form = "jsonl" if as_json else form
    several = len(addresses) > 1
    if several and form == "audacity":
        raise UsageError("an Audacity label track holds the times of one board.", "Give --format tsv, or one -p.")
    with contextlib.ExitStack() as stack:
        # What can fail comes first; the live table, which occupies the terminal, last.
        server = None
        if web is not None:
            from soundsdk.monitor.page.server import PageServer

            server = PageServer(web)
            stack.callback(server.close)
        live = form == "text" and sys.stdout.isatty() and not is_dumb()
        boards = _open(addresses, surroundings, stack, live, server, labels, min_score)
        sinks: list[Sink] = []

        def add(sink: Sink) -> None:
            sinks.append(sink)
            stack.callback(sink.close)

        kept = Log(log, _say) if log else None
        stack.callback(lambda: _last_words(_summaries(boards, kept)))
        if kept is not None:
            add(kept)
        if broker is not None:
            from soundsdk.monitor.mqtt.publisher import Mqtt

            say = _once(_say)
            for board in boards:
                add(Mqtt(broker, board, labels, say))
        if server is not None:
            from soundsdk.monitor.page.web import Web

            add(Web(server, boards))
            _say(f"the page is at {server.url}")
        if live:
            from rich.console import Console

            from soundsdk.monitor.table.live import Table

            add(Table(boards, Console()))
        else:
            add(Lines(form))
        for board in boards:
            add(Notes(board, _sayer(board), _shower(board)))
        now = time.time()
        for board in boards:
            for sink in sinks:
                sink.handle(board, board.source.hello, None, now)
        feed = stack.enter_context(ManyBoards(boards)) if several else OneBoard(boards[0])
        whole = form in ("tsv", "audacity")
        gather_s = GATHER_S if several else GATHER_ONE_S
        found = run_monitor(boards, feed, sinks, once, whole, seconds, gather_s)
    if once and not found:
        raise CheckError(f"no such event came within {seconds:g} s.")


def _open(
    addresses: Sequence[str],
    surroundings: Surroundings,
    stack: contextlib.ExitStack,
    live: bool,
    server: PageServer | None,
    labels: Collection[str],
    min_score: float,
) -> list[MonitoredBoard]:
    """Open the boards; the stack closes them."""
    from soundsdk.device import ports
    from soundsdk.device.classes import check_labels
    from soundsdk.monitor.boards.board import monitored
    from soundsdk.monitor.boards.feeds import ThreadedSource
    from soundsdk.monitor.boards.identity import Identity, distinct, identify
    from soundsdk.monitor.boards.opening import open_boards
    from soundsdk.monitor.boards.source import DeviceSource

    devices = open_boards(addresses, surroundings.system)
    for device in devices:
        stack.callback(device.close)
    check_labels([device.device for device in devices if device.device is not None], labels)
    listed = ports.listed(surroundings.system)
    names: list[Identity] = []
    boards: list[MonitoredBoard] = []
    for index, device in enumerate(devices):
        names.append(distinct(identify(device.hello.board, device.transport, listed), names))
        source = DeviceSource(device) if len(devices) == 1 else ThreadedSource(DeviceSource(device))
        wants = _wants(live, server, index)
        boards.append(monitored(source, names[-1], index, len(devices) > 1, wants, labels, min_score))
    return boards


def _wants(live: bool, server: PageServer | None, index: int) -> Callable[[], tuple[bool, bool]]:
    """Return what asks whether somebody looks at a board's scores, and at its features."""

    def wants() -> tuple[bool, bool]:
        looked_at = server is not None and server.looks_at(index)
        return live or looked_at, looked_at

    return wants


def _say(sentence: str) -> None:
    click.echo(f"soundsdk: {sentence}", err=True)


def _sayer(board: MonitoredBoard) -> Callable[[str], None]:
    """Return what says a sentence about a board, with its name if there are others."""
    return (lambda sentence: _say(f"{board.name}: {sentence}")) if board.several else _say


def _shower(board: MonitoredBoard) -> Callable[[str], None]:
    """Return what shows a line that a board has printed."""
    name = board.name if board.several else "board"
    return lambda words: click.echo(f"{name}: {words}", err=True)


def _once(say: Callable[[str], None]) -> Callable[[str], None]:
    """Return a say() for the connections of several boards to one broker: what all say is said once."""
    last = ""

    def say_new(sentence: str) -> None:
        nonlocal last
        if sentence != last:
            last = sentence
            say(sentence)

    return say_new


def _summaries(boards: Sequence[MonitoredBoard], log: Log | None) -> list[str]:
    from soundsdk.monitor.notes import summary

    lines = [
        line
        for board in boards
        for line in summary(board.state, board.source.counts, board.name if board.several else "")
    ]
    return lines if log is None else [*lines, log.summary()]


def _last_words(lines: list[str]) -> None:
    # Whoever closed the pipe may have closed this one as well.
    with contextlib.suppress(OSError):
        for line in lines:
            click.echo(line, err=True)
