"""Forty clips, one command: makes 20 siren and 20 background clips, trains on them, and measures the held-out ones.

    python examples/siren/run.py [--data DIR] [--output DIR] [--seed N]

The clips are made with soundsdk_sim.scenes; put your own WAV files into OUT/clips/<class>/ and they are used instead.
Everything after that is `soundsdk train` and `soundsdk evaluate`, as for any folder of recordings. Exit code 6: the
figures promised in the README were not reached.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.scenes import Part, Recordings, Scene, backgrounds, compose
from soundsdk_sim.scenes.dsp import RATE_HZ, from_db, samples

HERE = Path(__file__).resolve().parent
RECORDINGS, TAKES, TAKE_S = 10, 2, 5.0  # per class: 10 recordings, each cut into two takes of 5 s
LEAST_F1, MOST_DROP_POINTS = 0.90, 5.0


def recording(rng: np.random.Generator, siren: bool, recordings: Recordings | None) -> Scene:
    """Make ten seconds in one place, with one siren almost throughout or with other sounds only."""
    seconds = TAKES * TAKE_S
    n = samples(seconds)
    if recordings is not None and rng.uniform() < 0.8:
        bed = recordings.background(rng, n) + from_db(-25) * backgrounds.background(rng, n)
    else:
        bed = backgrounds.background(rng, n)
    parts = []
    for _ in range(int(rng.integers(0, 3))):
        parts.append(Part("any", rng.uniform(0, seconds - 3), 3.0, rng.uniform(0, 15)))
    if siren:
        parts.append(Part("siren", rng.uniform(0, 0.5), seconds - 0.5, rng.uniform(0, 25)))
    return compose(rng, bed, parts, recordings)


def clips(seed: int, recordings: Recordings | None) -> Iterator[tuple[str, NDArray[np.int16]]]:
    """Make (path below the folder, samples) of the forty clips; a name's last letter is the take of its recording."""
    for siren, label in ((True, "siren"), (False, "background")):
        for number in range(RECORDINGS):
            scene = recording(np.random.default_rng([seed, siren, number]), siren, recordings)
            for take, pcm in enumerate(np.split(scene.pcm, TAKES)):
                yield f"{label}/{label}{number:02d}-{'ABCD'[take]}.wav", pcm


def write_clips(folder: Path, seed: int, recordings: Recordings | None) -> int:
    """Write the clips as 16-bit mono WAV and return their number."""
    count = 0
    for name, pcm in clips(seed, recordings):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(pcm.astype("<i2").tobytes())
        count += 1
    return count


def soundsdk(*arguments: str) -> str:
    """Run the soundsdk command and return its output; exit if it fails."""
    print("$ soundsdk", *arguments, file=sys.stderr, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "soundsdk", *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def main() -> int:
    """Make the clips, train and measure with each fold held out, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, help="recordings in class folders, for real backgrounds (no sirens in them)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=HERE / "out", help="folder for clips and detectors (examples/siren/out)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the clips (1)")
    parser.add_argument("--folds", default="1,2,3,4,5", help="folds to hold out in turn (all five)")
    args = parser.parse_args()

    folder = args.output / "clips"
    if any(folder.glob("*/*.wav")):
        print(f"using the clips in {folder}", file=sys.stderr)
    else:
        try:
            recordings = Recordings.open(args.data) if args.data else None
        except OSError as error:
            print(f"{error}. Give a folder of class folders.", file=sys.stderr)
            return 1
        print(f"wrote {write_clips(folder, args.seed, recordings)} clips to {folder}", file=sys.stderr)

    # Each fold holds two recordings of each class, with both their takes: what is scored was never trained on.
    truth_found: dict[str, list[int]] = {}
    drops = []
    for fold in args.folds.split(","):
        model = str(args.output / f"siren-fold{fold}.tflite")
        common = ("--data", str(folder), "--layout", "folders")
        soundsdk("train", *common, "--fold", fold, "--config", str(HERE / "siren.toml"), "-o", model)
        report = json.loads(soundsdk("evaluate", model, *common, "--fold", fold, "--json"))
        drops.append(100 * (report["float"]["macro_f1"] - report["int8"]["macro_f1"]))
        matrix = report["int8"]["confusion"]
        for i, row in enumerate(report["int8"]["classes"]):
            hits = truth_found.setdefault(row["label"], [0, 0, 0])
            hits[0] += matrix[i][i]
            hits[1] += sum(matrix[i])
            hits[2] += sum(other[i] for other in matrix)
    print(f"{'class':<12} {'clips':>5} {'precision':>9} {'recall':>7} {'F1':>6}")
    scores = []
    for label, (hit, true, found) in truth_found.items():
        scores.append(2 * hit / (true + found) if true + found else 0.0)
        print(f"{label:<12} {true:5d} {hit / max(found, 1):9.3f} {hit / max(true, 1):7.3f} {scores[-1]:6.3f}")
    drop = sum(drops) / len(drops)
    macro = sum(scores) / len(scores)
    print(f"held-out macro-F1 {macro:.3f} (INT8); lost by quantisation: {drop:.1f} points")
    return 0 if macro >= LEAST_F1 and drop <= MOST_DROP_POINTS else 6


if __name__ == "__main__":
    sys.exit(main())
