"""Events of a detector against the truth: which true ones it found, and which of its own are false alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from soundsdk.labels import LabelledSpan
from soundsdk_train.evaluation.deployed import ReportedEvent, ScoredRecording

AFTER_S = 1.0  # an event that begins this long after the sound still belongs to it


@dataclass
class JudgedRecording:
    """One recording and what became of its events.

    pairs: each true event with the detector's events that belong to it, none if it was missed. false: the others.
    """

    recording: ScoredRecording
    events: list[ReportedEvent]
    pairs: list[tuple[LabelledSpan, list[ReportedEvent]]]
    false: list[ReportedEvent]


def judge(recording: ScoredRecording, events: Sequence[ReportedEvent]) -> JudgedRecording:
    """Find the true event to which each detected one belongs.

    That is the last one of its label that has begun when it begins, if it ended no longer than AFTER_S before. An onset
    is known to a step of the model: one that lies a step early still counts as begun.
    """
    step_s = recording.step_samples / recording.rate_hz
    truth = sorted((t for t in recording.truth if t.label in recording.labels), key=lambda t: t.onset_s)
    pairs: list[tuple[LabelledSpan, list[ReportedEvent]]] = [(true, []) for true in truth]
    false = []
    for event in sorted(events, key=lambda e: e.onset_s):
        begun = [pair for pair in pairs if pair[0].label == event.label and pair[0].onset_s - step_s <= event.onset_s]
        if begun and event.onset_s <= begun[-1][0].offset_s + AFTER_S:
            begun[-1][1].append(event)
        else:
            false.append(event)
    return JudgedRecording(recording, list(events), pairs, false)


def hours_without(recording: ScoredRecording, label: str) -> float:
    """Return the hours of a recording in which an event of the label would be a false alarm.

    For a negative these are the hours of the sound that was given, without the quiet laid around it.
    """
    if recording.kind:
        return recording.sound_s / 3600
    taken, reached = 0.0, 0.0
    for true in sorted((t for t in recording.truth if t.label == label), key=lambda t: t.onset_s):
        end = min(true.offset_s + AFTER_S, recording.length_s)
        taken += max(0.0, end - max(true.onset_s, reached))
        reached = max(reached, end)
    return (recording.length_s - taken) / 3600
