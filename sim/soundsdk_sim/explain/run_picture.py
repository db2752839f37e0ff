"""The picture of a run, `soundsdk sim --plot`: sound, scores, thresholds, and why a near miss was no event."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soundsdk.labels import printable
from soundsdk_sim.drawing.raster import Raster
from soundsdk_sim.drawing.vector import Vector
from soundsdk_sim.explain.evidence import active_classes
from soundsdk_sim.explain.picture import WIDTH, ClassPanel, EvidencePicture
from soundsdk_sim.explain.report import Explanation, explain_sound
from soundsdk_sim.explain.steps import follow

MOST_PANELS = 8


def run_picture(suffix: str, model: bytes, pcm: NDArray[np.int16], title: str) -> bytes:
    """Return a picture, a .png or .svg, of what a detector makes of mono sound at its rate.

    Classes that fired or whose score reached `off` have their curve; the others, one sentence.
    """
    found = explain_sound(model, pcm)
    if found is None:  # shorter than a step: there is no score yet
        found = Explanation(follow(model, pcm), [], [], [], [])
    panels = [ClassPanel(i, None) for i in active_classes(found)[:MOST_PANELS]]
    picture = EvidencePicture(found, pcm, panels, printable(title))
    surface = (Raster if suffix == ".png" else Vector)(WIDTH, picture.height(), "#ffffff")
    picture.draw(surface)
    return surface.data()
