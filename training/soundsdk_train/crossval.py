"""Hold out each fold in turn.

python -m soundsdk_train.crossval --data DIR --folds 1-4 --config F.toml --out-dir runs/
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from soundsdk.errors import SoundsdkError, UsageError
from soundsdk_train import settings as settings_file
from soundsdk_train.datasets import LAYOUTS, scan

_KEYS = ("accuracy", "macro_f1", "map")


@click.command()
@click.option("--data", required=True, type=click.Path(), help="Folder of recordings.")
@click.option("--layout", type=click.Choice(LAYOUTS), default="auto", show_default=True)
@click.option("--folds", default=None, help='Folds to hold out in turn, "1-4" or "1,3"; all by default.')
@click.option("--config", type=click.Path(), default=None, help="TOML file of settings.")
@click.option("--seed", type=int, default=None)
@click.option("--out-dir", required=True, type=click.Path(), help="Receives foldN.tflite and crossval.json.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
def main(
    data: str, layout: str, folds: str | None, config: str | None, seed: int | None, out_dir: str, as_json: bool
) -> None:
    """Train one detector per held-out fold and print float and INT8 figures of each, and their means."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from soundsdk_train import pipeline
    from soundsdk_train.commands.train import load_split
    from soundsdk_train.progress import Display

    dataset = scan(data, layout)
    wanted = dataset.folds if folds is None else _numbers(folds)
    results: list[dict[str, Any]] = []
    for fold in wanted:
        chosen = settings_file.load(config)
        chosen.name = chosen.name or dataset.root.name
        chosen.seed = chosen.seed if seed is None else seed
        train_clips, test_clips, labels = load_split(dataset, fold, chosen)
        with Display() as display:
            detector = pipeline.make(
                train_clips, test_clips, labels, chosen, test_fold=fold, on_epoch=display.epoch, say=display.say
            )
        pipeline.write(detector, Path(out_dir) / f"fold{fold}.tflite")
        assert detector.floats is not None
        assert detector.int8 is not None
        results.append(
            {
                "fold": fold,
                "float": detector.floats.brief(),
                "int8": detector.int8.brief(),
                "cost": detector.record["cost"],
            }
        )
        _line(results[-1])
    summary = summarise(results)
    Path(out_dir, "crossval.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    click.echo(json.dumps(summary) if as_json else table(summary))


def summarise(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Folds, means, and the drop from float to INT8 in points of macro-F1."""
    mean = {kind: {k: float(np.mean([r[kind][k] for r in results])) for k in _KEYS} for kind in ("float", "int8")}
    for r in results:
        r["drop_points"] = round(100 * (r["float"]["macro_f1"] - r["int8"]["macro_f1"]), 2)
    drop = 100 * (mean["float"]["macro_f1"] - mean["int8"]["macro_f1"])
    return {"folds": results, "mean": {**mean, "drop_points": round(drop, 2)}}


def table(summary: dict[str, Any]) -> str:
    """Lines for people."""
    lines = ["fold   float F1   INT8 F1   drop (points)   float acc.   INT8 acc."]
    for name, r in [*((str(r["fold"]), r) for r in summary["folds"]), ("mean", summary["mean"])]:
        lines.append(
            f"{name:<6} {r['float']['macro_f1']:>8.4f} {r['int8']['macro_f1']:>9.4f} {r['drop_points']:>15.2f} "
            f"{r['float']['accuracy']:>12.4f} {r['int8']['accuracy']:>11.4f}"
        )
    return "\n".join(lines)


def _line(result: dict[str, Any]) -> None:
    floats, int8 = result["float"]["macro_f1"], result["int8"]["macro_f1"]
    click.echo(f"fold {result['fold']}: macro-F1 float {floats:.4f}, INT8 {int8:.4f}", err=True)


def _numbers(text: str) -> list[int]:
    out: list[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            out += range(int(first), int(last or first) + 1)
    except ValueError as error:
        raise UsageError(f"{text!r} names no folds.", 'Write "1-4" or "1,3".') from error
    return out


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except SoundsdkError as error:
        click.echo(f"crossval: {error.message} {error.hint}".rstrip(), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
