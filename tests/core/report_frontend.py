"""Prints the error of the fixed-point frontend against the float64 model of its formula, in int8 steps.

    python tests/core/report_frontend.py [--by-setting]

Each cell: share of values above 1 step / largest error. The model does not round, so up to 0.5 is the rounding to int8.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict

import numpy as np
import soundcore
from frontend_signals import LEVELS_DB, SETTINGS, SIGNALS, name_of, sounds
from mel_float64 import Array, Settings, features


def errors(signal: str, level_db: float, s: Settings, seed: int) -> Array:
    """|int8 - float64| of every value of that signal's clips."""
    found = []
    for pcm in sounds(signal, level_db, s, seed):
        frontend = soundcore.Frontend(**asdict(s))
        out = np.zeros((frontend.frames_after(len(pcm)), frontend.width), np.int8)
        frontend.push(pcm, out)
        found.append(np.abs(out - features(pcm, s)).ravel())
    return np.concatenate(found)


def cell(parts: list[Array]) -> str:
    """One table cell."""
    error = np.concatenate(parts)
    return f"{np.mean(error > 1):8.4%} /{error.max():5.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--by-setting", action="store_true", help="one row per setting instead of per signal")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    table: dict[tuple[str, int], list[Array]] = {}
    everything: list[Array] = []
    for s in SETTINGS:
        for signal in SIGNALS:
            for level in LEVELS_DB:
                error = errors(signal, level, s, args.seed)
                row = name_of(s) if args.by_setting else signal
                table.setdefault((row, level), []).append(error)
                everything.append(error)
    rows = list(dict.fromkeys(row for row, _ in table))
    print(f"{'dBFS':34s}" + "".join(f"{level:>16d}" for level in LEVELS_DB))
    for row in rows:
        print(f"{row:34s}" + "".join(f"{cell(table[row, level]):>16s}" for level in LEVELS_DB))
    print(f"all {sum(map(len, everything))} values: {cell(everything).strip()}; {len(SETTINGS)} settings")
    print(f"memory of the default settings: {soundcore.Frontend().size} bytes")


if __name__ == "__main__":
    main()
