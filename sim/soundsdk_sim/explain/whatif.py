"""Find the threshold with which a class would have fired: its scores go through the firmware's detector again."""

from __future__ import annotations

from soundfw.detect import detector as firmware
from soundsdk_sim.explain.steps import ClassTrace, Trace, given_scores


def fires(trace: Trace, of: ClassTrace, rule: firmware.Thresholds) -> bool:
    """Return whether a class, by itself and with another rule, would have made an event of its scores."""
    one = given_scores([of.label], [rule], trace.rate_hz, trace.step_samples)
    for now, step in zip(trace.ends.tolist(), of.steps, strict=True):
        one.scores[0] = step.score
        if one.update(now) and one.edge[0] == firmware.ON:
            return True
    return False


def highest_on(trace: Trace, of: ClassTrace) -> int | None:
    """Return the highest `on` in 1/1000 with which the class would have fired; None if there is none.

    `off` stays, but is never above `on`. A lower `on` begins an attempt earlier and never ends it earlier, so what
    fires at one `on` fires at every lower one.
    """
    low, high = 0, 1000  # fires at low (0: not known), does not at high + 1
    while low < high:
        on = (low + high + 1) // 2
        rule = firmware.Thresholds(on, min(of.rule.off, on), of.rule.min_ms, of.rule.hold_ms)
        low, high = (on, high) if fires(trace, of, rule) else (low, on - 1)
    return low or None
