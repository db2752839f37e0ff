"""Figures of a detector on continuous sound as tables for a terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from soundsdk_train.evaluation.deployed_figures import (
    ALL_NEGATIVES,
    BETWEEN,
    DeployedFigures,
    Estimate,
    FalseAlarmRate,
    Spread,
)

_WITH_INTERVALS = 6  # more labels than this have no room for the intervals of each kind


def open_console() -> Console:
    """Return a console on standard output, as wide as the tables here need where that is no terminal."""
    return Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160, highlight=False)


def print_figures(console: Console, title: str, figures: DeployedFigures) -> None:
    """Print three tables: of the whole, of each label, and of false alarms per label and kind of sound."""
    console.print(
        f"{title}: {figures.recordings} recordings, {figures.hours:.2f} h, {figures.negative_hours:.2f} h of negatives",
        markup=False,
    )
    console.print(_overall(figures))
    console.print(_per_label(figures))
    console.print(_false_alarms(figures))


def format_estimate(estimate: Estimate) -> str:
    """Return a figure with its interval, such as "0.571 [0.41 0.72]"; "-" where it is not defined."""
    if estimate.value is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
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


def _overall(figures: DeployedFigures) -> Table:
    table = Table("all labels", "value [95 %]")
    for name, estimate in (
        ("recall", figures.recall),
        ("event F1, mean of labels", figures.event_f1),
        ("event F1, all events", figures.event_f1_micro),
        ("segment F1, mean of labels", figures.segment_f1),
        ("segment F1, all segments", figures.segment_f1_micro),
        ("PSDS1", figures.psds1),
        ("PSDS2", figures.psds2),
        ("mAP", figures.mean_average_precision),
    ):
        table.add_row(name, format_estimate(estimate).replace("[", r"\["))
    return table


def _per_label(figures: DeployedFigures) -> Table:
    table = Table(
        "label", "found", "recall", "false/h", "event F1", "segm. F1", "AP", "onset s", "offset s", "latency s"
    )
    for figure in figures.labels:
        cells = [
            f"{figure.found} of {figure.events}" if figure.events else "-",
            format_estimate(figure.recall),
            format_rate(figure.rate() or figure.rate(BETWEEN)),
            *(_plain(e) for e in (figure.event_f1, figure.segment_f1, figure.average_precision)),
            *(format_spread(s) for s in (figure.onset_error, figure.offset_error, figure.latency)),
        ]
        table.add_row(figure.label, *(cell.replace("[", r"\[") for cell in cells))
    return table


def _false_alarms(figures: DeployedFigures) -> Table:
    table = Table("false alarms per hour", "hours", *(figure.label for figure in figures.labels))
    kinds = [rate.kind for rate in figures.labels[0].false_alarms]
    for kind in kinds:
        rates = [figure.rate(kind) for figure in figures.labels]
        hours = [rate.hours for rate in rates if rate is not None]
        cells = [f"{r.count}: {format_rate(r)}" if r is not None else "-" for r in rates]
        if len(cells) > _WITH_INTERVALS:
            cells = [cell.partition(" [")[0] for cell in cells]
        style = "bold" if kind == ALL_NEGATIVES else None
        table.add_row(kind, f"{max(hours):.2f}", *(cell.replace("[", r"\[") for cell in cells), style=style)
    return table


def _plain(estimate: Estimate) -> str:
    return "-" if estimate.value is None else f"{estimate.value:.3f}"
