"""Figures of a detector on continuous sound as tables for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from soundsdk.labels import counted
from soundsdk_train.evaluation.deployed_figures import (
    ALL_NEGATIVES,
    BETWEEN,
    DeployedFigures,
    Estimate,
    FalseAlarmRate,
    LabelFigures,
    Spread,
)
from soundsdk_train.evaluation.event_metrics import OFFSET_SHARE, ONSET_COLLAR_S

COLLARS = f"{1000 * ONSET_COLLAR_S:.0f} ms / {100 * OFFSET_SHARE:.0f} %"  # of event F1
LEFT_OUT = (
    "Event F1, onset, offset, latency and PSDS1 are left out: "
    "folders say what a clip holds, not when it begins and ends."
)
_LABELS_ACROSS = 5  # more labels than this have a row each
_KINDS_ACROSS = 4


def open_console() -> Console:
    """Return a console on standard output, as wide as the tables here need where that is no terminal."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160, highlight=False)


def print_figures(console: Console, title: str, figures: DeployedFigures, *, onsets_known: bool) -> None:
    """Print three tables: of the whole, of each label, and of false alarms per label and kind of sound.

    onsets_known: the truth has times; without them (folders of clips) what compares them is left out: see LEFT_OUT.
    """
    console.print(f"{title}: {format_extent(figures)}", markup=False)
    console.print(_overall(figures, onsets_known))
    console.print(_per_label(figures, onsets_known))
    if not onsets_known:
        console.print(LEFT_OUT)
    console.print(_false_alarms(figures))


def format_extent(figures: DeployedFigures) -> str:
    """Return what was listened to, such as "3 recordings, 1.20 h on the timeline, 0.50 h of sound of negatives"."""
    return (
        f"{counted(figures.recordings, 'recording')}, {format_hours(figures.hours)} h on the timeline, "
        f"{format_hours(figures.negative_hours)} h of sound of negatives"
    )


def format_hours(hours: float) -> str:
    """Return hours with two decimals, or with as many as show two digits of less than 0.1."""
    return f"{hours:.2f}" if hours >= 0.1 or hours == 0 else f"{hours:.2g}"


def format_estimate(estimate: Estimate) -> str:
    """Return a figure with its interval, such as "0.571 [0.41 0.72]"; "-" for what is not defined."""
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f} [-]"
    return f"{estimate.value:.3f} [{estimate.low:.2f} {estimate.high:.2f}]"


def format_rate(rate: FalseAlarmRate | None) -> str:
    """Return events per hour with their exact interval, such as "2.0 [0.2 7.2]"; "-" without any hours."""
    if rate is None or rate.per_hour is None or rate.high is None:
        return "-"
    return f"{_short(rate.per_hour)} [{_short(rate.low)} {_short(rate.high)}]"


def format_spread(spread: Spread) -> str:
    """Return median and 95th percentile in seconds, such as "0.73 / 1.19"."""
    if spread.median_s is None or spread.p95_s is None:
        return "-"
    return f"{spread.median_s:.2f} / {spread.p95_s:.2f}"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _overall(figures: DeployedFigures, onsets_known: bool) -> Table:
    table = Table("all labels", "value [95 %]")
    of_events = (
        (f"event F1 ({COLLARS}), mean of labels", figures.event_f1),
        (f"event F1 ({COLLARS}), all events", figures.event_f1_micro),
    )
    for name, estimate in (
        ("recall", figures.recall),
        *(of_events if onsets_known else ()),
        ("segment F1, mean of labels", figures.segment_f1),
        ("segment F1, all segments", figures.segment_f1_micro),
        *([("PSDS1", figures.psds1)] if onsets_known else ()),
        ("PSDS2", figures.psds2),
        ("mAP", figures.mean_average_precision),
    ):
        table.add_row(name, format_estimate(estimate).replace("[", r"\["))
    return table


def _per_label(figures: DeployedFigures, onsets_known: bool) -> Table:
    times = ("onset", "offset", "latency") if onsets_known else ()
    spreads = (f"{name} s\nmedian / p95" for name in times)
    event_f1 = [f"event F1\n{COLLARS}"] if onsets_known else []
    table = Table("label", "found", "recall", "false/h", *event_f1, "segm. F1", "AP", *spreads)
    for figure in figures.labels:
        cells = [
            f"{figure.found} of {figure.events}" if figure.events else "-",
            format_estimate(figure.recall),
            format_rate(figure.rate() or figure.rate(BETWEEN)),
            *([_plain(figure.event_f1)] if onsets_known else []),
            *(_plain(e) for e in (figure.segment_f1, figure.average_precision)),
            *(format_spread(s) for s in (figure.onset_error, figure.offset_error, figure.latency) if onsets_known),
        ]
        table.add_row(figure.label, *(cell.replace("[", r"\[") for cell in cells))
    return table


def _false_alarms(figures: DeployedFigures) -> Table:
    kinds = [rate.kind for rate in figures.labels[0].false_alarms]
    hours = {
        kind: format_hours(max(rate.hours for f in figures.labels if (rate := f.rate(kind)) is not None))
        for kind in kinds
    }
    if len(figures.labels) > _LABELS_ACROSS:
        return _false_alarms_by_label(figures, hours)
    table = Table("false alarms per hour", "hours", *(figure.label for figure in figures.labels))
    for kind in kinds:
        style = "bold" if kind == ALL_NEGATIVES else None
        table.add_row(kind, hours[kind], *(_alarms(figure, kind) for figure in figures.labels), style=style)
    return table


def _false_alarms_by_label(figures: DeployedFigures, hours: Mapping[str, str]) -> Table:
    """Return a table with a row per label; across, the kinds of sound with the most false alarms, then the sums."""
    sums = [kind for kind in hours if kind in (ALL_NEGATIVES, BETWEEN)]
    kinds = [kind for kind in hours if kind not in sums]
    counts = {kind: sum(r.count for f in figures.labels if (r := f.rate(kind)) is not None) for kind in kinds}
    shown = sorted(sorted(kinds, key=lambda kind: -counts[kind])[:_KINDS_ACROSS])
    heads = (f"{kind}\n{hours[kind]} h" for kind in [*shown, *sums])
    left = len(kinds) - len(shown)
    title = "false alarms per hour" + (f"\n{left} more kinds, with no more each" if left else "")
    table = Table(title, *heads)
    for figure in figures.labels:
        table.add_row(figure.label, *(_alarms(figure, kind) for kind in [*shown, *sums]))
    return table


def _alarms(figure: LabelFigures, kind: str) -> str:
    rate = figure.rate(kind)
    return "-" if rate is None else f"{rate.count}: {format_rate(rate)}".replace("[", r"\[")


def _plain(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3f}"
