"""Draw the strip below a score: what the rule made of it in each step."""

from __future__ import annotations

from soundsdk_sim.drawing.sound import BACK
from soundsdk_sim.drawing.surface import Box, Surface
from soundsdk_sim.explain.steps import ENDED, FIRED, HOLDING, IDLE, MERGED, QUIET, RISING, RUNNING, STALE, TOO_SHORT

_SLATE = "#7b8794"
_PALE = "#b9c2cc"
NAMES = {
    RISING: "above on, waiting for min_ms",
    TOO_SHORT: "fell below off too early",
    RUNNING: "event",
    HOLDING: "below off, held",
    QUIET: "its sound has gone, held",
    MERGED: "gap bridged",
}
# The strip below a score: an idle step and the last of an event show nothing, the first of an event shows the event.
SHOWN_AS = {**{state: state for state in NAMES}, FIRED: RUNNING, IDLE: "", ENDED: "", STALE: ""}


def draw_state(on: Surface, area: Box, state: str, colour: str) -> None:
    """Fill an area as a run of steps in this state; colour: that of the class."""
    title = NAMES[state]
    if state in (RISING, TOO_SHORT):
        on.box(area, _SLATE, title=title)
        if state == TOO_SHORT:
            x, y = (area[0] + area[2]) / 2, (area[1] + area[3]) / 2
            for way in (-3, 3):
                on.line([(x - 3, y - way), (x + 3, y + way)], BACK, 1.6)
    elif state == HOLDING:
        on.box(area, colour, opacity=0.35, title=title)
    elif state == QUIET:  # no tint of the class: its sound has gone
        on.box(area, _PALE, title=title)
    else:
        on.box(area, colour, title=title)
        if state == MERGED:
            on.box((area[0], area[1] + 3, area[0] + 2, area[3] - 3), BACK)
