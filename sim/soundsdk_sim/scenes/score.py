"""Score a detector on generated scenes: `python -m soundsdk_sim.scenes.score --model M.tflite --seeds 8000-8007`.

Prints every true and every false event. Exit code 0 if each alarm of 5 dB SNR or more is found on time and at most one
event is false in all scenes together, else 6; 2 for wrong use, 1 for what cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan
from soundsdk_sim.scenes.matching import Matched, match, on_time
from soundsdk_sim.scenes.recordings import Recordings
from soundsdk_sim.scenes.scene import ALARM_LABELS, Scene, make_scene

REQUIRED_SNR_DB = 5.0
ALLOWED_FALSE = 1


def detect(model: bytes, pcm: NDArray[np.int16]) -> list[LabelledSpan]:
    """The events that the firmware's detector finds in mono sound at the model's rate."""
    import json

    import soundcore

    from soundfw.detect import detector as firmware

    stream = soundcore.Stream(model)
    metadata = json.loads(bytes(stream.metadata))
    detector = firmware.from_stream(stream, metadata)
    rate = float(metadata["frontend"]["rate_hz"])
    scores, attention = stream.scores, stream.attention
    found: list[LabelledSpan] = []
    started: dict[int, float] = {}

    def note() -> None:
        for i, edge in enumerate(detector.edge):
            if edge == firmware.ON:
                started[i] = detector.time[i] / rate
            elif edge == firmware.OFF:
                found.append(
                    LabelledSpan(started.pop(i), detector.time[i] / rate, detector.labels[i], detector.peak[i] / 1000)
                )

    sound = np.asarray(pcm, np.int16).tobytes()
    at = 0
    while at < len(pcm):
        at += stream.feed(sound, at)
        if stream.stepped and detector.step(scores, attention, at):
            note()
    if detector.close(len(pcm)):
        note()
    return sorted(found, key=lambda f: f.onset_s)


def labels_of(model: bytes) -> list[str]:
    """The labels in a model's metadata."""
    import json

    import soundcore

    return [str(label) for label in json.loads(bytes(soundcore.Stream(model).metadata))["labels"]]


def score_scenes(model: bytes, scenes: Sequence[Scene]) -> list[Matched]:
    """One outcome per scene."""
    labels = labels_of(model)
    return [match(scene.events, detect(model, scene.pcm), labels) for scene in scenes]


def failures(outcomes: Sequence[Matched]) -> tuple[int, int]:
    """How many required alarms were not found on time, and how many events are false."""
    missed = sum(
        not on_time(true, found)
        for outcome in outcomes
        for true, found in outcome.pairs
        if true.label in ALARM_LABELS and true.snr_db >= REQUIRED_SNR_DB
    )
    return missed, sum(len(outcome.false) for outcome in outcomes)


def table(names: Sequence[str], outcomes: Sequence[Matched]) -> str:
    """Every event in a line: scene, label, SNR, times, what became of it."""
    lines = [f"{'scene':>6}  {'label':<12} {'SNR dB':>6}  {'true s':>13}  {'found s':>13}  delay s"]
    for name, outcome in zip(names, outcomes, strict=True):
        rows = []
        for true, found in outcome.pairs:
            head = f"{name:>6}  {true.label:<12} {true.snr_db:6.1f}  {true.onset_s:6.2f}-{true.offset_s:<6.2f}"
            required = true.label in ALARM_LABELS and true.snr_db >= REQUIRED_SNR_DB
            if found is None:
                rows.append((true.onset_s, head + "  " + " " * 13 + ("  MISSED" if required else "  missed")))
            else:
                delay = found.onset_s - true.onset_s
                late = "  LATE" if required and not on_time(true, found) else ""
                rows.append((true.onset_s, f"{head}  {found.onset_s:6.2f}-{found.offset_s:<6.2f}  {delay:+7.2f}{late}"))
        for found in outcome.false:
            span = f"{found.onset_s:6.2f}-{found.offset_s:<6.2f}"
            rows.append(
                (found.onset_s, f"{name:>6}  {found.label:<12} {'':6}  {'':13}  {span}  FALSE {found.score:.2f}")
            )
        lines += [text for _, text in sorted(rows)]
    return "\n".join(lines)


def summary(outcomes: Sequence[Matched]) -> str:
    """Found and missed per label, and the two figures that decide."""
    lines = []
    pairs = [pair for outcome in outcomes for pair in outcome.pairs]
    for label in sorted({true.label for true, _ in pairs}):
        of = [(true, found) for true, found in pairs if true.label == label]
        loud = [(true, found) for true, found in of if true.snr_db >= REQUIRED_SNR_DB]
        timely = sum(on_time(*pair) for pair in loud)
        heard = sum(found is not None for _, found in of)
        lines.append(
            f"{label:<12} >= {REQUIRED_SNR_DB:.0f} dB: {timely} of {len(loud)} within 1 s;"
            f" all levels: {heard} of {len(of)} found"
        )
    missed, false = failures(outcomes)
    lines.append(
        f"required alarms missed or late: {missed} (0 allowed); false events: {false} ({ALLOWED_FALSE} allowed)"
    )
    return "\n".join(lines)


def _seeds(text: str) -> list[int]:
    out: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        out += range(int(first), int(last or first) + 1)
    return out


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m soundsdk_sim.scenes.score", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="detector file (.tflite)")
    parser.add_argument("--seeds", type=_seeds, default=_seeds("8000-8007"), help="e.g. 8000-8007 or 1,5,9")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of a scene (60)")
    parser.add_argument("--data", type=Path, help="recordings in ESC folders, for backgrounds, barks and cries")
    parser.add_argument("--fold", type=int, action="append", help="use only this fold of the recordings; repeatable")
    args = parser.parse_args(argv)
    try:
        model = args.model.read_bytes()
        recordings = Recordings.open(args.data, args.fold) if args.data else None
    except OSError as error:
        print(f"{error}. Give a model file and, with --data, a folder of class folders.", file=sys.stderr)
        return 1
    scenes = [make_scene(seed, args.seconds, recordings) for seed in args.seeds]
    outcomes = score_scenes(model, scenes)
    print(table([str(seed) for seed in args.seeds], outcomes))
    print(summary(outcomes))
    missed, false = failures(outcomes)
    return 0 if missed == 0 and false <= ALLOWED_FALSE else 6


if __name__ == "__main__":
    sys.exit(main())
