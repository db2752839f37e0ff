"""Say in words what each class did in each second, from the states of its steps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from soundsdk_sim.explain.sound_input import StepInput, step_input
from soundsdk_sim.explain.steps import (
    ENDED,
    FIRED,
    HOLDING,
    IDLE,
    MERGED,
    OPEN_STATES,
    QUIET,
    RISING,
    STALE,
    TOO_SHORT,
    ClassStep,
    ClassTrace,
    Trace,
)


@dataclass(frozen=True)
class ClassSecond:
    """One class in one second. score: the highest, 1/1000; words: what happened, a phrase for each thing."""

    label: str
    score: int
    on: int
    words: list[str]  # none if the score stayed below `off` and the class was in no event


@dataclass
class Second:
    """One second of a recording; the last may be shorter."""

    second: int
    sound: StepInput
    classes: list[ClassSecond] = field(default_factory=list)


def seconds(trace: Trace, pcm: NDArray[np.int16]) -> list[Second]:
    """Return every second of a recording. A step belongs to the second in which its last sample lies."""
    rate = trace.rate_hz
    of_step = (trace.ends - 1) // rate
    out = []
    for number in range(-(-len(pcm) // rate)):
        row = Second(number, step_input(pcm[number * rate : (number + 1) * rate]))
        steps = np.flatnonzero(of_step == number)
        if len(steps):
            row.classes = [_class_second(trace, c, int(steps[0]), int(steps[-1]) + 1) for c in trace.classes]
        out.append(row)
    return out


def _class_second(trace: Trace, of: ClassTrace, first: int, stop: int) -> ClassSecond:
    score = max(step.score for step in of.steps[first:stop])
    return ClassSecond(of.label, score, of.rule.on, _words(trace, of, first, stop))


def _words(trace: Trace, of: ClassTrace, first: int, stop: int) -> list[str]:
    """Return what changed in a second; where nothing did, the state that lasted through it."""
    words: list[str] = []
    merges = [i for i in range(first, stop) if of.steps[i].state == MERGED]
    for i in range(first, stop):
        before = of.steps[i - 1].state if i else IDLE
        text = _change(trace, of, i, before, merges)
        words += [text] if text else []
    last = of.steps[stop - 1]
    if not words or last.state in (RISING, HOLDING, QUIET):
        lasting = _lasting(of, last, max(step.score for step in of.steps[first:stop]))
        words += [lasting] if lasting else []
    return words


def _change(trace: Trace, of: ClassTrace, i: int, before: str, merges: list[int]) -> str:
    step, rule = of.steps[i], of.rule
    begin_s, end_s = trace.end_s(i) - trace.step_samples / trace.rate_hz, trace.end_s(i)
    if step.state == FIRED:
        reached = "" if before == RISING else f"reached {rule.on / 1000:.2f} and "
        return f"{reached}fired at {end_s:.2f} s (above for {step.above_ms:.0f} ms, min {rule.min_ms})"
    if step.state == RISING and before != RISING:
        return f"reached {rule.on / 1000:.2f} at {begin_s:.2f} s"
    if step.state == TOO_SHORT:
        fell = f"below {rule.off / 1000:.2f} at {end_s:.2f} s"
        return f"{fell} after {step.above_ms:.0f} ms, min {rule.min_ms}: too short"
    if step.state == ENDED:
        if before == QUIET:
            return f"event {step.event} ended: its sound is over"
        return f"event {step.event} ended: below {rule.off / 1000:.2f} for the hold of {rule.hold_ms} ms"
    if step.state == QUIET and before != QUIET and not merges:
        return f"its sound fell to less than half of its rise at {begin_s:.2f} s"
    if step.state == HOLDING and before != HOLDING and not merges:
        return f"below {rule.off / 1000:.2f} from {begin_s:.2f} s, the hold began"
    if merges and i == merges[-1]:
        times = "" if len(merges) == 1 else f" {len(merges)} times, last"
        return f"above {rule.off / 1000:.2f} again{times} at {begin_s:.2f} s: merged into event {step.event}"
    return ""


def _lasting(of: ClassTrace, step: ClassStep, highest: int) -> str:
    rule = of.rule
    if step.state == RISING:
        return f"up for {step.above_ms:.0f} of {rule.min_ms} ms"
    if step.state in (HOLDING, QUIET):
        return f"{step.hold_left_ms:.0f} ms of the hold left"
    if step.state == STALE:
        return f"score still above {rule.off / 1000:.2f} after its event"
    if step.state in OPEN_STATES:
        return f"event {step.event} goes on"
    if highest >= rule.off:
        return f"too low by {round(rule.on / 1000, 2) - round(highest / 1000, 2):.2f}"
    return ""
