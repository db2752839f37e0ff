"""The budgets of the figures, budgets.json beside this file, and the words for a figure that is above its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PLACE = Path(__file__).with_name("budgets.json")
UPDATE = "python tests/benchmarks/m0/bench.py --update"
SLACK = 0.02  # compilers of the same version differ a little from one system to the next


@dataclass(frozen=True)
class Budgets:
    """Figures by name, and the version of the compiler that they were measured with."""

    compiler: str
    figures: dict[str, int]


def compiler() -> str:
    """Return the version of arm-none-eabi-gcc."""
    words = ["arm-none-eabi-gcc", "-dumpfullversion"]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def load() -> Budgets:
    """Read the budgets."""
    read = json.loads(PLACE.read_text(encoding="utf-8"))
    return Budgets(read["compiler"], read["figures"])


def save(figures: Mapping[str, int]) -> None:
    """Make these figures the budgets; what was not measured keeps its own."""
    known = load().figures if PLACE.is_file() else {}
    text = json.dumps({"compiler": compiler(), "figures": {**known, **figures}}, indent=4, sort_keys=True)
    PLACE.write_text(text + "\n", encoding="utf-8")


def exceeded(figures: Mapping[str, int], budgets: Mapping[str, int]) -> list[str]:
    """Return a line for each figure that has no budget or is above it by more than SLACK."""
    lines = []
    for name, figure in figures.items():
        if name not in budgets:
            lines.append(f"{name}: {figure:,} has no budget. {UPDATE}")
        elif figure > budgets[name] * (1 + SLACK):
            more = 100 * (figure / budgets[name] - 1)
            lines.append(
                f"{name}: {figure:,} is {more:.1f} % above its budget of {budgets[name]:,}; {100 * SLACK:g} % are "
                f"allowed. If it is worth that: {UPDATE}"
            )
    return lines
