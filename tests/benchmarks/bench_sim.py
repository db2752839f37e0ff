"""Measures how many times faster than real time `soundsdk sim` is: whole processes on one core, decoding included.

    python tests/benchmarks/bench_sim.py [--seconds 600] [--runs 5] [--at-least 200]

Prints processor time (user and system) per run and the ratio to the recording's length; wall-clock time on a shared
machine means little. The recordings are made here: WAV at the firmware's 16 kHz, and Ogg Vorbis at 44.1 kHz, which must
be decoded and resampled. Exit code 6 if the median of either is below --at-least.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from soundsdk.errors import EXIT_CHECK
from soundsdk_sim.scenes import make_scene
from soundsdk_sim.scenes.dsp import RATE_HZ

MINUTE_S = 60


def make_files(folder: Path, seconds: int) -> list[Path]:
    """Write one scene, repeated, as WAV at 16 kHz and as Ogg Vorbis at 44.1 kHz."""
    import soxr

    minute = make_scene(seed=1, seconds=MINUTE_S).pcm / 32768
    sound = np.tile(minute, -(-seconds // MINUTE_S))[: seconds * RATE_HZ]
    wav, ogg = folder / "wav-16k.wav", folder / "ogg-44k1.ogg"
    soundfile.write(wav, sound, RATE_HZ, subtype="PCM_16")
    with soundfile.SoundFile(str(ogg), "w", samplerate=44100, channels=1) as file:
        # A Vorbis encoder overflows its stack on long blocks: write a second at a time.
        for part in np.array_split(soxr.resample(sound, RATE_HZ, 44100), seconds):
            file.write(part)
    return [wav, ogg]


def cpu_seconds(command: list[str]) -> float:
    """Run a command to its end and return its user and system time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=600, help="length of the recordings")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--at-least", type=float, default=200.0, help="times real time")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    slow = False
    with tempfile.TemporaryDirectory() as folder:
        for path in make_files(Path(folder), args.seconds):
            runs = [cpu_seconds([sys.executable, "-m", "soundsdk", "sim", str(path)]) for _ in range(args.runs)]
            middle = statistics.median(runs)
            print(
                f"{path.name:<13} {args.seconds} s of sound: {middle:.2f} s of processor time "
                f"({min(runs):.2f} to {max(runs):.2f}), {args.seconds / middle:.0f} x real time"
            )
            slow |= args.seconds / middle < args.at_least
    return EXIT_CHECK if slow else 0


if __name__ == "__main__":
    sys.exit(main())
