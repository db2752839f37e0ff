"""Find the threshold with which a class would have fired: its scores go through the firmware's detector again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from soundfw.detect import detector as firmware
from soundfw.detect.thresholds import Thresholds
from soundsdk_sim.explain.steps import IDLE, ClassTrace, Trace, given_scores


@dataclass(frozen=True)
class NearMiss:
    """A stretch outside of the events and attempts of a class that a lower `on` would have made an event of."""

    start_s: float
    end_s: float
    peak: int  # 1/1000
    fires_at: int  # the highest `on` that would have fired, 1/1000


def fires(trace: Trace, of: ClassTrace, rule: Thresholds, steps: slice = slice(None)) -> bool:
    """Return whether a class, by itself and with another rule, would have made an event of its scores in some steps."""
    one = given_scores([of.label], [rule], trace.rate_hz, trace.step_samples)
    for now, step in zip(trace.ends[steps].tolist(), of.steps[steps], strict=True):
        one.scores[0] = step.score
        if one.update(now) and one.edge[0] == firmware.ON:
            return True
    return False


def highest_on(trace: Trace, of: ClassTrace, steps: slice = slice(None)) -> int | None:
    """Return the highest `on` in 1/1000 with which the class would have fired; None if there is none.

    `off` stays, but is never above `on`. A lower `on` begins an attempt earlier and never ends it earlier, so what
    fires at one `on` fires at every lower one.
    """
    low, high = 0, 1000  # fires at low (0: not known), does not at high + 1
    while low < high:
        on = (low + high + 1) // 2
        rule = Thresholds(on, min(of.rule.off, on), of.rule.min_ms, of.rule.hold_ms)
        low, high = (on, high) if fires(trace, of, rule, steps) else (low, on - 1)
    return low or None


def is_near(rule: Thresholds, found: int | None) -> bool:
    """Return whether the highest `on` that fires is near enough to be advice: at `off` or above, or half of `on`."""
    return found is not None and found >= min(rule.off, rule.on / 2)


def near_misses(trace: Trace, of: ClassTrace) -> list[NearMiss]:
    """Return where a class was nearly an event, by time.

    A stretch is near if it fires with half of `on` or more. What leads up to an event or an attempt, or away from one,
    belongs to it; stretches that the hold would bridge are one.
    """
    least = min(of.rule.off, of.rule.on // 2)
    step_ms = 1000 * trace.step_samples / trace.rate_hz
    stretches: list[range] = []
    for up, group in groupby(range(len(of.steps)), key=lambda i: of.steps[i].score >= least):
        run = list(group)
        if not up or any(of.steps[i].state != IDLE for i in run):
            continue
        before = stretches[-1] if stretches else None
        if before is not None and (run[0] - before.stop) * step_ms < of.rule.hold_ms and _idle(of, before, run[0]):
            stretches[-1] = range(before.start, run[-1] + 1)
        else:
            stretches.append(range(run[0], run[-1] + 1))
    found = []
    for stretch in stretches:
        on = highest_on(trace, of, slice(stretch.start, stretch.stop))
        if on is not None and 2 * on >= of.rule.on:
            start_s = trace.end_s(stretch.start) - trace.step_samples / trace.rate_hz
            peak = max(of.steps[i].score for i in stretch)
            found.append(NearMiss(start_s, trace.end_s(stretch.stop - 1), peak, on))
    return found


def _idle(of: ClassTrace, before: range, stop: int) -> bool:
    return all(step.state == IDLE for step in of.steps[before.stop : stop])
