"""The report as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from soundsdk.build.engine_code import of_board
from soundsdk.models.engines import arenas
from soundsdk_sim.profile import operators as model_operators
from soundsdk_sim.profile.limits import LimitCheck

if TYPE_CHECKING:
    from soundsdk_sim.profile.report import Report


def show(report: Report, checks: list[LimitCheck]) -> None:
    """Write the report to standard output, in colour on a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(report.detector.name)}[/] on [bold]{report.board.name}[/]{_conditions(report)}")
    console.print(_costs(report))
    for line in _lines(report):
        console.print(line)
    console.print("[dim]Not in these figures: " + "; ".join(report.measured.not_modelled) + ".[/]")
    for check in checks:
        word = "[red]exceeded[/]" if check.exceeded else "kept"
        console.print(f"bound {check.key}={check.limit:g} is {word}: {check.value:.6g}")


def _conditions(report: Report) -> str:
    clock = f" at {report.clock_hz / 1e6:g} MHz" if report.clock_hz else ""
    image = "" if report.own_image else f", by the image of {report.runs_on.id}"
    return f"{clock}{image}: one hop of {report.hop_ms:g} ms, the most expensive of {len(report.measured.hops)}"


def _costs(report: Report) -> Table:
    hop = report.hop
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("part")
    table.add_column("output")
    for name in ("MACs", report.measured.unit, "share"):
        table.add_column(name, justify="right")

    def row(title: str, cost: int, shape: str = "", macs: int = 0, style: str = "") -> None:
        share = f"{100 * cost / hop.total:.1f} %"
        table.add_row(title, shape, f"{macs:,}" if macs else "", f"{cost:,}", share, style=style)

    row("frontend", hop.frontend)
    for title, cost in hop.stages.items():
        row(f"  {title}", cost, style="dim")
    operators = model_operators.read(report.detector.data)
    row("network", hop.model, macs=sum(operator.macs for operator in operators))
    for i, (operator, cost) in enumerate(zip(operators, hop.operators, strict=True)):
        shape = "x".join(map(str, operator.shape))
        row(f"  {i:2} {operator.name}", cost, shape, operator.macs, style="dim")
    row("post-processing (soundfw)", hop.post)
    if hop.microphone:
        row("microphone (conversion)", hop.microphone)
    if hop.interrupts:
        row("interrupts", hop.interrupts)
    row("all of one hop", hop.total, style="bold")
    return table


def _lines(report: Report) -> list[str]:
    measured = report.measured
    lines = []
    if report.ms is not None and report.share is not None:
        lines.append(f"time     {report.ms:.1f} ms of {report.hop_ms:g} ms, {report.share:.3f} of real time")
    elif report.ms_at_least is not None:
        lines.append(
            f"time     not known: cycles for an instruction are not modelled; at one each, the fastest there is, "
            f"{report.ms_at_least:.1f} ms of {report.hop_ms:g} ms"
        )
    lines.append(f"arena    {report.detector.arena_bytes:,} bytes (frontend and network)")
    engines = arenas(report.detector.data)
    if engines.tflm is not None:
        lines.append(f"network  {engines}")
    code = of_board(report.runs_on.id)
    if code.soundcore is not None:
        lines.append(f"code     {code}")
    if report.own_image:
        room = f" of {report.board.image_bytes:,}" if report.board.image_bytes else ""
        used = measured.heap_bytes - measured.heap_free_bytes
        lines += [
            f"flash    {report.flash_bytes:,} bytes{room}",
            f"RAM      {report.ram_bytes:,} bytes: {measured.static_bytes:,} static, {used:,} of the heap",
            f"heap     {measured.heap_bytes:,} bytes: {measured.heap_free_start_bytes:,} free at the start, "
            f"{measured.heap_free_bytes:,} while the detector listens",
        ]
    return lines + _stock(report) + _power(report)


def _stock(report: Report) -> list[str]:
    stock = report.board.stock
    if stock is None or report.stock_bytes is None:
        return []
    if not stock.free_bytes:
        found = "how much is free shows when it runs"
    elif report.stock_bytes > stock.free_bytes:
        found = f"too many: {stock.free_bytes:,} are free"
    else:
        found = f"{stock.free_bytes:,} are free"
    return [f"stock    on MicroPython's own image it takes {report.stock_bytes:,} bytes of the heap; {found}"]


def _power(report: Report) -> list[str]:
    power, mean, hop_mj = report.power, report.mean_ma(sleeping=False), report.hop_mj(sleeping=False)
    if power is None or mean is None or hop_mj is None:
        return ["current  not known: the board file has no table power"]
    text = f"current  {mean:.1f} mA, {mean * power.volt:.0f} mW at {power.volt:g} V, as if it never slept"
    sleeping = report.mean_ma(sleeping=True)
    if sleeping is not None:
        text += f"; {sleeping:.1f} mA with everything asleep that listening does not need"
        text += f" (share x {power.active_ma:g} mA + rest x {power.sleep_ma:g} mA)"
    energy = f"energy   {hop_mj:.1f} mJ a hop, as if it never slept"
    if (least_mj := report.hop_mj(sleeping=True)) is not None:
        energy += f"; {least_mj:.1f} mJ with everything asleep that listening does not need"
    return [text, f"         {power.basis}: {escape(power.source)}", energy]
