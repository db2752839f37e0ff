"""Measures detectors trained on few recordings: what they find, their false events, and the cost of the training.

    python tests/benchmarks/bench_few.py [--shared ../shared/data] [--labels chainsaw rooster person_sneeze doorbell]
        [--clips 5 10 20] [--minutes 30] [--start home] [--config F.toml] [--seeds 1] [--json] [--check]

For every label and number of clips it makes a project of two folders, the label's and `background` with 20 recordings,
trains it with `soundsdk train`, and listens with the INT8 detector as the board does. ESC-10 labels train on folds 1-3
and are looked for in fold 4; backgrounds are its rain, sea waves, clock ticks and fire. `doorbell` is one bell, made by
the scene generator and recorded at other places, distances and noise each time. False events are counted in --minutes
of real recordings (data/real, part dev, which nothing learns from), and in fold 4 of the classes of ESC-10 that are not
in the project, which no shipped negative is of. Found: an event begins while the clip lasts or up
to 1 s after it; on time: it also ends at most 1 s after the clip. Processor seconds are those of the whole command.
--check ends with exit code 6 unless every detector found 9 of 10, on time, with 2 false events or fewer in 30 minutes,
after 120 s of processor time at most, and prints the verdict; it judges 10 clips unless --clips says otherwise. Without
the recordings there is nothing to measure, which it says.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from soundsdk.errors import EXIT_CHECK, EXIT_USAGE
from soundsdk.recording import audio_file
from soundsdk_sim.scenes import backgrounds, distractors, rooms
from soundsdk_sim.scenes.dsp import RATE_HZ, from_db, unit
from soundsdk_train.datasets import LabelledFile, label_name, scan
from soundsdk_train.evaluation.deployed import ReportedEvent, detect_events, score_recording

BACKGROUNDS = ("rain", "sea_waves", "clock_tick", "fire_crackling")
BACKGROUND_CLIPS = 20
TEST_FOLD = 4
TEST_BELLS = 10
LEAD_S, TAIL_S = 3.0, 4.0
LATE_S = 1.0
MOST_FALSE_30_MIN = 2
MOST_CPU_S = 120.0


@dataclass
class FewClips:
    """Figures of one detector. found and on_time: of so many clips of its own sound; false: events in `minutes`."""

    label: str
    clips: int
    seed: int
    clips_heard: int
    found: int
    on_time: int
    false: int
    minutes: float
    training_cpu_s: float

    def broken_promises(self) -> list[str]:
        """Return what the detector does not keep of what is promised for ten clips, in words."""
        least = 0.9 * self.clips_heard - 0.5  # nine of ten, to the nearest clip
        kept = {
            f"{self.found} of {self.clips_heard} found": self.found >= least,
            f"{self.on_time} of {self.clips_heard} over within {LATE_S:g} s": self.on_time >= least,
            f"{self.false} false events in {self.minutes} minutes": self.false <= MOST_FALSE_30_MIN * self.minutes / 30,
            f"{self.training_cpu_s} s of processor time": self.training_cpu_s <= MOST_CPU_S,
        }
        return [what for what, holds in kept.items() if not holds]


def esc10(shared: Path, label: str) -> tuple[list[LabelledFile], list[LabelledFile]]:
    """Return the recordings of one class to train on (folds 1-3, one take of a recording first) and to look for."""
    files = [r for r in scan(shared / "esc10").recordings if r.label == label]
    seen: set[str] = set()
    first, again = [], []
    for file in (f for f in files if f.fold < TEST_FOLD):
        (again if file.source in seen else first).append(file)
        seen.add(file.source)
    return first + again, [f for f in files if f.fold == TEST_FOLD]


def bells(folder: Path, count: int, first_seed: int) -> list[Path]:
    """Write recordings of one doorbell, each from another place: room, distance, microphone and noise differ."""
    folder.mkdir(parents=True, exist_ok=True)
    bell = distractors.doorbell(np.random.default_rng(77), 3 * RATE_HZ)
    sounds = np.flatnonzero(np.abs(bell) > 0.01 * np.abs(bell).max())
    dry = bell[sounds[0] : sounds[-1] + 1]
    out = []
    for i in range(count):
        rng = np.random.default_rng(first_seed + i)
        wet = rooms.in_room(dry, rooms.room_response(rng))
        noise = backgrounds.background(rng, len(wet)) * from_db(rng.uniform(-30, -10))
        heard = rooms.MicrophoneResponse.draw(rng).apply(rng, (unit(wet) + noise) * from_db(rng.uniform(-45, -15)))
        out.append(folder / f"bell{first_seed + i}.wav")
        soundfile.write(out[-1], rooms.to_pcm(heard), RATE_HZ)
    return out


def make_project(folder: Path, label: str, clips: list[Path], others: list[Path]) -> Path:
    """Link the recordings into one folder of the label and one of backgrounds."""
    for name, files in ((label, clips), ("background", others)):
        (folder / name).mkdir(parents=True)
        for file in files:
            (folder / name / file.name).symlink_to(file.resolve())
    return folder


def train(project: Path, out: Path, seed: int, options: list[str]) -> float:
    """Train by the command line and return its processor time, user and system, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "soundsdk", "train", "--data", str(project), "--seed", str(seed), "-o", str(out)]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"training failed:\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def listen(model: bytes, pcm: np.ndarray) -> list[ReportedEvent]:
    """Return the events of a recording between stretches of quiet, -70 dBFS of noise; times from the sound's start."""
    import soundcore

    noise = np.random.default_rng(len(pcm))
    quiet = [audio_file.to_int16(noise.normal(0, 10**-3.5, round(s * RATE_HZ))) for s in (LEAD_S, TAIL_S)]
    scored = score_recording(model, np.concatenate([quiet[0], pcm, quiet[1]]))
    settings = json.loads(bytes(soundcore.Stream(model).metadata))["detector"]
    return [
        ReportedEvent(e.onset_s - LEAD_S, e.offset_s - LEAD_S, e.label, e.score, e.reported_s - LEAD_S)
        for e in detect_events(scored, settings)
    ]


def found_and_on_time(model: bytes, sounds: list[Path]) -> tuple[int, int]:
    """Count the recordings in which an event begins, and those whose last event ends within LATE_S of the sound."""
    found = on_time = 0
    for path in sounds:
        pcm = audio_file.read(path, RATE_HZ)
        seconds = len(pcm) / RATE_HZ
        events = [e for e in listen(model, pcm) if -0.5 <= e.onset_s <= seconds + LATE_S]
        found += bool(events)
        on_time += bool(events) and max(e.offset_s for e in events) <= seconds + LATE_S
    return found, on_time


def real_negatives(shared: Path, minutes: float) -> list[Path]:
    """Return recordings that last so long: one of each kind in turn, of data/real's part dev."""
    folders = sorted(p for p in (shared / "real" / "dev").iterdir() if p.is_dir())
    kinds = [sorted(p for p in folder.iterdir() if p.suffix == ".flac") for folder in folders]
    out: list[Path] = []
    left = minutes * 60
    turn = 0
    while left > 0 and any(len(kind) > turn for kind in kinds):
        for kind in kinds:
            if len(kind) > turn and left > 0:
                out.append(kind[turn])
                left -= soundfile.info(str(kind[turn])).duration
        turn += 1
    return out


def other_classes(shared: Path, label: str) -> list[Path]:
    """Return fold 4 of the classes of ESC-10 that a project of this label does not hold."""
    files = scan(shared / "esc10").recordings
    return [f.path for f in files if f.fold == TEST_FOLD and f.label not in (label, *BACKGROUNDS)]


def count_false(model: bytes, negatives: list[Path]) -> tuple[int, float]:
    """Return the number of events in recordings of other sounds, and their minutes."""
    events, minutes = 0, 0.0
    for path in negatives:
        pcm = audio_file.read(path, RATE_HZ)
        events += len(listen(model, pcm))
        minutes += len(pcm) / RATE_HZ / 60
    return events, minutes


def measure(shared: Path, label: str, clips: int, seed: int, options: list[str], minutes: float = 30) -> FewClips:
    """Train a project of so many clips of a label and 20 backgrounds, and measure the detector."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if label == "doorbell":
            learned, heard = bells(folder / "learned", clips, 1000 * seed), bells(folder / "heard", TEST_BELLS, 900_000)
        else:
            train_files, test_files = esc10(shared, label)
            order = np.random.default_rng(seed).permutation(len(train_files))
            learned, heard = [train_files[i].path for i in order[:clips]], [f.path for f in test_files]
        per_class = BACKGROUND_CLIPS // len(BACKGROUNDS)
        others = [f.path for c in BACKGROUNDS if c != label for f in esc10(shared, c)[0][:per_class]]
        project = make_project(folder / "project", label_name(label), learned, others)
        out = folder / f"{label}.tflite"
        cpu_s = train(project, out, seed, options)
        model = out.read_bytes()
        found, on_time = found_and_on_time(model, heard)
        false, heard_minutes = count_false(model, real_negatives(shared, minutes) + other_classes(shared, label))
    return FewClips(label, clips, seed, len(heard), found, on_time, false, round(heard_minutes, 1), round(cpu_s, 1))


def known_labels(shared: Path) -> list[str]:
    """Return the labels that can be measured: the bell that is made, and those of ESC-10."""
    return sorted({"doorbell"} | {f.label for f in scan(shared / "esc10").recordings})


def main() -> None:
    """Print one line per label, number of clips and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--labels", nargs="+", default=["chainsaw", "rooster", "person_sneeze", "doorbell"])
    parser.add_argument("--clips", nargs="+", type=int, help="default: 5 10 20, with --check 10")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--start", help="--from of `soundsdk train`; without it the rule of that command")
    parser.add_argument("--config", help="settings for `soundsdk train`")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    if not (given.shared / "real" / "dev").is_dir() or not (given.shared / "esc10").is_dir():
        print(f"skipped: {given.shared} does not hold real/dev and esc10", file=sys.stderr)
        return
    known = known_labels(given.shared)
    if unknown := [label for label in given.labels if label not in known]:
        print(f"there is no label {', '.join(unknown)}. Known: {', '.join(known)}.", file=sys.stderr)
        sys.exit(EXIT_USAGE)
    all_clips = given.clips or ([10] if given.check else [5, 10, 20])
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    options = ["--from", given.start] if given.start else []
    options += ["--config", given.config] if given.config else []
    if not given.as_json:
        print(f"{'label':<12}{'clips':>6}{'seed':>6}{'found':>8}{'on time':>9}{'false':>7}{'minutes':>9}{'CPU s':>8}")
    broken = []
    for label in given.labels:
        for clips in all_clips:
            for seed in given.seeds:
                f = measure(given.shared, label, clips, seed, options, given.minutes)
                broken += [f"{label}, {clips} clips, seed {seed}: {what}" for what in f.broken_promises()]
                if given.as_json:
                    print(json.dumps(asdict(f)), flush=True)
                    continue
                counts = f"{f.found:>5}/{f.clips_heard:<2}{f.on_time:>6}/{f.clips_heard:<2}{f.false:>7}{f.minutes:>9}"
                print(f"{label:<12}{clips:>6}{seed:>6}{counts}{f.training_cpu_s:>8}", flush=True)
    if given.check:
        verdict = ["not kept:", *broken] if broken else ["kept: all that is promised"]
        print("\n".join(verdict), file=sys.stderr, flush=True)
        sys.exit(EXIT_CHECK if broken else 0)


if __name__ == "__main__":
    main()
