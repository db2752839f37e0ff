"""The cost of soundcore on a simulated Cortex-M0+, against its budgets, its peers and its goals.

    python tests/benchmarks/m0/bench.py                   the table
    python tests/benchmarks/m0/bench.py --layers          and what each operator of the models takes
    python tests/benchmarks/m0/bench.py --profile conv    what each function takes: conv, ds, fc, frame, esc10
    python tests/benchmarks/m0/bench.py --everywhere      and instructions on RV32IMC, this computer's time (make bench)
    python tests/benchmarks/m0/bench.py --update          make these figures the budgets

Exit code 6 if a figure is above its budget by more than 2 % or an output is not what it should be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.m0 import budgets, elsewhere, simulated, workloads
from soundsdk.errors import EXIT_CHECK, EXIT_OK

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PEERS = Path(__file__).with_name("peers.toml")
RV32_GOAL = 1_600_000
HOST_GOALS = {"XNNPACK": 1.0, "librosa": 0.8}


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    work: str
    now: str
    budget: str = ""
    goal: str = ""
    met: str = ""
    peers: str = ""


def works() -> dict[str, dict[str, Any]]:
    """Return what peers.toml knows of each work, by name."""
    return tomllib.loads(PEERS.read_text(encoding="utf-8"))


def chip_rows(figures: dict[str, int]) -> list[Row]:
    """Return the rows of the simulated chip, those of peers.toml that were measured."""
    kept = budgets.load().figures
    rows = []
    for name, work in works().items():
        if name not in figures:
            continue
        figure = figures[name]
        peers = ", ".join(f"{figure / theirs:.2f} {peer}" for peer, theirs in work["peers"].items())
        budget = f"{kept[name]:,}" if name in kept else "none"
        rows.append(Row(f"{work['title']} [{work['unit']}]", f"{figure:,}", budget, *_goal(figure, work), peers))
    return rows


def _goal(figure: int, work: dict[str, Any]) -> tuple[str, str]:
    """Return the goal in the work's unit, and whether it is met: "", "no", "yes", or "aim" for more than the goal."""
    if "goal" not in work:
        return "", ""
    whole = work["peers"][work["of"]] if "of" in work else 1
    met = "no" if figure > work["goal"] * whole else "aim" if figure <= work.get("aim", 0) * whole else "yes"
    return f"{int(work['goal'] * whole):,}", met


def elsewhere_rows() -> list[Row]:
    """Return the rows of RV32IMC and of this computer; what is missing here is a row that says so."""
    instructions = elsewhere.rv32_hop_instructions()
    met = "yes" if instructions <= RV32_GOAL else "no"
    rows = [Row("esc10: one hop on RV32IMC [instructions]", f"{instructions:,}", "", f"{RV32_GOAL:,}", met)]
    against: dict[str, tuple[str, Callable[[], tuple[float, float]]]] = {
        "XNNPACK": ("esc10: network, one step, here [us]", elsewhere.step_against_xnnpack),
        "librosa": ("features of 10 s of sound, here [us]", elsewhere.frontend_against_librosa),
    }
    for peer, (work, measure) in against.items():
        try:
            ours, theirs = measure()
        except ImportError as e:
            rows.append(Row(work, "", peers=f"{peer}: not compared, {e}"))
            continue
        goal, part = HOST_GOALS[peer], ours / theirs
        met = "yes" if part <= goal else "no"
        rows.append(Row(work, f"{1e6 * ours:,.1f}", "", f"{1e6 * goal * theirs:,.1f}", met, f"{part:.2f} {peer}"))
    return rows


def print_table(rows: list[Row]) -> None:
    """Print the rows below their titles."""
    rows = [Row("work", "now", "budget", "goal", "met", "parts of peers"), *rows]
    columns = zip(*(vars(row).values() for row in rows), strict=True)
    widths = [max(map(len, column)) for column in columns]
    for row in rows:
        work, *numbers, met, peers = vars(row).values()
        cells = [work.ljust(widths[0])] + [n.rjust(w) for n, w in zip(numbers, widths[1:4], strict=True)]
        print("  ".join([*cells, met.ljust(widths[4]), peers]).rstrip())


def print_layers(layers: dict[str, list[workloads.Layer]]) -> None:
    """Print what each operator took."""
    for name, of_model in layers.items():
        print(f"\n{name}")
        for layer in of_model:
            each = f"{layer.cycles / layer.macs:6.2f} a MAC of {layer.macs:,}" if layer.macs else ""
            shape = "x".join(map(str, layer.shape))
            print(f"  {layer.operator:<18} {shape:<12} {layer.cycles:>10,} cycles {each}".rstrip())


def print_profile(built: Path, name: str) -> None:
    """Print what each function took, without what it calls, the largest first."""
    functions = workloads.profile(built, name).profile
    whole = sum(cost.cycles for cost in functions)
    print(f"\n{name}: {whole:,} cycles")
    for cost in sorted(functions, key=lambda cost: -cost.cycles):
        part = 100 * cost.cycles / whole
        print(f"  {part:5.1f} %  {cost.cycles:>10,} cycles  {cost.instructions:>10,} instructions  {cost.name}")


def main() -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="The cost of soundcore on a simulated Cortex-M0+.")
    parser.add_argument("--layers", action="store_true", help="show the cycles of each operator")
    parser.add_argument("--profile", nargs="+", metavar="WORK", choices=[*workloads.MODEL_NAMES, "frame", "esc10"],
                        default=[], help="show the cycles of each function: %(choices)s")  # fmt: skip
    parser.add_argument("--everywhere", action="store_true", help="measure RV32IMC and this computer as well")
    parser.add_argument("--update", action="store_true", help="make these figures the budgets")
    given = parser.parse_args()
    built = simulated.build(workloads.BUILD)
    measured = workloads.measure_all(built)
    if given.update and not measured.wrong:
        budgets.save(measured.figures)
    print_table(chip_rows(measured.figures) + (elsewhere_rows() if given.everywhere else []))
    if given.layers:
        print_layers(measured.layers)
    for name in given.profile:
        print_profile(built, name)
    faults = measured.wrong + budgets.exceeded(measured.figures, budgets.load().figures)
    for fault in faults:
        print(fault, file=sys.stderr)
    return EXIT_CHECK if faults else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
