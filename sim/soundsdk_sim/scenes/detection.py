"""Events that a detector finds in generated scenes, against the truth: the work of `soundsdk evaluate-scenes`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import LabelledSpan
from soundsdk_sim.scenes.matching import MARGIN_S, Matched, match, on_time
from soundsdk_sim.scenes.scene import REQUIRED_LABELS, Scene

REQUIRED_SNR_DB = 5.0
ALLOWED_FALSE = 1


def detect(model: bytes, pcm: NDArray[np.int16]) -> list[LabelledSpan]:
    """Return the events that the firmware's detector finds in mono sound at the model's rate."""
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
    """Return the labels in a model's metadata."""
    import json

    import soundcore

    return [str(label) for label in json.loads(bytes(soundcore.Stream(model).metadata))["labels"]]


def detect_in_scenes(model: bytes, scenes: Iterable[Scene]) -> list[Matched]:
    """Run a detector on scenes and return one outcome per scene."""
    labels = labels_of(model)
    return [match(scene.events, detect(model, scene.pcm), labels) for scene in scenes]


def failures(outcomes: Sequence[Matched]) -> tuple[int, int]:
    """Count the required events that were not found on time, and the false events."""
    missed = sum(
        not on_time(true, found)
        for outcome in outcomes
        for true, found in outcome.pairs
        if true.label in REQUIRED_LABELS and true.snr_db >= REQUIRED_SNR_DB
    )
    return missed, sum(len(outcome.false) for outcome in outcomes)


def end_delays(outcomes: Sequence[Matched], label: str) -> list[float]:
    """Return how long after their sound events of REQUIRED_SNR_DB or more ended, in seconds, for those found."""
    return [
        delay
        for outcome in outcomes
        for (true, _), delay in zip(outcome.pairs, outcome.end_delays_s(), strict=True)
        if true.label == label and true.snr_db >= REQUIRED_SNR_DB and delay is not None
    ]


def event_table(names: Sequence[str], outcomes: Sequence[Matched]) -> str:
    """Return one line per event: scene, label, SNR, times, outcome."""
    lines = [f"{'scene':>6}  {'label':<12} {'SNR dB':>6}  {'true s':>13}  {'found s':>13}  delay s"]
    for name, outcome in zip(names, outcomes, strict=True):
        rows = []
        for true, found in outcome.pairs:
            head = f"{name:>6}  {true.label:<12} {true.snr_db:6.1f}  {true.onset_s:6.2f}-{true.offset_s:<6.2f}"
            required = true.label in REQUIRED_LABELS and true.snr_db >= REQUIRED_SNR_DB
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
    """Return the events found and missed per label, how late they ended, and the two figures that decide.

    An end is late more than MARGIN_S after the sound was last heard.
    """
    lines = []
    pairs = [pair for outcome in outcomes for pair in outcome.pairs]
    for label in sorted({true.label for true, _ in pairs}):
        of = [(true, found) for true, found in pairs if true.label == label]
        loud = [(true, found) for true, found in of if true.snr_db >= REQUIRED_SNR_DB]
        timely = sum(on_time(*pair) for pair in loud)
        count = sum(found is not None for _, found in of)
        delays = end_delays(outcomes, label)
        ends = ""
        if delays:
            late = sum(delay > MARGIN_S for delay in delays)
            ends = f"; ends late: {late} of {len(delays)}, median {np.median(delays):+.2f} s"
        lines.append(
            f"{label:<12} >= {REQUIRED_SNR_DB:.0f} dB: {timely} of {len(loud)} within 1 s{ends};"
            f" all levels: {count} of {len(of)} found"
        )
    missed, false = failures(outcomes)
    lines.append(
        f"required events missed or late: {missed} (0 allowed); false events: {false} ({ALLOWED_FALSE} allowed)"
    )
    return "\n".join(lines)
