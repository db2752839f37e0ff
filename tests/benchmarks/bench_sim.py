"""Measures how many times faster than real time `soundsdk sim` is: whole processes on one core, decoding included.

    python tests/benchmarks/bench_sim.py [--seconds 600] [--runs 5] [--at-least 200] [--at-most-mb 200]

Prints processor time (user and system) per run, the ratio to the recording's length, and the most memory; wall-clock
time on a shared machine means little. The recordings are made here: WAV at the firmware's 16 kHz, and Ogg Vorbis at
44.1 kHz, which must be decoded and resampled. Exit code 6 if the median of either is below --at-least, or the memory
above --at-most-mb.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile

from soundsdk.errors import EXIT_CHECK
from soundsdk_sim.scenes import make_scene
from soundsdk_sim.scenes.dsp import RATE_HZ

MINUTE_S = 60
# Linux counts the memory of the process that starts a command as the command's: this one is small.
LAUNCHER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def make_files(folder: Path, seconds: int) -> list[Path]:
    """Write one scene, repeated, as WAV at 16 kHz and as Ogg Vorbis at 44.1 kHz; it may be long."""
    import soxr

    minute = make_scene(seed=1, seconds=MINUTE_S).pcm / 32768
    files = []
    for name, rate_hz, kind in (("wav-16k.wav", RATE_HZ, "PCM_16"), ("ogg-44k1.ogg", 44100, "VORBIS")):
        files.append(folder / name)
        sound = soxr.resample(minute, RATE_HZ, rate_hz)
        with soundfile.SoundFile(str(files[-1]), "w", samplerate=rate_hz, channels=1, subtype=kind) as file:
            # A Vorbis encoder overflows its stack on long blocks: write a second at a time.
            for second in range(seconds):
                at = second % MINUTE_S * rate_hz
                file.write(sound[at : at + rate_hz])
    return files


def measure(command: list[str]) -> tuple[float, float]:
    """Run a command to its end and return its user and system time in seconds and its memory in MB."""
    run = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command], stdout=subprocess.PIPE, check=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    seconds, memory = map(float, run.stdout.split())
    return seconds, memory * (1 if sys.platform == "darwin" else 1024) / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=600, help="length of the recordings")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--at-least", type=float, default=200.0, help="times real time")
    parser.add_argument("--at-most-mb", type=float, default=200.0, help="memory, MB")
    args = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for path in make_files(Path(folder), args.seconds):
            measured = [measure([sys.executable, "-m", "soundsdk", "sim", str(path)]) for _ in range(args.runs)]
            runs, memory = [seconds for seconds, _ in measured], max(memory for _, memory in measured)
            middle = statistics.median(runs)
            print(
                f"{path.name:<13} {args.seconds} s of sound: {middle:.2f} s of processor time "
                f"({min(runs):.2f} to {max(runs):.2f}), {args.seconds / middle:.0f} x real time, {memory:.0f} MB"
            )
            failed |= args.seconds / middle < args.at_least or memory > args.at_most_mb
    return EXIT_CHECK if failed else 0


if __name__ == "__main__":
    sys.exit(main())
