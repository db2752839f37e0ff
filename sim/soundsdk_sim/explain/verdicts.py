"""One sentence per class: it fired, or what was missing and how much."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from soundsdk.labels import printable
from soundsdk_sim.explain.steps import FIRED as STEP_FIRED
from soundsdk_sim.explain.steps import Attempt, ClassTrace, Trace
from soundsdk_sim.explain.whatif import NearMiss, highest_on, is_near, near_misses

FIRED = "fired"
TOO_SHORT = "too_short"
CUT_OFF = "cut_off"  # the recording ended before min_ms had passed
TOO_LOW = "too_low"
_LISTED = 4  # events named in a sentence


@dataclass(frozen=True)
class Verdict:
    """The outcome for one class.

    text: without its label. advice: a rule that would have made it fire; empty if it did, or was never near it.
    """

    label: str
    outcome: str
    text: str
    advice: str
    highest: float  # score, 0-1
    highest_s: float  # the end of the step that had it
    step: int  # index of the step to look at: where the first event was reported, else that of the highest score
    fires_at_on: float | None = None  # highest `on` that would have fired; None if it did, or if none would
    fires_at_min_ms: float | None = None  # likewise min_ms, where an attempt was too short
    near: tuple[NearMiss, ...] = ()  # of a class that fired: where else it nearly did

    @property
    def sentence(self) -> str:
        """The verdict as a line to print."""
        return f"{printable(self.label)}: {self.text}."


def verdict(trace: Trace, of: ClassTrace) -> Verdict:
    """Judge one class of a trace that has steps."""
    step = of.highest
    highest, at = of.steps[step].score / 1000, trace.end_s(step)
    if of.firings:
        reported = next(i for i, one in enumerate(of.steps) if one.state == STEP_FIRED)
        near = tuple(near_misses(trace, of))
        return Verdict(of.label, FIRED, _fired(of) + _nearly(of, near), "", highest, at, reported, near=near)
    found = highest_on(trace, of)
    at_on = found / 1000 if found else None
    if of.attempts:
        best = max(of.attempts, key=lambda attempt: attempt.above_ms)
        outcome = CUT_OFF if best.cut_off else TOO_SHORT
        advice = f"fires with min_ms at {best.above_ms:.0f} or less"
        advice += f", or with {_threshold(of, found)} or less" if found and is_near(of.rule, found) else ""
        return Verdict(of.label, outcome, _short(of, best), advice, highest, at, step, at_on, best.above_ms)
    advice = f"fires with {_threshold(of, found)} or less" if found and is_near(of.rule, found) else ""
    return Verdict(of.label, TOO_LOW, _low(trace, of, step), advice, highest, at, step, at_on)


def _fired(of: ClassTrace) -> str:
    spans = []
    for one in of.firings[:_LISTED]:
        end = f"{one.onset_s:.2f}-{one.offset_s:.2f} s, highest {one.peak / 1000:.2f}, reported at {one.fired_s:.2f} s"
        end += f", {_times(len(one.merged_s), 'gap')} bridged by the hold" if one.merged_s else ""
        spans.append(end + (", still on at the end" if one.cut_off else ""))
    more = len(of.firings) - _LISTED
    spans += [f"and {more} more"] if more > 0 else []
    short = f"; {_times(len(of.attempts), 'other attempt')} too short" if of.attempts else ""
    return f"fired {_times(len(of.firings), 'time')}: " + "; ".join(spans) + short


def _nearly(of: ClassTrace, near: tuple[NearMiss, ...]) -> str:
    if not near:
        return ""
    spans = [
        f"{one.start_s:.1f}-{one.end_s:.1f} s, highest {one.peak / 1000:.2f}, fires at {_threshold(of, one.fires_at)}"
        for one in near[:_LISTED]
    ]
    spans += [f"and {len(near) - _LISTED} more"] if len(near) > _LISTED else []
    return f"; nearly {_times(len(near), 'time')}: " + "; ".join(spans)


def _threshold(of: ClassTrace, on: int) -> str:
    """Return a threshold in words; `off` has to come down with one that is lower."""
    return f"a threshold {'and off ' if on < of.rule.off else ''}of {on / 1000:.3f}"


def _times(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _short(of: ClassTrace, best: Attempt) -> str:
    rule = of.rule
    reached = f"reached {rule.on / 1000:.2f} at {best.start_s:.2f} s (highest {best.peak / 1000:.2f})"
    if best.cut_off:
        end = f"and had stayed up for {best.above_ms:.0f} ms when the recording ended, min {rule.min_ms} ms: cut off"
    else:
        end = f"but was below {rule.off / 1000:.2f} again after {best.above_ms:.0f} ms, min {rule.min_ms} ms: too short"
    others = len(of.attempts) - 1
    return f"{reached} {end}" + (f"; the longest of {others + 1} attempts" if others else "")


def _low(trace: Trace, of: ClassTrace, step: int) -> str:
    score, on = of.steps[step].score, of.rule.on
    digits = 2 if round(score / 1000, 2) < round(on / 1000, 2) else 3  # two, unless both would look the same
    short = round(on / 1000, digits) - round(score / 1000, digits)
    text = f"highest score {score / 1000:.{digits}f} at {trace.end_s(step):.1f} s, threshold {on / 1000:.{digits}f}: "
    text += f"too low by {short:.{digits}f}"
    loudest = max(range(len(of.steps)), key=lambda i: of.steps[i].raw)
    if of.steps[loudest].raw >= on:
        pool_ms = trace.metadata["detector"]["pool_ms"]
        text += f"; a single step had {of.steps[loudest].raw / 1000:.2f} at {trace.end_s(loudest):.1f} s"
        text += f", which pooling over {pool_ms} ms levels out"
    if trace.metadata["head"] == "softmax":
        rival = max((c for c in trace.classes if c is not of), key=lambda c: c.steps[step].score, default=None)
        if rival is not None and rival.steps[step].score > score:
            text += f"; {printable(rival.label)} had {rival.steps[step].score / 1000:.2f} there"
    return text


def verdict_json(trace: Trace, of: ClassTrace, found: Verdict) -> dict[str, Any]:
    """Return a verdict for programs: the fields of Verdict, the rule, the events and the attempts."""
    rule = of.rule
    return {
        "type": "verdict",
        **{k: v for k, v in asdict(found).items() if k not in ("text", "step", "near")},
        "text": found.sentence,
        "rule": {"on": rule.on / 1000, "off": rule.off / 1000, "min_ms": rule.min_ms, "hold_ms": rule.hold_ms},
        "events": [{**asdict(one), "peak": one.peak / 1000} for one in of.firings],
        "near": [{**asdict(one), "peak": one.peak / 1000, "fires_at": one.fires_at / 1000} for one in found.near],
        "attempts": [{**asdict(one), "peak": one.peak / 1000} for one in of.attempts],
    }
