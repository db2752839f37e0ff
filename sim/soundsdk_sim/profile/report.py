"""The report on a detector on a board: every figure once, for JSON and for the table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from soundsdk.boards import Board
from soundsdk.boards.facts import Power
from soundsdk.build.engine_code import of_board
from soundsdk.detector_file import DetectorFile
from soundsdk.models.engines import arenas
from soundsdk_sim.profile import operators as model_operators
from soundsdk_sim.profile.limits import LimitCheck
from soundsdk_sim.profile.measured import Measured
from soundsdk_sim.profile.trace import Hop


@dataclass(frozen=True)
class Report:
    """The measurement and what follows from it. runs_on: the board whose image was run, usually the same.

    stock_bytes: of the heap, which the detector takes on MicroPython's own image for the board; None: not known, or
    there is no such image. at_hz: the clock that is asked about, at which cycles are the same; 0: the one measured.
    """

    board: Board
    runs_on: Board
    detector: DetectorFile
    measured: Measured
    flash_bytes: int
    stock_bytes: int | None = None
    at_hz: int = 0

    @property
    def hop(self) -> Hop:
        """The most expensive of the measured hops: all figures are of this one."""
        return max(self.measured.hops, key=lambda hop: hop.total)

    @property
    def hop_ms(self) -> float:
        """Time between two steps: the budget for one."""
        return 1000 * self.detector.step_samples / int(self.detector.metadata["frontend"]["rate_hz"])

    @property
    def own_image(self) -> bool:
        """True if the measured image is the board's own."""
        return self.board == self.runs_on

    @property
    def clock_hz(self) -> int:
        """The clock that is asked about, else of the measured chip, else of the board; 0 if none is known."""
        return self.at_hz or self.measured.clock_hz or self.board.clock_hz

    @property
    def power(self) -> Power | None:
        """The supply currents at that clock; None where the board file has none."""
        power, own_hz = self.board.power, self.board.clock_hz
        return power if power is None or not own_hz else power.at(self.clock_hz / own_hz)

    @property
    def ms(self) -> float | None:
        """Time for a hop; None where only instructions are known."""
        return self._ms() if self.measured.unit == "cycles" else None

    @property
    def ms_at_least(self) -> float | None:
        """Time for a hop if every instruction took one clock cycle, the fastest these cores can run."""
        return self._ms() if self.measured.unit == "instructions" and self.clock_hz else None

    def _ms(self) -> float:
        return 1000 * self.hop.total / self.clock_hz

    @property
    def share(self) -> float | None:
        """Share of real time; None where ms is."""
        return None if self.ms is None else self.ms / self.hop_ms

    @property
    def ram_bytes(self) -> int:
        """RAM in use while the detector listens, without stacks."""
        return self.measured.static_bytes + self.measured.heap_bytes - self.measured.heap_free_bytes

    def mean_ma(self, sleeping: bool) -> float | None:
        """Return the mean supply current; sleeping: if all that listening does not need slept meanwhile."""
        power = self.power
        if power is None:
            return None
        if not sleeping:
            return power.active_ma
        if self.share is None:
            return None
        busy = min(1.0, self.share)
        return busy * power.active_ma + (1 - busy) * power.sleep_ma

    def hop_mj(self, sleeping: bool) -> float | None:
        """Return the energy of a hop in mJ, with the wait for its sound; None where the mean current is not known."""
        power, mean_ma = self.power, self.mean_ma(sleeping)
        return None if power is None or mean_ma is None else mean_ma * power.volt * self.hop_ms / 1000

    def figures(self) -> dict[str, float | None]:
        """Return the figures that --fail-over can limit, by its keys; None where one is not known."""
        own = self.own_image
        current = self.mean_ma(sleeping=False)
        return {
            "ms": self.ms,
            "rt": self.share,
            self.measured.unit: self.hop.total,
            "arena": self.detector.arena_bytes,
            "flash": self.flash_bytes if own else None,
            "ram": self.ram_bytes if own else None,
            "ma": current,
            "mw": None if current is None or self.power is None else current * self.power.volt,
        }


def _stock(report: Report) -> dict[str, Any] | None:
    stock = report.board.stock
    if stock is None or report.stock_bytes is None:
        return None
    return {"needed_bytes": report.stock_bytes, "free_bytes": stock.free_bytes or None, "source": stock.source}


def as_json(report: Report, checks: list[LimitCheck]) -> dict[str, Any]:
    """Return the object that --json prints. The README of this folder explains its keys."""
    measured, hop, own = report.measured, report.hop, report.own_image
    operators = model_operators.read(report.detector.data)
    return {
        "board": report.board.id,
        "runs_on": report.runs_on.id,
        "model": report.detector.name,
        "unit": measured.unit,
        "clock_hz": report.clock_hz or None,
        "hop_ms": report.hop_ms,
        "hops": len(measured.hops),
        "total": hop.total,
        "least_total": min(h.total for h in measured.hops),
        "frontend": hop.frontend,
        "frontend_stages": hop.stages,
        "network": hop.model,
        "operators": [
            {"index": i, **asdict(operator), measured.unit: cost, "share": cost / hop.total}
            for i, (operator, cost) in enumerate(zip(operators, hop.operators, strict=True))
        ],
        "post": hop.post,
        "microphone": hop.microphone,
        "interrupts": hop.interrupts,
        "ms": report.ms,
        "ms_at_least": report.ms_at_least,
        "rt": report.share,
        "arena_bytes": report.detector.arena_bytes,
        "engines": {**asdict(arenas(report.detector.data)), "code": asdict(of_board(report.runs_on.id))},
        "flash_bytes": report.flash_bytes if own else None,
        "flash_room_bytes": report.board.image_bytes or None,
        "static_bytes": measured.static_bytes if own else None,
        "heap_bytes": measured.heap_bytes if own else None,
        "heap_free_start_bytes": measured.heap_free_start_bytes if own else None,
        "heap_free_bytes": measured.heap_free_bytes if own else None,
        "ram_bytes": report.ram_bytes if own else None,
        "stock": _stock(report),
        "power": None
        if report.power is None
        else {
            **asdict(report.power),
            "mean_ma": report.mean_ma(sleeping=False),
            "mean_mw": report.figures()["mw"],
            "mean_sleeping_ma": report.mean_ma(sleeping=True),
            "hop_mj": report.hop_mj(sleeping=False),
            "hop_sleeping_mj": report.hop_mj(sleeping=True),
        },
        "not_modelled": measured.not_modelled,
        "checks": [asdict(check) for check in checks],
    }
